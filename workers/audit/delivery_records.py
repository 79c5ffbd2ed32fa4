"""What the topics hold about the deliveries of one lead: the events, and per endpoint what became of each."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.codec import Codec
from schemas.events import DeliveryOutcome, DeliveryResult
from workers.delivery.events import DeliveredEvent, decode_event, id_of, is_known, result_key
from workers.read_model.generation import PartitionId

from .stored import AUDITED, RESULTS, WAITING, StoredRecord

ARRIVED: frozenset[DeliveryOutcome] = frozenset({"accepted", "unverified"})
_NOT_FINAL: frozenset[DeliveryOutcome] = frozenset({"retry", "unknown"})


class EventKey(NamedTuple):
    """An event: its recycle_id or escalation_id, and its action."""

    event_id: str
    action: str


class DeliveryKey(NamedTuple):
    """A delivery: one event for one endpoint."""

    endpoint: str
    event: EventKey


class PlacedEvent(NamedTuple):
    """An event that is to be delivered, and where it is first in the log. `written_at`: Kafka's timestamp, epoch ms."""

    event: DeliveredEvent
    place: PartitionId
    offset: int
    written_at: int

    @property
    def key(self) -> EventKey:
        return EventKey(id_of(self.event), self.event.action)


class NotedResult(NamedTuple):
    """A result, its place in the order of the log, and the replay that it belongs to, if any."""

    result: DeliveryResult
    offset: int
    replay: str


class WaitingDelivery(NamedTuple):
    """A record of a waiting topic. `due_at`: when the delivery is attempted next, epoch ms."""

    place: PartitionId
    offset: int
    due_at: int


@dataclass(slots=True)
class DeliveryTraces:
    """All traces of one delivery, in the order of the log. `has_letter`: a dead letter says that it was given up."""

    results: list[NotedResult] = field(default_factory=list)
    waiting: list[WaitingDelivery] = field(default_factory=list)
    has_letter: bool = False

    @property
    def finals(self) -> list[NotedResult]:
        """Results after which nothing more is done."""
        return [one for one in self.results if one.result.outcome not in _NOT_FINAL]

    @property
    def arrived(self) -> list[NotedResult]:
        """Results that say that the endpoint has the event."""
        return [one for one in self.results if one.result.outcome in ARRIVED]

    @property
    def is_repeated(self) -> bool:
        """Whether it arrived more than once, and no replay did that: delivery is at least once."""
        return sum(not one.replay for one in self.arrived) > 1


@dataclass(slots=True)
class DeliveryRecords:
    """Of one lead."""

    events: dict[EventKey, PlacedEvent] = field(default_factory=dict)
    deliveries: dict[DeliveryKey, DeliveryTraces] = field(default_factory=lambda: defaultdict(DeliveryTraces))

    def add_event(self, event: DeliveredEvent, one: StoredRecord) -> None:
        """Take a record of `lead-recycled` or `lead-escalated`."""
        placed = PlacedEvent(event, one.place, one.offset, one.written_at)
        if is_known(event):
            self.events.setdefault(placed.key, placed)

    def add_trace(self, lead_id: str, one: StoredRecord, codec: Codec) -> None:
        """Take a result, a record of a waiting topic, or the dead letter of a delivery; those of other leads are not.

        Raises:
            Undecodable: It is no such record.
        """
        if AUDITED[one.topic] == RESULTS:
            result = codec.decode(one.value, DeliveryResult)
            if result.lead_id == lead_id:
                key = DeliveryKey(result.endpoint, EventKey(*result_key(result)))
                self.deliveries[key].results.append(NotedResult(result, one.offset, one.note))
            return
        event = decode_event(codec, one.value)
        if event.lead_id != lead_id:
            return
        endpoint, _, due_at = one.note.partition(" ")
        traces = self.deliveries[DeliveryKey(endpoint, EventKey(id_of(event), event.action))]
        if AUDITED[one.topic] in WAITING:
            traces.waiting.append(WaitingDelivery(one.place, one.offset, int(due_at or 0)))
        else:
            traces.has_letter = True
