"""What the open stall of a lead waits for: a date, a gate, or nothing, which is a difference."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from schemas.events import LeadDecided, LeadSnapshot
from schemas.instants import bounded_iso
from streams.domain.policy import Policy

from .decision_checks import closed_gate
from .differences import AuditDifference
from .plain_lead import PlainLead, PlainStall

WaitsFor = Literal["date", "gate", "nothing"]
NOT_CREATED = "not_created"
"""What a stall of a lead waits for that was decided to wait before the creation of the lead was reported."""
_GATES = frozenset({"customer", "do_not_contact", "consent_expired", "no_date"})


class OpenStall(Struct, frozen=True, gc=False):
    """A stall that is to be evaluated again. `why`: of its newest decision; `until`: its date (epoch ms)."""

    lead_id: str
    stall_id: str
    reason: str
    at: int
    waits_for: WaitsFor
    decision: str = "UNKNOWN"
    why: str = ""
    until: int | None = None


class StallReader:
    """Tells what open stalls wait for. The policy in force may have moved a date, or the start of nurturing."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def open_stall(self, lead_id: str, lead: PlainLead, snapshot: LeadSnapshot | None) -> OpenStall | None:
        """The open stall of the lead; None if it has none. `snapshot`: its newest."""
        stall = lead.stall
        if stall is None or not stall.is_open:
            return None
        if not isinstance(stall.decided, LeadDecided):
            return OpenStall(lead_id, stall.stall_id, stall.reason, stall.at, "nothing")
        verdict, about = stall.decided, (lead_id, stall.stall_id, stall.reason, stall.at)
        if lead.pass_no == 0:  # no clock runs for it: its creation, which has not been reported, makes it evaluated
            return OpenStall(*about, "gate", verdict.decision, NOT_CREATED)
        if self._is_ended_at_gate(lead, stall, verdict, snapshot):
            return OpenStall(*about, "gate", verdict.decision, verdict.why)
        waits_for, until = self._waits(lead, stall, verdict)
        return OpenStall(*about, waits_for, verdict.decision, verdict.why, until)

    def _is_ended_at_gate(
        self, lead: PlainLead, stall: PlainStall, verdict: LeadDecided, snapshot: LeadSnapshot | None
    ) -> bool:
        """Whether a HOLD is over at a closed gate, for which the stall was suppressed before.

        That SUPPRESS is not emitted again, so HOLD remains the newest decision; a fact that opens the gate makes the
        stall evaluated. It takes a report that was taken back, and with it the recycle that the cooldown was about.
        """
        if verdict.decision != "HOLD" or snapshot is None or _deadline(snapshot) is not None:
            return False
        action = self._policy.action_of(stall.reason)
        starts_at = action.delay.after(stall.at) if action else stall.at
        return verdict.until is not None and closed_gate(lead, max(starts_at, stall.resume_at or 0)) != ""

    def _waits(self, lead: PlainLead, stall: PlainStall, verdict: LeadDecided) -> tuple[WaitsFor, int | None]:
        if verdict.decision in ("HOLD", "ESCALATE"):
            until = self._date(lead, stall, verdict)
            return ("nothing", None) if until is None else ("date", until)
        return "gate" if self._is_gate_closed(lead, stall, verdict) else "nothing", None

    def _date(self, lead: PlainLead, stall: PlainStall, verdict: LeadDecided) -> int | None:
        """The later of the date that was decided, and the same by the policy in force."""
        if verdict.until is None:
            return None
        action = self._policy.action_of(stall.reason)
        if verdict.decision == "ESCALATE":
            span = action.escalate if action else None
            return max(verdict.until, span.after(verdict.occurred_at)) if span else verdict.until
        cooldown = (action.cooldown if action else None) or self._policy.limits.cooldown
        return verdict.until if lead.recycled_at is None else max(verdict.until, cooldown.after(lead.recycled_at))

    def _is_gate_closed(self, lead: PlainLead, stall: PlainStall, verdict: LeadDecided) -> bool:
        if verdict.why not in _GATES:
            return True  # a gate that this version does not know
        if closed_gate(lead, 0):
            return True
        is_changed, has_date = lead.updated_at > verdict.occurred_at, stall.resume_at is not None
        match verdict.why:
            case "consent_expired" if not is_changed and lead.consent_expires_at is not None:
                return True  # as it was decided, whatever the delay was then
            case "no_date" if not is_changed and not has_date:
                return True  # as it was decided, whatever the policy says now
        action = self._policy.action_of(stall.reason)
        if action is not None and action.disposition == "triggered" and not has_date:
            return True
        at = max(verdict.occurred_at, lead.updated_at)
        return closed_gate(lead, max(action.delay.after(at) if action else at, stall.resume_at or 0)) != ""


def check_waiting(stall: OpenStall, snapshot: LeadSnapshot | None, fired_until: int) -> Iterator[AuditDifference]:
    """An open stall waits for something; a date has not passed, and streams has a deadline for it."""
    what = f"stall {stall.stall_id} ({stall.reason})"
    if stall.waits_for == "nothing":
        found = f"{stall.decision} {stall.why}".strip() if stall.decision != "UNKNOWN" else "not decided"
        yield AuditDifference("limbo", stall.lead_id, what, found, _EXPECTED.get(stall.decision, "decided"))
    elif stall.until is not None and stall.until < fired_until and _is_due(snapshot, fired_until):
        found = f"{stall.decision} until {bounded_iso(stall.until)}, which has passed"
        yield AuditDifference("limbo", stall.lead_id, what, found, "evaluated again")
    elif stall.until is not None and snapshot is not None and _deadline(snapshot) is None:
        yield AuditDifference("limbo", stall.lead_id, what, f"{stall.decision} without a deadline", "with one")


def _is_due(snapshot: LeadSnapshot | None, fired_until: int) -> bool:
    """Whether the deadline of streams has passed as well: a policy may have moved it since the decision."""
    deadline = None if snapshot is None else _deadline(snapshot)
    return deadline is None or deadline < fired_until


def _deadline(snapshot: LeadSnapshot) -> int | None:
    """When streams evaluates the stall again; a version before wrote it as the date of a promise."""
    return snapshot.due_at if snapshot.until is None else snapshot.until


_EXPECTED = {
    "HOLD": "HOLD with a date",
    "ESCALATE": "ESCALATE with a date",
    "SUPPRESS": "evaluated again: no gate is closed",
}
