"""When a lead must be evaluated again: the earliest of the clocks that run for it, or the date of a waiting stall."""

from typing import final

from msgspec import Struct

from .lead import Lead, Stall
from .policy import Policy

HELD = "held"
"""The reason of a deadline at which a waiting stall is evaluated again."""


@final
class Deadline(Struct, frozen=True, order=True, gc=False):
    """The instant past which the lead has gone cold, and the clock (with its start) that says so.

    With the reason `HELD`, the lead is cold since `idle_since`, and its stall is evaluated again.
    """

    due: int
    reason: str
    idle_since: int


def next_deadline(lead: Lead, policy: Policy) -> Deadline | None:
    """The earliest clock of this lead; None if no clock runs."""
    stall = lead.stall
    if stall is not None:
        if lead.created_at is None or stall.decided not in ("hold", "escalate"):
            return None
        return Deadline(evaluated_at(lead, stall, policy), HELD, stall.at)
    created_at = lead.created_at
    if created_at is None or lead.closed is not None:
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


def evaluated_at(lead: Lead, stall: Stall, policy: Policy) -> int:
    """The instant at which the stall is evaluated: when it arose, or when what it waited for had passed."""
    at = stall.at
    if stall.decided == "suppress":
        at = max(stall.decided_at, lead.updated_at)
    if stall.escalated_at is not None:
        action = policy.action_of(stall.reason)
        escalate = action.escalate if action else None
        at = max(at, escalate.after(stall.escalated_at) if escalate else stall.escalated_at)
    if stall.decided == "hold":
        at = max(at, cooldown_ends(lead, stall, policy))
    return at


def cooldown_ends(lead: Lead, stall: Stall, policy: Policy) -> int:
    """The instant until which the lead must not be handed back again; 0 if it may be."""
    recycled_at = lead.recycled_at
    if recycled_at is None or recycled_at > stall.at:
        return 0
    action = policy.action_of(stall.reason)
    own = action.cooldown if action else None
    return (own or policy.limits.cooldown).after(recycled_at)
