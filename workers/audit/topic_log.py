"""The interface to the topics of one deployment: what they hold, what consumers have committed, and the records."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workers.read_model.generation import PartitionId

from .stored import OffsetRanges, StoredRecord


@dataclass(frozen=True, slots=True)
class HeldRange:
    """What a partition holds: the offsets from `first` up to `end`, which is not read any more.

    `start` is where reading starts: later than `first` if only what was written since some time is read.
    """

    first: int
    start: int
    end: int

    @property
    def has_lost(self) -> bool:
        """Whether records have been deleted, and everything that is left is read."""
        return 0 < self.first == self.start

    @property
    def records(self) -> int:
        """At most so many are read: compaction leaves gaps."""
        return max(0, self.end - self.start)


@dataclass(frozen=True, slots=True)
class LogView:
    """The topics at one moment. Committed offsets are read before the ends: what they are past, the ends contain."""

    ends: Mapping[PartitionId, int]
    consumed_by_streams: Mapping[PartitionId, int] = field(default_factory=dict)
    consumed_by_deliver: Mapping[PartitionId, int] = field(default_factory=dict)


class TopicLog(Protocol):
    """The topics of `stored.AUDITED`, or some of them. Every method raises KafkaException if Kafka does not answer."""

    def partitions(self) -> Mapping[str, int]:
        """The number of partitions of each topic. Raises UserError if one is missing."""
        ...

    def view(self) -> LogView:
        """The committed offsets and the ends, now."""
        ...

    def held(self, ends: Mapping[PartitionId, int], since: int) -> Mapping[PartitionId, HeldRange]:
        """What there is to read before these ends: everything, or what was written at or after `since` (epoch ms)."""
        ...

    def kept_since(self, topics: Iterable[str]) -> int:
        """The time (epoch ms) since which nothing has expired in these topics, by their settings."""
        ...

    def read(self, ranges: OffsetRanges) -> Iterator[StoredRecord]:
        """The records of these ranges, in the order of each partition; those without a key are left out."""
        ...
