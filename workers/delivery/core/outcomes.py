"""What one try came to, as the records that are written about it: pure."""

from dataclasses import dataclass, replace
from typing import assert_never

from schemas.events import DeliveryOutcome, DeliveryResult

from ..attempts import Accepted, Gone, NoOp, Outcome, Rejected, Retry, Unverified
from .model import RetryState
from .partition import Pending
from .schedule import Schedule, asked_ms, backed_off_ms

MAX_DETAIL = 500


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is written: a result always; a note where it is tried again; a dead letter where it is given up."""

    result: DeliveryResult
    note: RetryState | None = None
    is_dead: bool = False


def settled(  # noqa: PLR0911  one return an outcome
    pending: Pending, outcome: Outcome, now: int, schedule: Schedule
) -> Resolution:
    """What follows from a try that was just made. `now` is epoch ms."""
    used = pending.note.attempts + 1
    match outcome:
        case Accepted():
            return _ended(pending, "accepted", outcome, used, now)
        case NoOp():
            return _ended(pending, "no_op", outcome, used, now)
        case Unverified():
            return _ended(pending, "unverified", outcome, used, now)
        case Rejected():
            return _ended(pending, "refused", outcome, used, now)
        case Gone():
            return _waits(pending, outcome, now, now, "gone")
        case Retry(throttled=True):
            return _throttled(pending, outcome, now, schedule)
        case Retry():
            return _again(pending, outcome, used, now, schedule)
        case never:
            assert_never(never)


def ended(pending: Pending, outcome: NoOp, attempts: int, now: int) -> Resolution:
    """What follows where a parcel ends without a try."""
    return _ended(pending, "no_op", outcome, attempts, now)


def dead(pending: Pending, detail: str, attempts: int, now: int, status: int | None = None) -> Resolution:
    """What follows where a parcel is given up."""
    return Resolution(_result(pending, "dead", attempts, now, status, detail), is_dead=True)


def _again(pending: Pending, outcome: Retry, used: int, now: int, schedule: Schedule) -> Resolution:
    due_at = schedule.next_due(used, now, outcome.after_seconds, pending.seed)
    if due_at is None:
        return dead(pending, outcome.detail, used, now, outcome.status)
    note = replace(pending.note, attempts=used, waits=0, due_at=due_at, why="retry", may_have_arrived=True)
    return Resolution(_result(pending, "retry", used, now, outcome.status, outcome.detail), note)


def _throttled(pending: Pending, outcome: Retry, now: int, schedule: Schedule) -> Resolution:
    if now - pending.note.first_at > schedule.span_ms:
        return dead(pending, outcome.detail, pending.note.attempts, now, outcome.status)
    wait = backed_off_ms(pending.note.waits, schedule.throttled, pending.seed)
    asked = asked_ms(outcome.after_seconds)
    return _waits(pending, outcome, now, now + (asked + wait // 10 if asked else wait), "throttled")


def _waits(pending: Pending, outcome: Retry | Gone, now: int, due_at: int, why: str) -> Resolution:
    """Again, without using an attempt."""
    note = replace(pending.note, due_at=due_at, waits=pending.note.waits + 1, why=why, may_have_arrived=True)
    return Resolution(_result(pending, "retry", pending.note.attempts, now, outcome.status, outcome.detail), note)


def _ended(
    pending: Pending,
    name: DeliveryOutcome,
    outcome: Accepted | NoOp | Unverified | Rejected,
    attempts: int,
    now: int,
) -> Resolution:
    return Resolution(_result(pending, name, attempts, now, outcome.status, outcome.detail))


def _result(
    pending: Pending, outcome: DeliveryOutcome, attempts: int, now: int, status: int | None, detail: str
) -> DeliveryResult:
    return DeliveryResult(
        endpoint=pending.note.endpoint,
        recycle_id=pending.event.recycle_id,
        action=pending.event.action,
        lead_id=pending.event.lead_id,
        occurred_at=now,
        outcome=outcome,
        attempts=attempts,
        status=status,
        detail=detail[:MAX_DETAIL],
    )
