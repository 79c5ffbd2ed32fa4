"""Doubts about who gets escalations and warnings in place of the owner of a lead."""

from collections.abc import Iterator
from datetime import date

from streams.domain.policy.patterns import is_like

from .doubts import Doubt, all_actions, all_promises
from .policy_document import PolicyReading


def intake_doubts(reading: PolicyReading, today: date | None) -> Iterator[Doubt]:
    """Doubts about the intake owner and about absences. `today`: for those that are over; None: not checked."""
    intake = reading.policy.intake
    if not intake.owner:
        yield from _nobody(reading)
        return
    if not _escalates(reading):
        problem = "no reason escalates and no promise warns, so nothing is addressed to anybody"
        yield Doubt(("intake",), problem, "write 'escalate: 4 business hours' for a reason, or leave it out")
    listed = reading.file.intake.away if reading.file.intake else ()
    for n, absence in enumerate(listed):
        if is_like(intake.owner, absence.owner):
            problem = f"the intake owner {intake.owner!r} is away, and nobody stands in for them"
            yield Doubt(("intake", "away", n), problem, "write another intake owner, or another pattern")
        if today is not None and absence.until is not None and absence.until < today:
            yield Doubt(("intake", "away", n), f"the absence of {absence.owner!r} is over", "remove it")


def _escalates(reading: PolicyReading) -> bool:
    has_action = any(action.escalate is not None for _, action in all_actions(reading.policy))
    return has_action or any(promises.warn for _, promises in all_promises(reading.policy))


def _nobody(reading: PolicyReading) -> Iterator[Doubt]:
    """Escalations of leads that have no owner by definition."""
    action = reading.policy.reasons.get("never_assigned")
    is_on = any(promises.never_assigned is not None for _, promises in all_promises(reading.policy))
    if is_on and action is not None and action.escalate is not None:
        problem = "a lead that nobody was assigned to has no owner, so its escalation is addressed to nobody"
        yield Doubt(("reasons", "never_assigned", "escalate"), problem, "write 'intake: { owner: … }'")
