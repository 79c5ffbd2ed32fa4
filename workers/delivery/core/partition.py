"""One partition as long as this worker owns it: its records, its deliveries, and what must not be in progress twice."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from schemas.events import LeadRecycled

from .index import DeliveryIndex
from .model import ConsumedRecord, RetryState
from .offset_tracker import OffsetTracker

Finish = Callable[[], None]


@dataclass(slots=True)
class OpenRecord:
    """A consumed record. It is finished when all that came of it is; `finish` is then called, once."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    finish: Finish
    left: int = 0

    @property
    def place(self) -> str:
        return f"topic {self.topic}, partition {self.partition}, offset {self.offset}"

    def one_less(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.finish()


@dataclass(frozen=True, slots=True)
class Pending:
    """A recycle event on its way to one endpoint, or (`is_left_out`) to be remembered as kept from it by its filter."""

    event: LeadRecycled
    note: RetryState
    traceparent: str = ""
    is_left_out: bool = False

    @property
    def message_id(self) -> str:
        return f"{self.event.recycle_id}_{self.event.action.lower()}".replace(".", "-")

    @property
    def seed(self) -> str:
        return f"{self.message_id} {self.note.endpoint}"


@dataclass(slots=True, eq=False)
class Item:
    """`queued_at`: since when it waits in its lane, on the clock of the lane."""

    pending: Pending
    receipt: OpenRecord
    route: "OwnedPartition"
    queued_at: float = field(default=0.0)

    @property
    def endpoint(self) -> str:
        return self.pending.note.endpoint

    @property
    def chain(self) -> tuple[str, str]:
        """What must not be under way twice."""
        return self.pending.note.endpoint, self.pending.event.recycle_id


@dataclass(slots=True, eq=False)
class OwnedPartition:
    """`unsure_below`: by topic, records that a predecessor may have had in its hands when it died."""

    partition: int
    ledger: DeliveryIndex
    trackers: Mapping[str, OffsetTracker]
    unsure_below: Mapping[str, int]
    is_held: bool = True
    busy: int = 0  # parcels that are being tried or written about
    waiting: Counter[str] = field(default_factory=Counter)  # parcels in the waiting topics, by endpoint
    sleeping: dict[str, deque[ConsumedRecord]] = field(
        default_factory=dict
    )  # by topic: read, and not looked at before its time
    _chains: dict[tuple[str, str], deque[Item]] = field(default_factory=dict)

    def receipt(self, came: ConsumedRecord) -> OpenRecord:
        """Take note of a record; it holds the offset until it is finished."""
        tracker, offset = self.trackers[came.topic], came.offset
        tracker.begin(offset)
        return OpenRecord(
            came.topic, came.partition, offset, came.key, came.value or b"", lambda: tracker.finish(offset)
        )

    def is_unsure(self, came: ConsumedRecord) -> bool:
        return came.offset < self.unsure_below.get(came.topic, 0)

    def enter(self, item: Item) -> bool:
        """Whether it may go on; else it goes on when what is before it is done."""
        chain = self._chains.get(item.chain)
        if chain is None:
            self._chains[item.chain] = deque()
            return True
        chain.append(item)
        return False

    def leave(self, item: Item) -> Item | None:
        """It is done; who may go on now."""
        item.receipt.one_less()
        chain = self._chains[item.chain]
        if chain:
            return chain.popleft()
        del self._chains[item.chain]
        return None

    def positions(self) -> Iterable[tuple[str, int]]:
        """By topic, what may be committed."""
        return [(topic, tracker.position) for topic, tracker in self.trackers.items()]
