"""When a lead must be evaluated again: the earliest of the clocks that run for it."""

from typing import final

from msgspec import Struct

from .lead import Lead
from .policy import Policy


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
    promises, touched, agreed = policy.promises_of(lead), lead.last_touch_at, lead.next_step_at or 0
    until = promises.grace.after(agreed) if agreed and promises.grace is not None else 0
    running: list[tuple[int, str, int]] = []
    if touched is None:
        if promises.never_contacted is not None:
            running.append((promises.never_contacted.after(created_at), "never_contacted", created_at))
    elif promises.no_follow_up is not None:
        due = until if until and agreed > touched else promises.no_follow_up.after(touched)
        running.append((due, "no_follow_up", touched))
    moved = created_at if lead.last_progress_at is None else lead.last_progress_at
    if promises.no_progress is not None:
        running.append((max(until, promises.no_progress.after(moved)), "no_progress", moved))
    if touched is not None and promises.max_attempts is not None and lead.attempts >= promises.max_attempts:
        running.append((touched, "attempts_exhausted", moved))
    # Of two that are due at once, by their names: so that every replay agrees.
    return Deadline(*min(running)) if running else None
