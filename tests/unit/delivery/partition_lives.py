"""One partition in the hands of one worker after the other: the pure parts of deliver, on a Kafka that is a value.

A life begins with a takeover, does some steps, and ends: by an orderly leave, by a leave that cuts off what is in
progress, or by a crash (the same for Kafka as a partition that was lost in a rebalance). What it leaves in Kafka is
where the next one begins.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import DeliveryResult
from tests.unit.delivery.builders import NOW, a_record, a_recycle
from tests.unit.delivery.delivering import NurtureTarget
from workers.delivery.attempts import Accepted, NoOp, Retry
from workers.delivery.core import takeover
from workers.delivery.core.admission import Attempt, Drop, GiveUp, Settle, Wait, admit
from workers.delivery.core.expansion import Expansion
from workers.delivery.core.model import Availability, RetryState
from workers.delivery.core.outcomes import Resolution, after_attempt, without_attempt
from workers.delivery.core.owned_partition import Delivery
from workers.delivery.core.recovered_index import RecoveredIndex
from workers.delivery.core.schedule import Schedule
from workers.delivery.core.takeover import HELD, LEFT, FoundTopic
from workers.delivery.events import DeliveredEvent
from workers.delivery.target import Endpoint

EVENTS, WAIT = "lead-recycled", "wait"
CODEC = Codec(Catalogue.bundled())
SCHEDULE = Schedule(delays=(0.0,) * 9)
EXPANSION = Expansion({"nurture": Endpoint("nurture", NurtureTarget())}, CODEC, lambda: NOW)
PUBLISHED = [
    a_recycle(action, recycle_id=f"r{number}", lead_id=f"lead-{number}", event_id=f"{action}{number}")
    for action in ("RECYCLE", "REVOKE")
    for number in range(2)
]
VALUES = [CODEC.encode(event) for event in PUBLISHED]


class Step(StrEnum):
    """What a worker, or the system around it, may do next."""

    PUBLISH = "an event is published"
    CONSUME = "an event is consumed"
    CONSUME_WAIT = "a waiting record is consumed"
    BEGIN = "the first delivery is admitted, and its attempt begins"
    BEGIN_LAST = "the last delivery is admitted, and its attempt begins"
    CROWDED = "the first delivery has no permit, and waits"
    ACCEPTED = "the first call ends, accepted"
    FAILED = "the first call ends, to be repeated"
    COMMIT = "the positions are committed"


class End(StrEnum):
    LEAVE = "left in order"
    CRASH = "crashed"
    FORGOTTEN = "however it ended, all committed offsets are deleted afterwards"


Place = tuple[str, str]
"""Recycle id and action."""


class Kafka(NamedTuple):
    """What is durable, and `begun`: the attempts that any worker has begun, which nobody is told."""

    published: int = 0
    results: tuple[DeliveryResult, ...] = ()
    waits: tuple[tuple[DeliveredEvent, RetryState], ...] = ()
    committed: tuple[tuple[str, int, str], ...] = ()
    begun: frozenset[Place] = frozenset()

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for equal contents."""
        results = tuple((one.recycle_id, one.action, one.outcome, one.attempts) for one in self.results)
        waits = tuple(
            (event.event_id, retry.attempts, retry.waits, retry.may_have_arrived) for event, retry in self.waits
        )
        return self.published, results, waits, self.committed, self.begun


class Swallowed(AssertionError):
    """Something counts as never sent although an attempt of it was begun."""


