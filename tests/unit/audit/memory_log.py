"""Topics in memory: a log that tests write to, also while an audit reads it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from schemas.topics import partition_of
from workers.audit.stored import AUDITED, FACTS, OffsetRanges, StoredRecord
from workers.audit.topic_log import HeldRange, LogView
from workers.read_model.generation import PartitionId


class MemoryLog:
    """Every topic has this number of partitions. Streams and deliver have consumed everything, unless a test says not.

    Attributes:
        firsts: The first offset that a partition still holds, where it is not 0.
        on_view: Called before each view of the topics after the first: what happens between two looks.
        unconsumed: Partitions of which streams has consumed nothing.
        delivered: The offsets that deliver has committed, where it is not the end.
        kept: The answer of `kept_since`.
    """

    def __init__(self, partitions: int = 1) -> None:
        self._partitions = partitions
        self._records: dict[PartitionId, list[StoredRecord]] = defaultdict(list)
        self._views = 0
        self.firsts: dict[PartitionId, int] = {}
        self.on_view: Callable[[int], None] = lambda _: None
        self.unconsumed: set[PartitionId] = set()
        self.delivered: dict[PartitionId, int] = {}
        self.kept = 0

    def append(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        *,
        partition: int | None = None,
        at: int | None = None,
        note: str = "",
    ) -> StoredRecord:
        """Write a record; `at` is Kafka's timestamp."""
        number = partition_of(key, self._partitions) if partition is None else partition
        kept = self._records[PartitionId(topic, number)]
        written_at = len(kept) if at is None else at
        kept.append(StoredRecord(key, AUDITED.index(topic), number, len(kept), written_at, value, note))
        return kept[-1]

    def extend(self, records: Iterable[StoredRecord]) -> None:
        for one in records:
            self.append(AUDITED[one.topic], one.key, one.value, at=one.written_at, note=one.note)

    # -- as the audit reads it -----------------------------------------------------------------

    def partitions(self) -> Mapping[str, int]:
        return dict.fromkeys(AUDITED, self._partitions)

    def view(self) -> LogView:
        self.on_view(self._views)
        self._views += 1
        ends = {
            PartitionId(topic, number): len(self._records[PartitionId(topic, number)])
            for topic in AUDITED
            for number in range(self._partitions)
        }
        consumed = {
            place: 0 if place in self.unconsumed else end for place, end in ends.items() if place.topic in FACTS
        }
        return LogView(ends, consumed, {**ends, **self.delivered})

    def held(self, ends: Mapping[PartitionId, int], since: int) -> Mapping[PartitionId, HeldRange]:
        return {place: self._held(place, end, since) for place, end in ends.items()}

    def kept_since(self, topics: Iterable[str]) -> int:
        return self.kept if list(topics) else 0

    def read(self, ranges: OffsetRanges) -> Iterator[StoredRecord]:
        for place, (start, end) in ranges.items():
            yield from self._records[place][start:end]

    def _held(self, place: PartitionId, end: int, since: int) -> HeldRange:
        first = self.firsts.get(place, 0)
        later = (one.offset for one in self._records[place][first:] if one.written_at >= since)
        return HeldRange(first, next(later, end) if since else first, end)
