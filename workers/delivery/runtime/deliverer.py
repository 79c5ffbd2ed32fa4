"""The life of a delivery: admit → acquire → call → record. Offsets move after effects: a crash repeats, never loses.

admit     `core.admission` decides from what is known: drop, settle, wait, give up, or attempt
acquire   the lane of the endpoint grants a permit: a call slot, the rate, the circuit breaker; then its daily budget
call      the connector makes one attempt, for a batch of deliveries at once where the endpoint takes batches
record    result, retry state or dead letter are acked by the broker; then the index knows; then the offset may move
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from streams.runtime.tracing import AttributeValue, TraceSpan, Tracing

from ..attempts import DeliveryRequest, Gone, Outcome, Rejected, Retry
from ..core.admission import Admission, Attempt, Drop, GiveUp, Settle, Wait, admit
from ..core.breaker import Circuit
from ..core.expansion import BadRecord, Expansion
from ..core.model import Availability, ConsumedRecord
from ..core.outcomes import Resolution, after_attempt, given_up, without_attempt
from ..core.owned_partition import Delivery, OpenRecord, OwnedPartition
from ..core.schedule import Schedule, backed_off_ms
from ..limits.daily import DailyBudget, Spent
from .endpoint_health import EndpointHealth
from .lane import Lane, NoCapacity
from .permit import Permit
from .recorder import Recorder
from .tasks import SupervisedTasks

_CHECK_SECONDS = 0.005


@dataclass(frozen=True, eq=False)
class Deliverer:
    """All deliveries of this process.

    `budgets`: of the endpoints that have one for each day. `declared`: whether an endpoint was paused or disabled.
    `disable` does so durably, for all workers, given the start of the call that was answered by a 410. `now` returns
    epoch ms.
    """

    expansion: Expansion
    lanes: Mapping[str, Lane]
    budgets: Mapping[str, DailyBudget]
    declared: Callable[[str], Availability]
    disable: Callable[[str, str, int], Awaitable[None]]
    recorder: Recorder
    schedule: Schedule
    tasks: SupervisedTasks
    now: Callable[[], int]
    tracing: Tracing | None = None
    health: Mapping[str, EndpointHealth] = field(default_factory=dict)

    async def deliver(self, delivery: Delivery) -> None:
        """Make one delivery, from its admission until its outcome is recorded, or until its partition is released."""
        while delivery.partition.is_owned:
            decision: Admission | Permit | None = self._admit(delivery, self._availability(delivery.endpoint))  # admit
            if isinstance(decision, Attempt):
                decision = await self._acquire(delivery)  # acquire
            match decision:
                case None | Attempt():
                    continue  # admitted again: it waits for the endpoint, or is given up; nothing if it was released
                case Permit():
                    await self._attempt(delivery, decision)
                case _:
                    await self._conclude(delivery, decision)
            return

    async def _acquire(self, delivery: Delivery) -> Permit | Wait | None:
        """Get a permit to call now, or how long to wait; None: it is to be admitted again."""
        budget = self.budgets.get(delivery.endpoint)
        if budget is not None and not _is_urgent(delivery) and (spent := budget.closed()):
            return self._wait_for_the_day(delivery, budget, spent)
        lane = self.lanes[delivery.endpoint]
        permit = await lane.acquire()
        if isinstance(permit, NoCapacity):
            is_open = permit.why not in ("circuit_open", "released") and delivery.partition.is_owned
            return self._wait_for_capacity(delivery, permit) if is_open else None
        try:
            spent = await self._spend(delivery, budget) if budget is not None else None
        except BaseException:
            permit.decline()
            raise
        # The process may have been suspended while Redis was asked.
        if spent is None and lane.may_send() and self._is_still_admitted(delivery):
            return permit
        permit.decline()
        return self._wait_for_the_day(delivery, budget, spent) if budget is not None and spent is not None else None

    async def _spend(self, delivery: Delivery, budget: DailyBudget) -> Spent | None:
        """Take one of the attempts of the day. A REVOKE never waits for the next day, and is counted."""
        if not self._is_still_admitted(delivery):
            return None
        taken = await budget.take(delivery.partition.number, is_urgent=_is_urgent(delivery))
        if isinstance(taken, Spent):
            return taken
        delivery.partition.begun.began(delivery.endpoint, taken.day)
        return None

    async def _attempt(self, delivery: Delivery, permit: Permit) -> None:
        delivery.partition.index.begun(delivery.event, delivery.retry)
        delivery.partition.in_progress += 1
        called_at = self.now()
        span = self._begin_span(delivery)
        outcome = await permit.call(_request(delivery, span))  # call
        if span is not None:
            # Not its detail: what an endpoint answers may name people.
            failed = type(outcome).__name__.lower() if isinstance(outcome, Retry | Rejected | Gone) else ""
            span.end(_described(delivery, outcome), error=failed)
        if isinstance(outcome, Gone):
            await self.disable(delivery.endpoint, outcome.detail, called_at)
        resolution = after_attempt(delivery, outcome, self.now(), self.schedule)
        await self.recorder.record(delivery, resolution)  # record
        self._note(delivery, resolution, outcome)
        self._finish(delivery)

    def _note(self, delivery: Delivery, resolution: Resolution, outcome: Outcome | None = None) -> None:
        if (health := self.health.get(delivery.endpoint)) is not None:
            health.settled(resolution, outcome, is_manual=_is_manual(delivery))

    def _begin_span(self, delivery: Delivery) -> TraceSpan | None:
        parent = delivery.traceparent.encode() or None
        return None if self.tracing is None else self.tracing.begin("deliver", parent, kind="client")

    async def _conclude(self, delivery: Delivery, decision: Drop | Settle | Wait | GiveUp) -> None:
        """End it, or let it wait in Kafka, without an attempt."""
        delivery.partition.in_progress += 1
        match decision:
            case Drop():
                delivery.partition.index.drops(delivery.event, delivery.retry)
            case Settle(outcome, attempts):
                await self.recorder.record(delivery, without_attempt(delivery, outcome, attempts, self.now()))
            case GiveUp(detail, attempts):
                resolution = given_up(delivery, detail, attempts, self.now())
                await self.recorder.record(delivery, resolution)
                self._note(delivery, resolution)
            case Wait(retry):
                await self.recorder.wait(delivery, retry)
            case never:
                assert_never(never)
        self._finish(delivery)

    def _finish(self, delivery: Delivery) -> None:
        """All its effects are acked: its record may be committed, and the next of its chain begins."""
        delivery.partition.in_progress -= 1
        following = delivery.partition.leave(delivery)
        if following is not None:
            self._begin(following)

    def _begin(self, delivery: Delivery) -> None:
        self.tasks.start(self.deliver(delivery), delivery.record.place)

    def _admit(self, delivery: Delivery, availability: Availability) -> Admission:
        return admit(delivery, availability, self.now(), self.schedule)

    def _is_still_admitted(self, delivery: Delivery) -> bool:
        """Time has passed in the queue: its partition, its REVOKE or its endpoint may have changed."""
        if not delivery.partition.is_owned:
            return False
        return isinstance(self._admit(delivery, self.declared(delivery.endpoint)), Attempt)

    def _availability(self, endpoint: str) -> Availability:
        lane = self.lanes.get(endpoint)
        if lane is None:
            return Availability.MISSING
        declared = self.declared(endpoint)
        if declared is Availability.ACTIVE and lane.circuit is Circuit.OPEN:
            return Availability.OPEN
        return declared

    def _wait_for_capacity(self, delivery: Delivery, missing: NoCapacity) -> Wait:
        """For its turn by the rate; a REVOKE does not line up behind what waits already."""
        retry, now = delivery.retry, self.now()
        wait = int(missing.wait * 1000)
        due_at = now + max(wait, backed_off_ms(retry.waits, self.schedule.crowded, delivery.seed))
        if missing.why == "rate" and not _is_urgent(delivery):
            due_at = self.lanes[delivery.endpoint].turn_at(now + max(wait, self.schedule.crowded[0]))
        return Wait(replace(retry, due_at=due_at, waits=retry.waits + 1, why=missing.why))

    def _wait_for_the_day(self, delivery: Delivery, budget: DailyBudget, spent: Spent) -> Wait:
        """Until the next day, where what has waited for a day already comes first; or until the budget is known."""
        retry, due_at = delivery.retry, spent.until
        if spent.is_day_over:
            self.lanes[delivery.endpoint].forget_turns()
            due_at += 0 if retry.held_until else budget.allowance.head_start_ms
        retry = replace(retry, due_at=due_at, waits=retry.waits + 1, why="day")
        if spent.is_known:  # it might not have been sent before
            retry = replace(retry, held_until=due_at, first_at=max(retry.first_at, due_at))
        return Wait(retry)

    # Where records come in.

    def accept_event(self, partition: OwnedPartition, record: ConsumedRecord) -> None:
        """Begin the deliveries of a record of events; undecodable ones go to the dead-letter topic."""
        opened = partition.open(record)
        try:
            deliveries = self.expansion.of_event(partition, opened)
        except BadRecord as error:
            self._reject(partition, opened, error)
            return
        opened.expect(len(deliveries))
        for delivery in deliveries:
            self._accept(delivery)

    def accept_wait(self, partition: OwnedPartition, record: ConsumedRecord) -> None:
        """Continue with a delivery whose record has waited its time in a waiting topic."""
        opened = partition.open(record)
        try:
            delivery = self.expansion.of_wait(partition, opened)
        except BadRecord as error:
            self._reject(partition, opened, error)
            return
        partition.waiting[delivery.endpoint] -= 1
        self._accept(delivery)

    def _accept(self, delivery: Delivery) -> None:
        index = delivery.partition.index
        if not index.is_finished(delivery.event, delivery.retry):
            index.comes(delivery.event, delivery.retry)
        if delivery.partition.enter(delivery):
            self._begin(delivery)

    def _reject(self, partition: OwnedPartition, record: OpenRecord, error: BadRecord) -> None:
        partition.in_progress += 1
        self.tasks.start(self.recorder.reject(partition, record, error), record.place)

    # Room, and the end.

    async def has_room(self, within: float) -> None:
        """Wait until any lane has room, at most `within` seconds: more would only go to the waiting topics."""
        await asyncio.sleep(0)  # what was accepted just now is queued by then
        deadline = asyncio.get_running_loop().time() + within
        while self.lanes and all(lane.is_crowded for lane in self.lanes.values()):
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(_CHECK_SECONDS)

    @property
    def max_held(self) -> int:
        """How many deliveries all lanes may hold together."""
        return sum(lane.max_held for lane in self.lanes.values())

    async def release(self, partitions: Sequence[OwnedPartition], within: float) -> None:
        """Begin nothing more for these partitions; cut off what is in progress after `within` seconds."""
        for partition in partitions:
            partition.is_owned = False
        for lane in self.lanes.values():
            lane.clear()
        await self.tasks.drain(within)


def _is_urgent(delivery: Delivery) -> bool:
    return delivery.event.action == "REVOKE"


def _is_manual(delivery: Delivery) -> bool:
    """The first attempt of a replay, which a person asked for; what follows from it are retries like any other."""
    return bool(delivery.retry.replay) and not delivery.retry.attempts


def _described(delivery: Delivery, outcome: Outcome) -> dict[str, AttributeValue]:
    """The attributes of the span of an attempt."""
    about: dict[str, AttributeValue] = {
        "leadloop.endpoint": delivery.endpoint,
        "leadloop.action": delivery.event.action,
        "leadloop.attempt": delivery.retry.attempts + 1,
        "leadloop.outcome": type(outcome).__name__.lower(),
    }
    return about if outcome.status is None else about | {"http.response.status_code": outcome.status}


def _request(delivery: Delivery, span: TraceSpan | None) -> DeliveryRequest:
    trace = delivery.traceparent if span is None else span.traceparent.decode()
    attempt, is_manual = delivery.retry.attempts + 1, _is_manual(delivery)
    return DeliveryRequest(delivery.event, delivery.message_id, attempt, trace, is_manual=is_manual)
