"""Decides what happens to a delivery before an attempt. Pure, and decided again each time it comes up.

Drop      it is finished already
Settle    it is finished here, without an attempt: its REVOKE is known, the RECYCLE was never sent, or it has expired
Wait      it goes to a waiting topic, and uses no attempt
GiveUp    it has waited too long for an endpoint that is unavailable: a dead letter
Attempt   it may be attempted, once its lane grants a permit
"""

from dataclasses import dataclass, replace

from ..attempts import NoOp
from ..events import sent_from, sent_until, why_expired
from .delivery_index import DeliveryIndex
from .model import Availability, RetryState
from .outcomes import TAKEN_BACK, Expired
from .owned_partition import Delivery
from .schedule import Schedule, backed_off_ms


@dataclass(frozen=True, slots=True)
class Drop:
    pass


@dataclass(frozen=True, slots=True)
class Settle:
    outcome: NoOp | Expired
    attempts: int


@dataclass(frozen=True, slots=True)
class Wait:
    retry: RetryState


@dataclass(frozen=True, slots=True)
class GiveUp:
    detail: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Attempt:
    pass


Admission = Drop | Settle | Wait | GiveUp | Attempt


def admit(  # noqa: PLR0911  one return per decision
    delivery: Delivery, availability: Availability, now: int, schedule: Schedule
) -> Admission:
    """Decide what happens to a delivery.

    Args:
        delivery: with its retry state, on a partition whose index knows the other deliveries of the lead.
        availability: of its endpoint.
        now: epoch ms.
        schedule: of attempts and waits.
    """
    event, retry, index = delivery.event, delivery.retry, delivery.partition.index
    if index.is_finished(event, retry):
        return Drop()
    if delivery.is_left_out:
        return Settle(NoOp(None, "left out by the filter of the endpoint"), 0)
    if index.is_taken_back(event, retry.endpoint):
        return _taken_back(delivery, index)
    due_at = max(retry.due_at, sent_from(event))
    if expired := _expired(delivery, index, max(due_at, now)):
        return expired
    if later := _overtaken(delivery, index, schedule):
        return later
    if event.action == "REVOKE" and index.was_never_sent(event, retry.endpoint):
        return Settle(NoOp(None, "what it takes back was never sent"), 0)
    if due_at > now:
        return Wait(replace(retry, due_at=due_at, why=retry.why or "not_before"))
    if event.action == "RECYCLE" and index.is_taking_back(event.lead_id, retry.endpoint):
        return _after_the_revoke(delivery, now, schedule)
    if availability is Availability.ACTIVE:
        return Attempt()
    return _unavailable(delivery, availability, now, schedule)


def _taken_back(delivery: Delivery, index: DeliveryIndex) -> Settle:
    attempts = _attempts(delivery, index)
    return Settle(NoOp(None, f"{TAKEN_BACK}{' again' if attempts else ''}"), attempts)


def _expired(delivery: Delivery, index: DeliveryIndex, earliest: int) -> Settle | None:
    """Nothing is sent from then on; nor does anything wait that could only be sent then."""
    until = sent_until(delivery.event)
    if until is None or until > earliest:
        return None
    attempts = _attempts(delivery, index)
    return Settle(Expired(f"{why_expired(delivery.event)}: not sent{' again' if attempts else ''}"), attempts)


def _attempts(delivery: Delivery, index: DeliveryIndex) -> int:
    """How many attempts a delivery counts that ends without another: at least one if any may have arrived."""
    known = index.under_way(delivery.event, delivery.retry)
    attempts = max(delivery.retry.attempts, known.attempts if known else 0)
    may_have_arrived = delivery.retry.may_have_arrived or (known is not None and known.may_have_arrived)
    return max(attempts, 1) if may_have_arrived else attempts


def _overtaken(delivery: Delivery, index: DeliveryIndex, schedule: Schedule) -> Wait | GiveUp | None:
    """A crash may leave a delivery twice: the copy behind waits for the other's next attempt, then repeats it."""
    known = index.under_way(delivery.event, delivery.retry)
    if known is None or known.attempts <= delivery.retry.attempts:
        return None
    due_at = schedule.next_due(known.attempts, known.tried_at, None, delivery.seed)
    if due_at is None:
        return GiveUp("tried as often as it may be", known.attempts)
    return Wait(
        replace(delivery.retry, attempts=known.attempts, waits=0, due_at=due_at, why="retry", may_have_arrived=True)
    )


def _after_the_revoke(delivery: Delivery, now: int, schedule: Schedule) -> Wait:
    """A REVOKE of an older recycle of this lead, sent after this RECYCLE, would take the lead off the list for good."""
    retry = delivery.retry
    wait = backed_off_ms(retry.waits, schedule.crowded, delivery.seed)
    return Wait(replace(retry, due_at=now + wait, waits=retry.waits + 1, why="revoke"))


def _unavailable(delivery: Delivery, availability: Availability, now: int, schedule: Schedule) -> Wait | GiveUp:
    retry, is_paused = delivery.retry, availability is Availability.PAUSED
    if not is_paused and now - retry.first_at > schedule.span_ms:
        return GiveUp(f"the endpoint was away for too long: {availability.value}", retry.attempts)
    due_at = now + backed_off_ms(retry.waits, schedule.absent, delivery.seed)
    first_at = max(retry.first_at, due_at) if is_paused else retry.first_at
    return Wait(replace(retry, due_at=due_at, waits=retry.waits + 1, why=availability.value, first_at=first_at))
