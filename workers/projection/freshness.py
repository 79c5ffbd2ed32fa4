"""How far the read model is behind, computed from Kafka's end offsets only."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from workers.read_model.generation import PartitionFreshness, PartitionId

from .log import Log

if TYPE_CHECKING:
    from concurrent.futures import Future

    from confluent_kafka.admin import ListOffsetsResultInfo  # type: ignore[attr-defined]  # not marked as exported

REQUEST_EVERY_SECONDS = 1.0
UNRESPONSIVE_AFTER = 30
"""Consecutive responses without progress, one per second; a paused process receives none in between."""

FreshnessByPartition = dict[PartitionId, PartitionFreshness]


class Freshness:
    """Queries the end offsets once a second; a response describes the moment of its request."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._pending: dict[PartitionId, Future[ListOffsetsResultInfo]] = {}
        self._requested_at = 0.0
        self._newest: dict[PartitionId, int] = {}
        self._unmoved: dict[PartitionId, tuple[int, int]] = {}

    def record_written(self, newest: Mapping[PartitionId, int]) -> None:
        """Remember, by partition, Kafka's timestamp (epoch ms) of the newest record that is written."""
        self._newest.update(newest)

    def reset(self) -> None:
        """Start again after an assignment: earlier requests concern other partitions, and none is unresponsive yet."""
        self._pending, self._unmoved = {}, {}

    def clear_unmoved(self) -> None:
        """Restart the count: the last batch was full, so some partitions had to wait for others."""
        self._unmoved.clear()

    def unresponsive(self) -> list[PartitionId]:
        """Partitions that have more records but returned none for too long, although batches were not full."""
        return [place for place, (_, responses) in self._unmoved.items() if responses >= UNRESPONSIVE_AFTER]

    def poll(self, positions: Mapping[PartitionId, int]) -> FreshnessByPartition | None:
        """Freshness according to the latest response; None while one is outstanding. `positions` by partition."""
        now = time.time()
        if self._pending and all(future.done() for future in self._pending.values()):
            responses, self._pending = self._pending, {}
            return self._evaluate(responses, positions)
        if not self._pending and abs(now - self._requested_at) >= REQUEST_EVERY_SECONDS:
            self._pending, self._requested_at = dict(self._log.request_ends(self._log.assigned)), now
        return None

    def _evaluate(
        self, responses: Mapping[PartitionId, "Future[ListOffsetsResultInfo]"], positions: Mapping[PartitionId, int]
    ) -> FreshnessByPartition:
        fresh: FreshnessByPartition = {}
        is_refused = False
        for place, future in responses.items():
            try:
                behind = max(0, future.result().offset - positions.get(place, 0))
            except KafkaException:
                self._unmoved.pop(place, None)  # whether it has more records is unknown
                is_refused = True
                continue
            self._count_unmoved(place, positions.get(place, 0) if behind else None)
            complete_until = self._newest.get(place, 0) if behind else int(self._requested_at * 1000)
            fresh[place] = PartitionFreshness(behind, complete_until)
        if is_refused:
            self._log.refresh_leaders()
        return fresh

    def _count_unmoved(self, place: PartitionId, position: int | None) -> None:
        """Count the responses that find the partition at this position; None: it is at its end."""
        before, responses = self._unmoved.pop(place, (None, 0))
        if position is not None:
            self._unmoved[place] = position, responses + 1 if before == position else 0


def by_topic(fresh: FreshnessByPartition) -> Counter[str]:
    """Records behind, by topic."""
    behind: Counter[str] = Counter()
    for place, (missing, _) in fresh.items():
        behind[place.topic] += missing
    return behind


def complete_until(fresh: FreshnessByPartition) -> int:
    """The time, epoch ms, up to which everything is in the read model; 0 if no partition is owned."""
    return min((one.complete_until for one in fresh.values()), default=0)