@dataclass
class Life:
    """One worker that has the partition."""

    kafka: Kafka
    queue: list[Delivery] = field(default_factory=list)
    calls: list[Delivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        ends = {EVENTS: self.kafka.published, WAIT: len(self.kafka.waits)}
        offsets = {topic: (offset, note) for topic, offset, note in self.kafka.committed}
        found = {
            topic: FoundTopic(0, end, *offsets[topic]) if topic in offsets else FoundTopic(0, end)
            for topic, end in ends.items()
        }
        was_delivered = bool(self.kafka.results or self.kafka.waits)
        taken = takeover.taken_over(0, found, was_delivered=was_delivered)
        recovered = RecoveredIndex(unsure_below={WAIT: 0})
        for result in self.kafka.results:
            recovered.reads_result(result, "", NOW)
        for offset, (event, retry) in enumerate(self.kafka.waits):
            if offset >= taken.positions[WAIT]:
                recovered.reads_wait(event, retry, (WAIT, offset), NOW, is_sure=taken.is_sure)
        self.partition = takeover.owned(taken, recovered)
        self.read = dict(taken.positions)
        self._commit(HELD)

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for lives of one beginning that have come to the same."""
        several = [tuple((one.message_id, one.retry) for one in those) for those in (self.queue, self.calls)]
        return self.kafka.key, *several, tuple(self.partition.positions()), tuple(self.read.items())

    def steps(self) -> Iterator[Step]:
        """What can happen next."""
        if self.kafka.published < len(PUBLISHED):
            yield Step.PUBLISH
        if self.read[EVENTS] < self.kafka.published:
            yield Step.CONSUME
        if self.read[WAIT] < len(self.kafka.waits):
            yield Step.CONSUME_WAIT
        if self.queue:
            yield Step.BEGIN
            yield Step.CROWDED
        if len(self.queue) > 1:
            yield Step.BEGIN_LAST
        if self.calls:
            yield Step.ACCEPTED
            yield Step.FAILED
        if self._committed(HELD) != self.kafka.committed:
            yield Step.COMMIT

    def do(self, step: Step) -> None:
        match step:
            case Step.PUBLISH:
                self.kafka = self.kafka._replace(published=self.kafka.published + 1)
            case Step.CONSUME:
                self._consume()
            case Step.CONSUME_WAIT:
                self._consume_wait()
            case Step.BEGIN | Step.CROWDED:
                self._admit(self.queue.pop(0), is_crowded=step is Step.CROWDED)
            case Step.BEGIN_LAST:
                self._admit(self.queue.pop(), is_crowded=False)
            case Step.ACCEPTED:
                self._ends(Accepted(200))
            case Step.FAILED:
                self._ends(Retry("no"))
            case Step.COMMIT:
                self._commit(HELD)

    def ends(self) -> list[End]:
        """How it can end. Offsets that are lost before anything was written of a partition leave no trace of it."""
        leaves_no_trace = self.kafka.begun and not (self.kafka.results or self.kafka.waits)
        return [End.LEAVE, End.CRASH] if leaves_no_trace else list(End)

    def ended(self, how: End) -> Kafka:
        """What is in Kafka afterwards."""
        if how is End.FORGOTTEN:
            return self.kafka._replace(committed=())
        released = takeover.released([self.partition])
        if how is End.CRASH or not (released.left or released.held):
            return self.kafka
        return self.kafka._replace(committed=self._committed(LEFT if released.left else HELD))

    def _consume(self) -> None:
        offset = self.read[EVENTS]
        self.read[EVENTS] += 1
        opened = self.partition.open(a_record(EVENTS, offset, value=VALUES[offset], written_at=NOW))
        deliveries = EXPANSION.of_event(self.partition, opened)
        opened.expect(len(deliveries))
        for delivery in deliveries:
            self._accept(delivery)

    def _consume_wait(self) -> None:
        offset = self.read[WAIT]
        self.read[WAIT] += 1
        event, retry = self.kafka.waits[offset]
        record = a_record(WAIT, offset, value=CODEC.encode(event), headers=retry.headers(), written_at=NOW)
        self._accept(EXPANSION.of_wait(self.partition, self.partition.open(record)))

    def _accept(self, delivery: Delivery) -> None:
        if not self.partition.index.is_finished(delivery.event, delivery.retry):
            self.partition.index.comes(delivery.event, delivery.retry)
        if self.partition.enter(delivery):
            self.queue.append(delivery)

    def _admit(self, delivery: Delivery, *, is_crowded: bool) -> None:
        place = delivery.event.recycle_id, delivery.event.action  # type: ignore[union-attr]  # all are recycles
        match admit(delivery, Availability.ACTIVE, NOW, SCHEDULE):
            case Attempt():
                if is_crowded:
                    self._wait(delivery, replace(delivery.retry, waits=delivery.retry.waits + 1, why="rate"))
                    return
                self.partition.index.begun(delivery.event, delivery.retry)
                self.partition.in_progress += 1
                self.calls.append(delivery)
                self.kafka = self.kafka._replace(begun=self.kafka.begun | {place})
            case Settle(outcome, attempts):
                is_of_a_recycle = place[1] == "RECYCLE" and attempts > 0
                if (place[0], "RECYCLE") in self.kafka.begun and not is_of_a_recycle:
                    raise Swallowed(f"{place} {outcome.detail}")
                self._record(delivery, without_attempt(delivery, outcome, attempts, NOW))
            case Wait(retry):
                self._wait(delivery, retry)
            case Drop():
                self.partition.index.drops(delivery.event, delivery.retry)
                self._finish(delivery)
            case GiveUp():
                raise AssertionError("nothing lives so long")

    def _ends(self, outcome: Accepted | NoOp | Retry) -> None:
        delivery = self.calls.pop(0)
        self.partition.in_progress -= 1
        self._record(delivery, after_attempt(delivery, outcome, NOW, SCHEDULE))

    def _record(self, delivery: Delivery, resolution: Resolution) -> None:
        waits = () if resolution.retry is None else ((delivery.event, resolution.retry),)
        self.kafka = self.kafka._replace(
            results=(*self.kafka.results, resolution.result), waits=(*self.kafka.waits, *waits)
        )
        self.partition.index.result(resolution.result, "")
        self._finish(delivery)

    def _wait(self, delivery: Delivery, retry: RetryState) -> None:
        self.kafka = self.kafka._replace(waits=(*self.kafka.waits, (delivery.event, retry)))
        self.partition.index.held(delivery.event, retry)
        self._finish(delivery)

    def _finish(self, delivery: Delivery) -> None:
        following = self.partition.leave(delivery)
        if following is not None:
            self.queue.append(following)

    def _committed(self, note: str) -> tuple[tuple[str, int, str], ...]:
        return tuple((topic, at, note) for topic, at in self.partition.positions())

    def _commit(self, note: str) -> None:
        self.kafka = self.kafka._replace(committed=self._committed(note))
