"""One partition as long as this worker has it: its ledger, its offsets, and what must not be under way twice."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .intake import Came
from .item import Item, Receipt
from .ledger import Ledger
from .tracker import Tracker


@dataclass(slots=True, eq=False)
class Route:
    """`unsure_below`: by topic, records that a predecessor may have had in its hands when it died."""

    partition: int
    ledger: Ledger
    trackers: Mapping[str, Tracker]
    unsure_below: Mapping[str, int]
    is_held: bool = True
    busy: int = 0  # parcels that are being tried or written about
    waiting: Counter[str] = field(default_factory=Counter)  # parcels in the waiting topics, by endpoint
    sleeping: dict[str, deque[Came]] = field(default_factory=dict)  # by topic: read, and not looked at before its time
    _chains: dict[tuple[str, str], deque[Item]] = field(default_factory=dict)

    def receipt(self, came: Came) -> Receipt:
        """Take note of a record; it holds the offset until it is finished."""
        tracker, offset = self.trackers[came.topic], came.offset
        tracker.begin(offset)
        return Receipt(came.topic, came.partition, offset, came.key, came.value or b"", lambda: tracker.finish(offset))

    def is_unsure(self, came: Came) -> bool:
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
