"""What a worker may believe about a partition that it takes over, and how it leaves one. Pure.

Beside each committed offset stands how the partition was left. The property that all of it serves: nothing counts as
"never attempted" if an attempt of it may have been begun, by whichever owner, however that one ended.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .model import Released, Takeover
from .offset_tracker import OffsetTracker
from .owned_partition import OwnedPartition
from .recovered_index import RecoveredIndex

HELD, LEFT = "held", "left"
"""Written beside committed offsets. HELD: a worker has the partition, or crashed, or left it before everything that a
crashed predecessor may have begun was finished. LEFT: nothing of it may have been begun."""


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """One topic of a partition at a takeover. `committed`: None without an offset; `note`: stands beside it."""

    low: int
    high: int
    committed: int | None = None
    note: str = ""

    @property
    def position(self) -> int:
        """Where it is read from: what is not there is not waited for, nor what a recreated topic no longer has."""
        if self.committed is None or self.committed > self.high:
            return self.low
        return max(self.committed, self.low)


def taken_over(partition: int, found: Mapping[str, FoundTopic], *, was_delivered: bool) -> Takeover:
    """Return how a partition is taken over.

    All topics of a partition are committed together, so a topic without a committed offset was not known to the worker
    that left the others. Without any, the notes are lost too (the group was deleted, or has expired): whatever is there
    may have been begun, unless nothing of the partition was ever delivered.

    Args:
        partition: its number.
        found: by topic.
        was_delivered: whether any result or wait of this partition was ever written.
    """
    committed = [one for one in found.values() if one.committed is not None]
    is_sure = not was_delivered
    if committed:
        is_sure = all(one.note == LEFT and (one.committed or 0) <= one.high for one in committed)
    return Takeover(
        partition,
        {topic: one.position for topic, one in found.items()},
        {topic: one.high for topic, one in found.items()},
        is_sure,
    )


def owned(takeover: Takeover, recovered: RecoveredIndex) -> OwnedPartition:
    """Return the partition that begins with a takeover."""
    return OwnedPartition(
        number=takeover.partition,
        index=recovered.index,
        trackers={topic: OffsetTracker(position) for topic, position in takeover.positions.items()},
        unsure_below={} if takeover.is_sure else {**takeover.ends, **recovered.unsure_below},
        waiting=recovered.waiting,
        begun=recovered.begun,
    )


def released(partitions: Iterable[OwnedPartition]) -> Released:
    """Return what is committed for partitions in which nothing more begins; nothing of one with work in progress."""
    idle = [one for one in partitions if not one.in_progress]
    return Released(
        left=positions_of(one for one in idle if not one.has_unsure),
        held=positions_of(one for one in idle if one.has_unsure),
    )


def positions_of(partitions: Iterable[OwnedPartition]) -> dict[tuple[str, int], int]:
    """Return the offsets that may be committed, by topic and partition."""
    return {(topic, one.number): at for one in partitions for topic, at in one.positions()}
