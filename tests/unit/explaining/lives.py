"""Random leads under random policies, as streams publishes them and the read model keeps them."""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.events import AnyRecord, FactRecord, LeadSnapshot
from schemas.topics import TOPIC_OF
from streams.agents import records
from streams.agents.leads import Milestones, milestones
from streams.domain.decisions import AtRisk, Recycle, Revoke
from streams.domain.fact_of_record import fact_of
from streams.domain.facts import Stalled
from streams.domain.lead_fold import Emission, LeadFold
from streams.domain.policy import Action, BusinessTime, PlainTime, Policy, PolicyLimits, Promises, Rule, Span, days
from streams.domain.policy.calendars import Calendar, Hours
from streams.domain.policy.counts import DEFAULT_COUNTING, Counting
from tests.builders import DAY, a_contact, a_created, a_loss, a_reply, a_stall, a_win
from tests.projected import CODEC
from workers.projection.fold import DocumentFold
from workers.projection.record_decoder import RecordDecoder
from workers.read_model.lead_document import LeadDocument, decode

HOUR = 3_600_000
MONDAY = int(datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp() * 1000)
OFFICE = Calendar("office", ZoneInfo("Europe/Berlin"), dict.fromkeys(range(5), (Hours(540, 1050),)))
ORIGINS = ("web", "fair", "webinar")
REASONS = ("bad_timing", "invalid", "no_budget")

_decoder, _fold = RecordDecoder(CODEC), DocumentFold(CODEC)


class Life(NamedTuple):
    """A lead as streams has it at `now`, and what it has published about it."""

    ledger: LeadFold
    published: list[AnyRecord]
    policy: Policy
    now: int

    @property
    def snapshot(self) -> LeadSnapshot:
        return next(one for one in reversed(self.published) if isinstance(one, LeadSnapshot))

    def document(self, since: int = 0) -> LeadDocument:
        """Its document, if the records before `since` have expired, but for the snapshot."""
        kept = [one for one in self.published if isinstance(one, LeadSnapshot) or one.occurred_at >= since]
        lead_id = self.ledger.lead_id
        events = [_decoder(TOPIC_OF[type(one)].name, lead_id.encode(), CODEC.encode(one), self.now) for one in kept]
        return decode(_fold(events, {lead_id: None}).documents[lead_id])


def a_life(seed: int) -> Life:
    """The lead of this seed."""
    dice = random.Random(seed)
    policy, facts, at = a_random_policy(dice), list[FactRecord](), MONDAY
    for number in range(dice.choice([1, 1, 2, 3, 4, 6, 9])):
        at += dice.randrange(1, 24 * dice.choice([1, 3, 10])) * HOUR
        facts.append(_a_fact(dice, f"L-{seed}", at, number))
    return lived(facts, policy, at + dice.randrange(24 * dice.choice([1, 5, 30])) * HOUR)


def lived(facts: Iterable[FactRecord], policy: Policy, now: int) -> Life:
    """The lead of these facts (one lead's, in order), as if each had come at its own time, at `now`."""
    ledger, published, told = LeadFold(""), list[AnyRecord](), None
    for fact in facts:
        ledger.lead_id = fact.lead_id
        pass_time(ledger, policy, fact.occurred_at)
        published.append(fact)
        ledger.add(fact_of(fact, with_how=True), policy, fact.occurred_at)
        told = _publish(ledger, policy, fact.occurred_at, published, told)
    pass_time(ledger, policy, now)
    _publish(ledger, policy, now, published, told)
    return Life(ledger, published, policy, now)


def pass_time(ledger: LeadFold, policy: Policy, until: int) -> None:
    """Let time go on, as a partition does that wakes up just after each deadline."""
    while (deadline := ledger.deadline(policy)) is not None and deadline.due < until:
        ledger.tick(policy, deadline.due + 1)


