"""Checks of the decisions of one lead against its stalls, and of its recycles against each other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Final

from schemas.events import DealClosed, LeadContacted, LeadCreated, LeadDecided, LeadRecycled, LeadStalled, LeadUpdated

from .differences import AuditDifference
from .lead_records import LeadRecords
from .plain_lead import PlainLead

_MOST_TRIES: Final = 64
"""RECYCLEs for one stall, of which all but the last were revoked."""


def check_decisions(records: LeadRecords, lead: PlainLead) -> Iterator[AuditDifference]:
    """Every decision is about a stall that existed; events and decisions correspond."""
    yield from _unknown_stalls(records)
    yield from _unmatched_recycles(records)
    yield from _unmatched_escalation(records, lead)


def check_recycles(records: LeadRecords, lead: PlainLead) -> Iterator[AuditDifference]:
    """Every RECYCLE stands or has exactly one REVOKE, and at most one stands."""
    lead_id, revokes = records.lead_id, _revokes(records)
    for recycle_id, event_ids in revokes.items():
        if len(event_ids) > 1:
            yield AuditDifference("revoked_twice", lead_id, f"REVOKEs of {recycle_id}", _listed(event_ids), "one")
    unrevoked = {one.recycle_id for one in _recycles(records) if one.recycle_id not in revokes}
    if len(unrevoked) > 1:
        yield AuditDifference("two_recycles", lead_id, "RECYCLEs without REVOKE", _listed(unrevoked), "at most one")
    for due in lead.due_revokes:
        what = f"RECYCLE {due.recycle.recycle_id}"
        yield AuditDifference("not_revoked", lead_id, what, "not revoked", f"revoked: {due.cause}")


def check_gates(lead_id: str, lead: PlainLead) -> Iterator[AuditDifference]:
    """Nobody who may not be contacted is with marketing."""
    if lead.recycle is None:
        return
    not_before = lead.recycle.not_before or lead.recycle.occurred_at
    gate = closed_gate(lead, not_before)
    if gate:
        yield AuditDifference(
            "forbidden", lead_id, f"RECYCLE {lead.recycle.recycle_id}", "standing", f"revoked: {gate}"
        )


def closed_gate(lead: PlainLead, not_before: int) -> str:
    """The gate that forbids handing the lead back, or an empty text. `not_before`: when marketing may begin."""
    if lead.won_ever:
        return "customer"
    if lead.do_not_contact:
        return "do_not_contact"
    expires_at = lead.consent_expires_at
    return "consent_expired" if expires_at is not None and expires_at <= not_before else ""


def _unknown_stalls(records: LeadRecords) -> Iterator[AuditDifference]:
    stalls = {one.event_id for one in records.facts.values() if isinstance(one, LeadStalled | DealClosed)}
    for one in records.verdicts:
        if one.decision != "REVOKE" and one.stall_id not in stalls and not _is_lost_stall(one, records):
            what = f"stall {one.stall_id} of {one.decision} {one.event_id}"
            yield AuditDifference("unknown_stall", records.lead_id, what, "not in the topics", "a stall of this lead")


def _is_lost_stall(verdict: LeadDecided, records: LeadRecords) -> bool:
    """Whether it is a stall of the detector that a crash kept from Kafka: its id follows from the facts."""
    return any(
        verdict.stall_id == _digest("stall", records.lead_id, verdict.pass_no, verdict.reason, one.occurred_at)
        for one in records.facts.values()
        if isinstance(one, LeadCreated | LeadUpdated | LeadContacted)
    )


def _unmatched_recycles(records: LeadRecords) -> Iterator[AuditDifference]:
    decided, revokes, lead_id = {one.event_id for one in records.verdicts}, _revokes(records), records.lead_id
    recycled, judged = {one.recycle_id for one in _recycles(records)}, {one.stall_id for one in records.verdicts}
    for one in _recycles(records):
        # A crash can keep the decision of a RECYCLE from Kafka: of one that is then revoked, or of a stall that waited.
        if one.event_id not in decided and one.recycle_id not in revokes and one.stall_id not in judged:
            yield _unmatched(lead_id, f"decision of RECYCLE {one.recycle_id}")
    for recycle_id in revokes.keys() - recycled:
        stall_ids = {one.stall_id for one in _revoke_events(records) if one.recycle_id == recycle_id}
        if not any(_is_recycle_of(recycle_id, stall_id) for stall_id in stall_ids):
            yield _unmatched(lead_id, f"RECYCLE of REVOKE {recycle_id}")


def _unmatched_escalation(records: LeadRecords, lead: PlainLead) -> Iterator[AuditDifference]:
    """Of the stall that stands: an older one may be left over from a crash."""
    stall = lead.stall
    if stall is None:
        return
    decided = {one.event_id for one in records.verdicts if one.decision == "ESCALATE"}
    if isinstance(stall.decided, LeadDecided) and stall.decision == "ESCALATE":
        event_id = stall.decided.event_id
        if event_id not in records.escalations:
            yield _unmatched(records.lead_id, f"event in lead-escalated of decision {event_id}")
    for one in records.escalations.values():
        if one.stall_id == stall.stall_id and one.event_id not in decided:
            yield _unmatched(records.lead_id, f"decision of ESCALATE {one.event_id}")


def _unmatched(lead_id: str, what: str) -> AuditDifference:
    return AuditDifference("unmatched", lead_id, what, "missing", "there")


def _is_recycle_of(recycle_id: str, stall_id: str) -> bool:
    """Whether the id follows from the stall: the RECYCLE was decided, and a crash kept it from Kafka."""
    again = (_digest("recycle", stall_id, number) for number in range(1, _MOST_TRIES))
    return recycle_id in (_digest("recycle", stall_id), *again)


def _recycles(records: LeadRecords) -> Iterator[LeadRecycled]:
    for one in records.facts.values():
        if isinstance(one, LeadRecycled) and one.action == "RECYCLE":
            yield one


def _revoke_events(records: LeadRecords) -> Iterator[LeadRecycled]:
    for one in records.facts.values():
        if isinstance(one, LeadRecycled) and one.action == "REVOKE":
            yield one


def _revokes(records: LeadRecords) -> dict[str, set[str]]:
    """The event_ids of the REVOKEs, by recycle."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in _revoke_events(records):
        found[one.recycle_id].add(one.event_id)
    return found


def _digest(*parts: object) -> str:
    """How streams derives an id from its causes."""
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
