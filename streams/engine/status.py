"""Status: what a worker knows of itself, for metrics and readiness; reading it costs Kafka nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One assigned partition number.

    Attributes:
        is_ready: recovered; it takes chunks.
        remaining: changelog offsets that recovery still has to read; None while that is not known.
        positions: per input topic, the next offset to process.
        ends: per input topic, the last known end.
        moved_at: epoch ms of the last finished chunk or tick, or step of recovery.
        chunk_at: epoch ms of the last finished chunk with records, 0 if there was none.
        keys: how many keys the state has, roughly.
        oldest_at: epoch ms at which Kafka got the oldest record that is fetched and not done; 0 if there is none.
    """

    number: int
    is_ready: bool
    remaining: int | None
    positions: Mapping[str, int]
    ends: Mapping[str, int]
    moved_at: int
    chunk_at: int
    keys: int
    oldest_at: int = 0

    def lag(self, topic: str) -> int:
        """Records of a topic that are known and not yet processed."""
        return max(0, self.ends.get(topic, 0) - self.positions.get(topic, 0))


@dataclass(frozen=True, slots=True)
class Status:
    """A worker.

    Attributes:
        is_assigned: the group has given it its partitions, which may be none.
        is_member: Kafka has accepted a commit of it within the last session.
        assignments: how often it was given partitions, which is once a rebalance.
        refused_commits: commits that Kafka did not take.
    """

    is_assigned: bool
    is_member: bool
    partitions: tuple[PartitionStatus, ...] = ()
    assignments: int = 0
    refused_commits: int = 0

    def is_ready(self, stale_after: float = 30.0) -> bool:
        """Whether it is assigned, its state restored, and processing; a member without partitions is a ready stand-by.

        Args:
            stale_after: seconds without a finished chunk, tick or step of recovery after which it is not.
        """
        if not self.partitions:
            return self.is_assigned
        oldest = (time.time() - stale_after) * 1000
        return self.is_member and all(one.is_ready and one.moved_at > oldest for one in self.partitions)


NOT_STARTED = Status(is_assigned=False, is_member=False)
