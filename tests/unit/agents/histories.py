"""Random histories of several leads, as the records that upstreams publish."""

from hypothesis import strategies as st

from schemas.events import DealClosed, FactRecord, LeadContacted, LeadCreated, LeadStalled, LeadUpdated
from streams.domain.facts import NO_CONSENT, Closed, Contacted, Created, Fact, Stalled, Updated
from tests.builders import T0
from tests.builders_domain import a_policy
from tests.unit.domain.histories import QUICK
from tests.unit.domain.histories import histories as of_one_lead

END = T0 + 1_000
BOUNDLESS = a_policy(QUICK)

Histories = dict[str, list[FactRecord]]


def histories(leads: int = 3, facts: int = 8) -> st.SearchStrategy[Histories]:
    """Histories of a few leads, each in the order in which it happened."""
    many = st.lists(of_one_lead(facts), min_size=1, max_size=leads)
    return many.map(lambda each: {f"lead-{n}": _records_of(f"lead-{n}", facts) for n, facts in enumerate(each)})


def merged(history: Histories) -> list[FactRecord]:
    """All facts in event-time order."""
    return sorted((record for records in history.values() for record in records), key=lambda each: each.occurred_at)


def _records_of(lead_id: str, facts: list[Fact]) -> list[FactRecord]:
    return [_record(lead_id, fact) for fact in sorted(facts, key=lambda fact: fact.order)]


def _record(lead_id: str, fact: Fact) -> FactRecord:
    at = T0 + fact.at
    common = {"lead_id": lead_id, "event_id": f"{lead_id} {fact.event_id}", "occurred_at": at, "recorded_at": at}
    match fact:
        case Created():
            expires_at = _later(fact.consent_expires_at)
            barred = fact.do_not_contact
            return LeadCreated(origin=fact.origin, consent_expires_at=expires_at, do_not_contact=barred, **common)  # type: ignore[arg-type]  # mypy does not look into the dict
        case Contacted():
            by, next_step_at = "marketing" if fact.is_no_touch else "sales", _later(fact.next_step_at)
            return LeadContacted(by=by, next_step_at=next_step_at, **_happened(fact), **common)  # type: ignore[arg-type]  # as above
        case Updated():
            return LeadUpdated(**_changes(lead_id, fact), **common)  # type: ignore[arg-type]  # as above
        case Closed():
            return DealClosed(outcome="won" if fact.is_won else "lost", reason=fact.reason, **common)  # type: ignore[arg-type]  # as above
        case Stalled():
            return LeadStalled(reason=fact.reason, resume_at=_later(fact.resume_at), **common)  # type: ignore[arg-type]  # as above
        case _:
            raise TypeError(fact)


def _happened(fact: Contacted) -> dict[str, str]:
    if not fact.is_progress:
        return {"outcome": "no_show" if fact.loses_step else "voicemail"}
    return {"outcome": "no_show", "direction": "inbound"} if fact.loses_step else {"outcome": "connected"}


def _changes(lead_id: str, fact: Updated) -> dict[str, object]:
    opted_out = {None: "unchanged", True: "yes", False: "no"}[fact.do_not_contact]
    retracts = f"{lead_id} {fact.retracts}" if fact.retracts else ""
    if not fact.has_consent:
        return {"do_not_contact": opted_out, "retracts": retracts}
    if fact.consent_expires_at == NO_CONSENT:
        return {"consent": "withdrawn", "retracts": retracts}
    return {"consent": "granted", "consent_expires_at": _later(fact.consent_expires_at), "retracts": retracts}


def _later(at: int | None) -> int | None:
    return None if at is None else T0 + at
