"""When a lead must be evaluated again: the earliest of the clocks that run for it, or the date of a waiting stall."""

from collections.abc import Iterable, Iterator
from typing import final

from msgspec import Struct

from .lead import Lead, Stall
from .policy import Policy, Promises

HELD = "held"
"""The reason of a deadline at which a waiting stall is evaluated again."""
DATED = frozenset({"hold", "escalate", None})
"""Decisions after which a stall is evaluated at a date; None, of a state of the version before: at once."""


@final
class Deadline(Struct, frozen=True, order=True, gc=False):
    """The instant past which something is due, and the clock (with its start) that says so.

    Past it the lead has gone cold. If `until` is given, sales is warned instead: the promise breaks at `until`. With
    the reason `HELD`, the lead is cold since `idle_since`, and its stall is evaluated again.
    """

    due: int
    reason: str
    idle_since: int
    until: int = 0

    @property
    def breaks_at(self) -> int:
        """When the promise breaks, or the stall is evaluated again."""
        return self.until or self.due


def next_deadline(lead: Lead, policy: Policy) -> Deadline | None:
    """The earliest clock of this lead, or the earliest warning of one; None if no clock runs."""
    stall = lead.stall
    if stall is not None:
        if lead.created_at is None or stall.decided not in DATED:
            return None
        return Deadline(evaluated_at(lead, stall, policy), HELD, stall.at)
    created_at = lead.created_at
    if created_at is None or lead.closed is not None:
        return None
    promises = policy.promises_of(lead)
    running = _running(lead, promises, created_at)
    if not running:
        return None
    # Of two that are due at once, by their names: so that every replay agrees.
    return Deadline(*min(running)) if not promises.warn else min(_with_warnings(running, lead, promises))


def _running(lead: Lead, promises: Promises, created_at: int) -> list[tuple[int, str, int]]:
    """When each clock that runs is due, its name, and when it started."""
    touched, agreed = lead.last_touch_at, lead.next_step_at or 0
    until = promises.grace.after(agreed) if agreed and promises.grace is not None else 0
    running: list[tuple[int, str, int]] = []
    if touched is None:
        running += _untouched(lead, promises, created_at)
    elif promises.no_follow_up is not None:
        due = until if until and agreed > touched else promises.no_follow_up.after(touched)
        running.append((due, "no_follow_up", touched))
    moved = created_at if lead.last_progress_at is None else lead.last_progress_at
    if promises.no_progress is not None:
        running.append((max(until, promises.no_progress.after(moved)), "no_progress", moved))
    if touched is not None and promises.max_attempts is not None and lead.attempts >= promises.max_attempts:
        running.append((touched, "attempts_exhausted", moved))
    if promises.no_next_step is not None and lead.is_progressed and agreed <= moved:
        running.append((promises.no_next_step.after(moved), "no_next_step", moved))
    return running


def _untouched(lead: Lead, promises: Promises, created_at: int) -> Iterator[tuple[int, str, int]]:
    """Until the lead has an owner the time is the system's, after that a person's."""
    assigned_at = lead.assigned_at
    if promises.never_assigned is not None and assigned_at is None:
        yield promises.never_assigned.after(created_at), "never_assigned", created_at
    if promises.never_contacted is not None:
        is_assigned = promises.contact_from == "assigned"
        start = created_at if not is_assigned or assigned_at is None else max(created_at, assigned_at)
        if assigned_at is not None or not is_assigned:
            yield promises.never_contacted.after(start), "never_contacted", start


def _with_warnings(running: Iterable[tuple[int, str, int]], lead: Lead, promises: Promises) -> Iterator[Deadline]:
    for due, reason, idle_since in running:
        warn = promises.warn.get(reason)
        warned_at = due if warn is None else warn.before(due)
        if warned_at < due and (reason, idle_since) not in lead.warned:
            yield Deadline(warned_at, reason, idle_since, due)
        yield Deadline(due, reason, idle_since)


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
