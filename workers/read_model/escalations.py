"""The escalations of one lead: which of them are open, and how the others ended. A function of its document."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from schemas.events import Decision, LeadDecided, LeadEscalated, LeadSnapshot

EscalationState = Literal["open", "answered", "missed"]
"""open: sales has time; missed: the stall was decided again; answered: before that it no longer stood.

Then sales or the lead acted, or marketing passed the lead to sales again, with a promise of its own: that is no miss.
"""


class EscalationEntry(NamedTuple):
    """An escalation of a broken promise, in short. `at` in epoch ms."""

    escalation_id: str
    stall_id: str
    owner_id: str
    at: int


class DecisionEntry(NamedTuple):
    """A decision, in short. `at` in epoch ms."""

    stall_id: str
    decision: Decision
    at: int

    def follows(self, escalation: EscalationEntry) -> bool:
        """Whether it decides the escalated stall: sales did not act in time."""
        return (
            self.stall_id == escalation.stall_id and self.at > escalation.at and self.decision not in _LEAVES_WITH_SALES
        )


_LEAVES_WITH_SALES = frozenset[Decision]({"UNKNOWN", "ESCALATE", "REVOKE"})


def escalation_state(
    lead: LeadSnapshot, escalation: EscalationEntry, decisions: Iterable[DecisionEntry]
) -> EscalationState:
    """The state of one escalation. A snapshot older than the escalation does not contain it."""
    if any(one.follows(escalation) for one in decisions):
        return "missed"
    if lead.occurred_at < escalation.at:
        return "open"
    if lead.stall_id != escalation.stall_id:
        return "answered"
    return "open" if lead.decision in _LEAVES_WITH_SALES else "missed"


def escalation_of(record: LeadEscalated) -> EscalationEntry:
    return EscalationEntry(record.escalation_id, record.stall_id, record.owner_id, record.occurred_at)


def decision_of(record: LeadDecided) -> DecisionEntry:
    return DecisionEntry(record.stall_id, record.decision, record.occurred_at)
