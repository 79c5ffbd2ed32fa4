"""Random histories of a few leads, drawn from a seed: the records that upstreams publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.events import DealClosed, FactRecord, LeadContacted, LeadCreated, LeadStalled, LeadUpdated
from streams.domain.fact_of_record import fact_of
from streams.domain.policy import Action, PlainTime, Policy, PolicyLimits
from tests.builders import T0
from tests.builders_domain import a_policy, within

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

SPAN = 300
"""Event times lie between 0 and this, in units of `Scale.ms`."""
END = 1_000
"""The time up to which histories are judged, in the same units; every deadline is before it."""


@dataclass(frozen=True)
class Scale:
    """How long a unit of a history's time is, and where it starts: both in epoch ms."""

    ms: int
    start: int = T0

    def at(self, units: int) -> int:
        return self.start + units * self.ms


def draw_policy(random: Random, ms: int, *, is_bounded: bool) -> Policy:
    """A policy of short promises; with limits only where the order of arrival is that of event time."""

    def some(most: int, least: int = 1) -> int:
        return random.randint(least, most) * ms

    promises = within(
        some(100) if random.random() < 0.8 else None,
        some(100),  # never off: the reference goes by agreed next steps even then
        some(100) if random.random() < 0.8 else None,
        some(20, 0),
        random.choice([None, 1, 2, 3, 4]),
    )
    if not is_bounded:
        return a_policy(promises)
    limits = PolicyLimits(
        max_recycles=random.choice([None, 0, 1, 2, 3]),
        max_age=PlainTime(some(200)) if random.random() < 0.3 else None,
        cooldown=PlainTime(some(200) if random.random() < 0.5 else 0),
        holdout_percent=random.choice([0, 0, 50]),
        holdout_salt=random.choice(["", "a", "b"]),
    )
    return a_policy(
        promises,
        limits,
        {
            "invalid": None,
            "poor_fit": None,
            "price": Action("offer", PlainTime(some(50))),
            "never_contacted": Action(
                "introduce-again", escalate=PlainTime(some(50)) if random.random() < 0.5 else None
            ),
        },
    )


def draw_histories(
    random: Random, scale: Scale, leads: int, facts: int, *, is_plain: bool
) -> dict[str, list[FactRecord]]:
    """Of each lead its facts in order.

    Plain ones begin with their only creation and are free to contact: what was decided before such facts were known
    stands, so the end would depend on the order of arrival.
    """
    return {
        f"lead-{n}": sorted(_facts(random, scale, f"lead-{n}", random.randint(1, facts), is_plain), key=order)
        for n in range(leads)
    }


def order(record: FactRecord) -> tuple[int, int, str]:
    return fact_of(record).order


def _facts(random: Random, scale: Scale, lead_id: str, count: int, is_plain: bool) -> Iterator[FactRecord]:
    created_at = 0 if is_plain else random.choice([0, 0, 0, random.randint(0, 200)])
    yield _created(random, _common(lead_id, 0, scale.at(created_at)), scale, is_plain)
    for n in range(1, count + 1):
        common = _common(lead_id, n, scale.at(random.randint(0, SPAN)))
        kind = random.random()
        if kind < 0.5:
            yield _contacted(random, common, scale)
        elif kind < 0.6 and not is_plain:
            yield _created(random, common, scale, is_plain)
        elif kind < 0.7:
            yield _updated(random, common, scale, is_plain)
        elif kind < 0.85:
            reason = random.choice(["lost", "price", "poor_fit"])
            yield DealClosed(outcome="won" if random.random() < 0.3 else "lost", reason=reason, **common)  # type: ignore[arg-type]  # mypy does not look into the dict
        else:
            reason, resume = random.choice(["bad_timing", "invalid"]), scale.at(random.randint(0, 400))
            resume_at = resume if random.random() < 0.5 else None
            yield LeadStalled(reason=reason, resume_at=resume_at, **common)  # type: ignore[arg-type]  # as above


def _common(lead_id: str, n: int, at: int) -> dict[str, object]:
    return {"lead_id": lead_id, "event_id": f"{lead_id} e{n}", "occurred_at": at, "recorded_at": at}


def _created(random: Random, common: dict[str, object], scale: Scale, is_plain: bool) -> LeadCreated:
    expires = None if is_plain or random.random() < 0.7 else scale.at(random.randint(100, 900))
    barred = not is_plain and random.random() < 0.2
    origin = random.choice(["web", "fair"])
    return LeadCreated(origin=origin, consent_expires_at=expires, do_not_contact=barred, **common)  # type: ignore[arg-type]  # as above


def _updated(random: Random, common: dict[str, object], scale: Scale, is_plain: bool) -> LeadUpdated:
    """A RECYCLE that follows from a retraction bears the time of its stall, so ids depend on when each was read.

    Therefore only plain histories, of which the ends are compared, contain retractions.
    """
    if random.random() < 0.5:
        return LeadUpdated(do_not_contact=random.choice(["yes", "no"]), **common)  # type: ignore[arg-type]  # as above
    if is_plain:
        return LeadUpdated(retracts=f"{common['lead_id']} e{random.randint(1, 4)}", **common)  # type: ignore[arg-type]  # as above
    expires = scale.at(random.randint(100, 900)) if random.random() < 0.5 else None
    return LeadUpdated(consent=random.choice(["granted", "withdrawn"]), consent_expires_at=expires, **common)  # type: ignore[arg-type]  # as above


def _contacted(random: Random, common: dict[str, object], scale: Scale) -> LeadContacted:
    by = "marketing" if random.random() < 0.2 else "sales"
    outcome = "connected" if random.random() < 0.5 else "voicemail"
    next_step = scale.at(random.randint(0, 400)) if random.random() < 0.4 else None
    return LeadContacted(by=by, outcome=outcome, next_step_at=next_step, **common)  # type: ignore[arg-type]  # as above
