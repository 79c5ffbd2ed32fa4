"""Compares the newest snapshot of a lead with the lead that its facts make.

Only fields whose change makes streams write a snapshot are compared: the others may be older than the facts.
"""

from collections.abc import Collection, Iterator
from typing import Any

from schemas.events import Decision, LeadDecided, LeadSnapshot, PastPass

from .differences import AuditDifference
from .plain_lead import FINAL, PlainLead, PlainPass, PlainStall

KEPT_PASSES = 12
"""Passes that are over in a snapshot: the newest."""


def compare(
    lead_id: str, lead: PlainLead, snapshot: LeadSnapshot, verdicts: Collection[LeadDecided]
) -> Iterator[AuditDifference]:
    """The differences of a snapshot from the lead; `verdicts` are its decisions."""
    if snapshot.stage != lead.stage:
        yield AuditDifference("stage", lead_id, "stage", snapshot.stage, lead.stage)
    for name, expected in _expected(lead).items():
        found = getattr(snapshot, name)
        if found != expected:
            yield AuditDifference("snapshot", lead_id, name, _text(found), _text(expected))
    if lead.stall is not None and snapshot.stall_id == lead.stall.stall_id:
        recorded = {one.decision for one in verdicts if one.stall_id == lead.stall.stall_id}
        yield from _compare_decision(lead_id, lead.stall, snapshot.decision, recorded)


def _expected(lead: PlainLead) -> dict[str, object]:
    """The fields of a snapshot with their values, by the facts."""
    return {
        "pass_no": lead.pass_no,
        "origin": lead.origin,
        "campaign_id": lead.campaign_id,
        "owner_id": lead.owner_id,
        "stall_id": lead.stall.stall_id if lead.stall else "",
        "stall_reason": lead.stall.reason if lead.stall else "",
        "recycle_id": lead.recycle.recycle_id if lead.recycle else "",
        "reached": lead.reached,
        "last_stall_reason": lead.last_stall_reason,
        "do_not_contact": lead.do_not_contact,
        "consent_expires_at": lead.consent_expires_at,
        "expected_amount": lead.expected_amount,
        "expected_currency": lead.expected_currency,
        "first_touch_at": lead.first_touch_at,
        "first_progress_at": lead.first_progress_at,
        "first_stall_at": lead.first_stall_at,
        "closed_at": lead.closed_at,
        "amount": lead.amount,
        "currency": lead.currency,
        "passes": tuple(map(_past, lead.passes[-KEPT_PASSES:])),
    }


def _compare_decision(
    lead_id: str, stall: PlainStall, found: Decision, recorded: Collection[Decision]
) -> Iterator[AuditDifference]:
    """Of two decisions that wait, at one instant, streams may keep either as the newest."""
    expected = stall.decision
    is_known = stall.is_open and found in recorded and found not in FINAL
    if found != expected and not is_known:
        yield AuditDifference("snapshot", lead_id, f"decision about stall {stall.stall_id}", found, expected)


def _past(over: PlainPass) -> PastPass:
    return PastPass(
        pass_no=over.pass_no,
        created_at=over.created_at,
        origin=over.origin,
        campaign_id=over.campaign_id,
        owner_id=over.owner_id,
        stall_reason=over.stall_reason,
        reached=over.reached,
        first_touch_at=over.first_touch_at,
        first_progress_at=over.first_progress_at,
        first_stall_at=over.first_stall_at,
        closed_at=over.closed_at,
        amount=over.amount,
        currency=over.currency,
    )


def _text(value: Any) -> str:
    return "none" if value in (None, "", ()) else str(value)
