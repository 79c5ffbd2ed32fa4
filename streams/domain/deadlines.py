"""When it is worth asking about a lead again: the earliest of the clocks that run for it."""

from typing import final

from msgspec import Struct

from .lead import Lead
from .policy import Policy, Promises, Span


@final
class Deadline(Struct, frozen=True, order=True, gc=False):
    """The instant past which the lead has gone cold, and the clock (with its start) that says so."""

    due: int
    reason: str
    idle_since: int


def next_deadline(lead: Lead, policy: Policy) -> Deadline | None:
    """The earliest clock of this lead; None if no clock runs."""
    created_at = lead.created_at
    if created_at is None or lead.closed is not None or lead.stall is not None:
        return None
    promises = policy.promises_of(lead)
    moved = created_at if lead.last_progress_at is None else lead.last_progress_at
    earliest = _earlier(_touch_clock(lead, created_at, promises), _progress_clock(lead, moved, promises))
    if promises.max_attempts is None or lead.attempts < promises.max_attempts or lead.last_touch_at is None:
        return earliest
    return _earlier(earliest, Deadline(lead.last_touch_at, "attempts_exhausted", moved))


def _earlier(one: Deadline | None, other: Deadline | None) -> Deadline | None:
    if one is None or other is None:
        return one or other
    return min(one, other)  # of two that are due at once, by their names: so that every replay agrees


def _touch_clock(lead: Lead, created_at: int, promises: Promises) -> Deadline | None:
    touched = lead.last_touch_at
    if touched is None:
        return _clock(promises.never_contacted, created_at, "never_contacted")
    agreed = lead.next_step_at
    if promises.no_follow_up is None or promises.grace is None or agreed is None or agreed <= touched:
        return _clock(promises.no_follow_up, touched, "no_follow_up")
    return Deadline(promises.grace.after(agreed), "no_follow_up", touched)


def _clock(within: Span | None, start: int, reason: str) -> Deadline | None:
    return None if within is None else Deadline(within.after(start), reason, start)


def _progress_clock(lead: Lead, moved: int, promises: Promises) -> Deadline | None:
    if promises.no_progress is None:
        return None
    due = promises.no_progress.after(moved)
    if promises.grace is not None and lead.next_step_at is not None:
        due = max(due, promises.grace.after(lead.next_step_at))
    return Deadline(due, "no_progress", moved)
