"""What each lead waits for: no lead may be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from streams.domain.lead import WON

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import LeadSnapshot

WaitsFor = Literal["nothing", "creation", "promise", "date", "gate", "forgotten"]
EVERYTHING = {"nothing", "creation", "promise", "date", "gate"}
TRIGGERED = "competitor"
"""The reason of the policies of these tests that waits for sales to report a date."""


def forgotten(leads: Iterable[LeadSnapshot], now: int) -> list[LeadSnapshot]:
    """The leads that are neither at an end nor wait for anything at this stream time (epoch ms)."""
    return [lead for lead in leads if waits_for(lead, now) == "forgotten"]


def waits_for(lead: LeadSnapshot, now: int) -> WaitsFor:
    """What a lead waits for at this stream time (epoch ms), by its snapshot."""
    if lead.stage == "won" or lead.decision in {"RECYCLE", "HOLDOUT", "RETIRE"}:
        return "nothing"
    if lead.pass_no == 0:
        return "creation"
    if not lead.stall_id:
        return "promise" if lead.due_at is not None and lead.due_at >= now else "forgotten"
    if lead.decision in {"HOLD", "ESCALATE"}:
        return "date" if lead.until is not None and lead.until >= now else "forgotten"
    return "gate" if lead.decision == "SUPPRESS" and _is_gated(lead) else "forgotten"


def _is_gated(lead: LeadSnapshot) -> bool:
    """Whether a gate may be closed: customer, do_not_contact, a consent that ends, a reason that waits for a report."""
    is_customer = any(reached & WON for reached in (lead.reached, *(past.reached for past in lead.passes)))
    has_end = lead.consent_expires_at is not None
    return is_customer or lead.do_not_contact or has_end or lead.stall_reason == TRIGGERED