def a_random_policy(dice: random.Random, *, with_warnings: bool = True) -> Policy:
    """A policy of all that a policy can have."""
    escalate = dice.choice([None, BusinessTime(4 * HOUR, OFFICE)])
    return Policy(
        "7",
        _promises(dice, with_warnings=with_warnings),
        tuple(
            Rule(
                f"for {name}", _promises(dice, with_warnings=with_warnings), {"origin": (name,)}, counts=_counting(dice)
            )
            for name in dice.sample(ORIGINS, 2)
        ),
        {
            "never_contacted": Action("introduce-again", escalate=escalate),
            "no_follow_up": Action("keep-warm", escalate=dice.choice([None, days(1)])),
            "no_progress": Action("re-engage", days(7), cooldown=days(3)),
            "bad_timing": Action("right-time", days(dice.randrange(60))),
            "price": Action("offer", days(30)),
            "no_budget": Action("value", disposition=dice.choice(["timed", "triggered"])),
            "invalid": None,
        },
        limits=PolicyLimits(
            dice.choice([None, 1, 3]),
            dice.choice([None, days(180)]),
            days(dice.choice([0, 5, 14])),
            dice.choice([0, 0, 30]),
        ),
        counts=_counting(dice),
    )


def _rule(dice: random.Random, origin: str, *, with_warnings: bool) -> Rule:
    promises = _promises(dice, with_warnings=with_warnings)
    return Rule(f"for {origin}", promises, {"origin": (origin,)}, counts=_counting(dice))


def _counting(dice: random.Random) -> Counting:
    return dice.choice([DEFAULT_COUNTING, DEFAULT_COUNTING, Counting(frozenset({"sales", "lead", "agent"}))])


def _promises(dice: random.Random, *, with_warnings: bool) -> Promises:
    return Promises(
        dice.choice([None, days(2), BusinessTime(4 * HOUR, OFFICE)]),
        _span(dice, 3, 7),
        _span(dice, 10, 30),
        dice.choice([None, days(1)]),
        dice.choice([None, 3, 6]),
        dice.choice([None, None, days(1)]),
        dice.choice([None, None, days(3)]),
        dice.choice(["created", "assigned"]),
        _warnings(dice) if with_warnings else {},
    )


def _warnings(dice: random.Random) -> dict[str, Span]:
    return dice.choice([{}, {"never_contacted": PlainTime(HOUR), "no_follow_up": days(1), "no_next_step": days(1)}])


def _span(dice: random.Random, least: int, most: int) -> Span | None:
    return dice.choice([None, PlainTime(dice.randrange(least, most) * DAY), BusinessTime(20 * HOUR, OFFICE)])


def _a_fact(dice: random.Random, lead_id: str, at: int, number: int) -> FactRecord:
    name = {"event_id": f"{lead_id} {number}"}
    drawn = dice.random() if number else 1.0
    if drawn < 0.5:
        step = dice.choice([None, None, at + dice.randrange(20) * DAY])
        by = dice.choice(["sales", "sales", "sales", "agent", "automation", "marketing"])
        return a_contact(lead_id, at, by=by, next_step_at=step, owner_id=dice.choice(["", "", "cleo"]), **name)
    if drawn < 0.6:
        return a_reply(lead_id, at, **name)
    if drawn < 0.75:
        resume_at = dice.choice([None, at + dice.randrange(100) * DAY])
        return a_stall(lead_id, at, reason=dice.choice(REASONS), resume_at=resume_at, **name)
    if drawn < 0.85:
        return a_loss(lead_id, at, **name)
    if drawn < 0.9:
        return a_win(lead_id, at, **name)
    return a_created(
        lead_id,
        at,
        origin=dice.choice(ORIGINS),
        owner_id=dice.choice(["", "ann", "bob"]),
        consent_expires_at=dice.choice([None, None, at + dice.randrange(100) * DAY]),
        do_not_contact=dice.random() < 0.1,
        **name,
    )


def _publish(ledger: LeadFold, policy: Policy, now: int, out: list[AnyRecord], told: Milestones | None) -> Milestones:
    for emission in ledger.emissions:
        out.extend(_records(ledger.lead_id, emission, policy))
    ledger.emissions.clear()
    due = ledger.deadline(policy)
    reached = milestones(ledger.lead, due)
    if reached != told:
        out.append(records.snapshot(ledger.lead_id, ledger.history, due, now))
    return reached


def _records(lead_id: str, emission: Emission, policy: Policy) -> Iterator[AnyRecord]:
    what, lead = emission.what, emission.lead
    if isinstance(what, Stalled):
        yield records.stalled(lead_id, what)
        return
    if isinstance(what, AtRisk):
        yield records.escalated(lead_id, what, lead, policy)
        return
    yield records.decided(lead_id, what, lead, policy)
    if isinstance(what, Recycle):
        yield records.recycled(lead_id, what, lead)
    elif isinstance(what, Revoke):
        yield records.revoked(lead_id, what, lead)
