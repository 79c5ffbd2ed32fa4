"""A partition that this worker owns, its open records and its deliveries.

Guarantees two things: the position of a topic never passes a record with an unfinished delivery, and of one chain
(an endpoint and the id of an event) only one delivery is in progress at a time.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..events import DeliveredEvent, id_of
from .daily_counts import DailyCounts
from .delivery_index import DeliveryIndex
from .model import ConsumedRecord, RetryState
from .offset_tracker import OffsetTracker


@dataclass(slots=True)
class OpenRecord:
    """A consumed record; its offset may be committed once all its deliveries (`unfinished`) have finished."""

    record: ConsumedRecord
    tracker: OffsetTracker
    unfinished: int = 1

    @property
    def place(self) -> str:
        return self.record.place

    def expect(self, deliveries: int) -> None:
        """Set how many deliveries come of the record; with none it is finished at once."""
        self.unfinished = deliveries
        if deliveries == 0:
            self.tracker.finish(self.record.offset)

    def finish_one(self) -> None:
        """Count one delivery as finished: the broker has acked all its effects."""
        self.unfinished -= 1
        if self.unfinished == 0:
            self.tracker.finish(self.record.offset)


@dataclass(slots=True, eq=False)
class Delivery:
    """One event for one endpoint. `is_left_out`: the filter excludes it, which is only recorded."""

    event: DeliveredEvent
    retry: RetryState
    record: OpenRecord
    partition: "OwnedPartition"
    traceparent: str = ""
    is_left_out: bool = False

    @property
    def endpoint(self) -> str:
        return self.retry.endpoint

    @property
    def message_id(self) -> str:
        """The same on every attempt; without dots."""
        return f"{id_of(self.event)}_{self.event.action.lower()}".replace(".", "-")

    @property
    def seed(self) -> str:
        """Seed of the jitter of its waits."""
        return f"{self.message_id} {self.retry.endpoint}"

    @property
    def chain(self) -> tuple[str, str]:
        """The deliveries with the same chain are made one after the other: a RECYCLE before its REVOKE."""
        return self.retry.endpoint, id_of(self.event)


@dataclass(slots=True, eq=False)
class OwnedPartition:
    """One partition number of the topics of events and the waiting topics, as long as this worker owns it.

    `unsure_below`: by topic, the offset below which a crashed predecessor may have begun attempts. `in_progress` counts
    deliveries with unacked effects (a call, a write); one that was cut off stays counted. `waiting`: deliveries in the
    waiting topics, by endpoint. `begun`: attempts of a day, for endpoints with a daily budget.
    """

    number: int
    index: DeliveryIndex
    trackers: Mapping[str, OffsetTracker]
    unsure_below: Mapping[str, int]
    is_owned: bool = True
    in_progress: int = 0
    waiting: Counter[str] = field(default_factory=Counter)
    begun: DailyCounts = field(default_factory=lambda: DailyCounts({}))
    _chains: dict[tuple[str, str], deque[Delivery]] = field(default_factory=dict)

    def open(self, record: ConsumedRecord) -> OpenRecord:
        """Register a consumed record: no offset from its own on may be committed until it is finished."""
        tracker = self.trackers[record.topic]
        tracker.begin(record.offset)
        return OpenRecord(record, tracker)

    def is_unsure(self, record: ConsumedRecord) -> bool:
        """Whether a crashed predecessor may have begun an attempt of it."""
        return record.offset < self.unsure_below.get(record.topic, 0)

    @property
    def has_unsure(self) -> bool:
        """Whether any record that a crashed predecessor may have begun is unfinished."""
        return any(tracker.position < self.unsure_below.get(topic, 0) for topic, tracker in self.trackers.items())

    def enter(self, delivery: Delivery) -> bool:
        """Enter its chain. Returns whether it may begin; otherwise `leave` of the one before it returns it."""
        chain = self._chains.get(delivery.chain)
        if chain is None:
            self._chains[delivery.chain] = deque()
            return True
        chain.append(delivery)
        return False

    def leave(self, delivery: Delivery) -> Delivery | None:
        """Finish a delivery. Returns the next one of its chain, which may begin now."""
        delivery.record.finish_one()
        chain = self._chains[delivery.chain]
        if chain:
            return chain.popleft()
        del self._chains[delivery.chain]
        return None

    def positions(self) -> Iterable[tuple[str, int]]:
        """By topic, the offset that may be committed."""
        return [(topic, tracker.position) for topic, tracker in self.trackers.items()]
