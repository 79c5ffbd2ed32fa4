"""Random histories of leads, as records with all that the semantics know, and random policies to go with them."""

from collections.abc import Mapping
from typing import Any, get_args

from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.events import (
    Activity,
    By,
    ContactOutcome,
    DealClosed,
    FactRecord,
    LeadContacted,
    LeadCreated,
    LeadStalled,
    LeadUpdated,
)
from streams.domain.policy import Action, PlainTime, Policy, PolicyLimits, Promises
from streams.domain.policy.counts import Counting
from streams.domain.policy.rules import Rule
from tests.builders import T0

LENGTH_MS = 300
END = T0 + 1_000
IDS = 8

_at = st.integers(T0, T0 + LENGTH_MS)
_soon = st.none() | st.integers(T0, T0 + LENGTH_MS + 100)
_owner = st.sampled_from(["", "", "ann", "bob"])
_amount = st.none() | st.sampled_from([100, 900])
_event_id = st.integers(0, IDS).map(lambda n: f"e{n}")


def _record(kind: type[FactRecord], **fields: Any) -> st.SearchStrategy[FactRecord]:
    return st.builds(kind, occurred_at=_at, source=st.just("test"), **fields)


creations = _record(
    LeadCreated,
    origin=st.sampled_from(["web", "fair"]),
    owner_id=_owner,
    segment=st.sampled_from(["", "smb"]),
    consent_expires_at=_soon,
    do_not_contact=st.sampled_from([False, False, False, True]),
    expected_amount=_amount,
)
contacts = _record(
    LeadContacted,
    by=st.sampled_from(("sales", "sales", *get_args(By))),
    activity=st.sampled_from(get_args(Activity)),
    direction=st.sampled_from(["outbound", "outbound", "inbound"]),
    outcome=st.sampled_from(get_args(ContactOutcome)),
    owner_id=_owner,
    next_step_at=_soon,
)
closings = _record(
    DealClosed, outcome=st.sampled_from(["lost", "lost", "won"]), reason=st.sampled_from(["", "price", "poor_fit"])
)
stalls = _record(LeadStalled, reason=st.sampled_from(["", "bad_timing", "competitor", "invalid"]), resume_at=_soon)
updates = _record(
    LeadUpdated,
    owner_id=st.none() | _owner,
    segment=st.sampled_from([None, None, "smb", ""]),
    consent=st.sampled_from(["unchanged", "unchanged", "granted", "withdrawn"]),
    consent_expires_at=st.none() | _soon,
    do_not_contact=st.sampled_from(["unchanged", "unchanged", "yes", "no"]),
    expected_amount=_amount,
    retracts=st.just("") | _event_id,
)
any_fact = st.one_of(contacts, contacts, creations, closings, stalls, updates)


def histories(leads: int = 3, facts: int = 10) -> st.SearchStrategy[list[FactRecord]]:
    """Facts of a few leads, most of them created first, in event-time order."""
    created = creations.map(lambda record: replace(record, occurred_at=T0))
    of_one = st.builds(lambda first, rest: [first, *rest], created | contacts, st.lists(any_fact, max_size=facts))
    return st.lists(of_one, min_size=1, max_size=leads).map(_in_order)


def _in_order(of_leads: list[list[FactRecord]]) -> list[FactRecord]:
    named = [_named(record, f"lead-{n}", m) for n, records in enumerate(of_leads) for m, record in enumerate(records)]
    return sorted(named, key=lambda record: record.occurred_at)


def _named(record: FactRecord, lead_id: str, number: int) -> FactRecord:
    named = replace(record, lead_id=lead_id, event_id=f"{lead_id} e{number}")
    if isinstance(named, LeadUpdated) and named.retracts:
        return replace(named, retracts=f"{lead_id} {named.retracts}")
    return named


_span = st.builds(PlainTime, st.integers(1, 100))
_reasons: st.SearchStrategy[Mapping[str, Action | None]] = st.builds(
    lambda delay, escalate: {
        "invalid": None,
        "poor_fit": None,
        "price": Action("offer", delay),
        "competitor": Action("switch", disposition="triggered"),
        "never_contacted": Action("introduce-again", escalate=escalate),
        "never_assigned": Action("introduce-again", escalate=escalate),
        "no_next_step": Action("keep-warm", cooldown=delay),
    },
    _span,
    st.none() | _span,
)
_limits = st.builds(
    PolicyLimits,
    max_recycles=st.none() | st.integers(0, 3),
    max_age=st.none() | st.builds(PlainTime, st.integers(0, 200)),
    cooldown=st.builds(PlainTime, st.integers(0, 200)),
    holdout_percent=st.sampled_from([0, 0, 50]),
    holdout_salt=st.sampled_from(["", "a"]),
)
_promises = st.builds(
    Promises,
    never_contacted=st.none() | _span,
    no_follow_up=st.none() | _span,
    no_progress=st.none() | _span,
    grace=st.none() | st.builds(PlainTime, st.integers(0, 20)),
    max_attempts=st.none() | st.integers(1, 4),
    never_assigned=st.none() | _span,
    no_next_step=st.none() | _span,
    contact_from=st.sampled_from(["created", "assigned"]),
    warn=st.dictionaries(st.sampled_from(["never_contacted", "no_follow_up"]), _span),
)
_agents = Counting(by=frozenset({"sales", "lead", "agent"}), ignored=frozenset({"bounced"}))
_rules = st.builds(lambda promises: (Rule("agents", promises, {"origin": ("web",)}, counts=_agents),), _promises)


def policies(*, has_rules: bool) -> st.SearchStrategy[Policy]:
    """With rules, what counts as a touch depends on the lead."""
    rules = st.just(()) | _rules if has_rules else st.just(())
    return st.builds(Policy, promises=_promises, rules=rules, reasons=_reasons, limits=_limits)
