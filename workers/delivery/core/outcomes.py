"""What is recorded about the outcome of an attempt, or of a delivery that ends without one. Pure."""

from dataclasses import dataclass, replace
from functools import partial
from typing import assert_never

from schemas.events import DeliveryOutcome, DeliveryResult, LeadEscalated

from ..attempts import Accepted, Gone, NoOp, Outcome, Rejected, Retry, Unverified
from .model import RetryState
from .owned_partition import Delivery
from .schedule import Schedule, backed_off_ms, bounded_ms

MAX_DETAIL = 500
TAKEN_BACK = "taken back before it was sent"
"""How the detail of a RECYCLE begins whose REVOKE was known before it could be sent."""


@dataclass(frozen=True, slots=True)
class Expired:
    """The delivery may not be sent any more: no outcome of an attempt, so it has no status."""

    detail: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is recorded: a result always, a retry state if it is attempted again, a dead letter if it is given up."""

    result: DeliveryResult
    retry: RetryState | None = None
    is_dead: bool = False


def after_attempt(  # noqa: PLR0911  one return per outcome
    delivery: Delivery, outcome: Outcome, now: int, schedule: Schedule
) -> Resolution:
    """Return what follows from an attempt that has just ended. `now` is epoch ms."""
    used = delivery.retry.attempts + 1
    match outcome:
        case Accepted():
            return _finished(delivery, "accepted", outcome, used, now)
        case NoOp():
            return _finished(delivery, "no_op", outcome, used, now)
        case Unverified():
            return _finished(delivery, "unverified", outcome, used, now)
        case Rejected():
            return _finished(delivery, "refused", outcome, used, now)
        case Gone():
            return _without_attempt_used(delivery, outcome, now, now, "gone")
        case Retry(throttled=True):
            return _throttled(delivery, outcome, now, schedule)
        case Retry():
            return _again(delivery, outcome, used, now, schedule)
        case never:
            assert_never(never)


def without_attempt(delivery: Delivery, outcome: NoOp | Expired, attempts: int, now: int) -> Resolution:
    """Return what follows where a delivery ends without another attempt."""
    if isinstance(outcome, Expired):
        return Resolution(_result(delivery, "expired", attempts, now, None, outcome.detail))
    return _finished(delivery, "no_op", outcome, attempts, now)


def given_up(delivery: Delivery, detail: str, attempts: int, now: int, status: int | None = None) -> Resolution:
    """Return what follows where a delivery is given up."""
    return Resolution(_result(delivery, "dead", attempts, now, status, detail), is_dead=True)


def _again(delivery: Delivery, outcome: Retry, used: int, now: int, schedule: Schedule) -> Resolution:
    due_at = schedule.next_due(used, now, outcome.after_seconds, delivery.seed)
    if due_at is None:
        return given_up(delivery, outcome.detail, used, now, outcome.status)
    retry = replace(delivery.retry, attempts=used, waits=0, due_at=due_at, why="retry", may_have_arrived=True)
    return Resolution(_result(delivery, "retry", used, now, outcome.status, outcome.detail), retry)


def _throttled(delivery: Delivery, outcome: Retry, now: int, schedule: Schedule) -> Resolution:
    if now - delivery.retry.first_at > schedule.span_ms:
        return given_up(delivery, outcome.detail, delivery.retry.attempts, now, outcome.status)
    wait = backed_off_ms(delivery.retry.waits, schedule.throttled, delivery.seed)
    requested = bounded_ms(outcome.after_seconds)
    return _without_attempt_used(
        delivery, outcome, now, now + (requested + wait // 10 if requested else wait), "throttled"
    )


def _without_attempt_used(delivery: Delivery, outcome: Retry | Gone, now: int, due_at: int, why: str) -> Resolution:
    """Again, without using an attempt."""
    retry = replace(delivery.retry, due_at=due_at, waits=delivery.retry.waits + 1, why=why, may_have_arrived=True)
    return Resolution(_result(delivery, "retry", delivery.retry.attempts, now, outcome.status, outcome.detail), retry)


def _finished(
    delivery: Delivery,
    name: DeliveryOutcome,
    outcome: Accepted | NoOp | Unverified | Rejected,
    attempts: int,
    now: int,
) -> Resolution:
    return Resolution(_result(delivery, name, attempts, now, outcome.status, outcome.detail))


def _result(
    delivery: Delivery, outcome: DeliveryOutcome, attempts: int, now: int, status: int | None, detail: str
) -> DeliveryResult:
    event, about = (
        delivery.event,
        partial(
            DeliveryResult,
            endpoint=delivery.retry.endpoint,
            lead_id=delivery.event.lead_id,
            occurred_at=now,
            outcome=outcome,
            attempts=attempts,
            status=status,
            detail=detail[:MAX_DETAIL],
        ),
    )
    if isinstance(event, LeadEscalated):
        return about(escalation_id=event.escalation_id, escalation=event.action)
    return about(recycle_id=event.recycle_id, action=event.action)
