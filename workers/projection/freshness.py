"""How far the read model is behind, computed from Kafka's end offsets only."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException

from workers.read_model.generation import PartitionFreshness, PartitionId

from .log import Log

if TYPE_CHECKING:
    from concurrent.futures import Future

REQUEST_EVERY_SECONDS = 1.0
UNRESPONSIVE_AFTER = 30
"""Consecutive responses, one per second; a paused process receives none in between."""

FreshnessByPartition = dict[PartitionId, PartitionFreshness]


class Freshness:
    """Queries the end offsets once a second; a response describes the moment of its request."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._pending: dict[PartitionId, Future[Any]] = {}
        self._requested_at = 0.0
        self._newest: dict[PartitionId, int] = {}
        self._unmoved: dict[PartitionId, tuple[int, int]] = {}

    def record_written(self, newest: Mapping[PartitionId, int]) -> None:
        """The time (epoch ms) at which Kafka got the newest record that is written."""
        self._newest.update(newest)

    def reset(self) -> None:
        """Start again after an assignment: earlier requests concern other partitions, and none is unresponsive yet."""
        self._pending, self._unmoved = {}, {}

    def clear_unmoved(self) -> None:
        """More waits than is taken at once: a place may have to wait for its turn."""
        self._unmoved.clear()

    def unresponsive(self) -> list[PartitionId]:
        """Places that hold more and have given nothing for too long, while nothing else was in their way."""
        return [place for place, (_, answers) in self._unmoved.items() if answers >= UNRESPONSIVE_AFTER]

    def poll(self, positions: Mapping[PartitionId, int]) -> FreshnessByPartition | None:
        """Freshness according to the latest response; None while one is outstanding."""
        now = time.time()
        if self._pending and all(future.done() for future in self._pending.values()):
            answers, self._pending = self._pending, {}
            return self._evaluate(answers, positions)
        if not self._pending and abs(now - self._requested_at) >= REQUEST_EVERY_SECONDS:
            self._pending, self._requested_at = dict(self._log.request_ends(self._log.assigned)), now
        return None

    def _evaluate(
        self, answers: Mapping[PartitionId, "Future[Any]"], positions: Mapping[PartitionId, int]
    ) -> FreshnessByPartition:
        fresh: FreshnessByPartition = {}
        for place, future in answers.items():
            try:
                behind = max(0, future.result().offset - positions.get(place, 0))
            except KafkaException:
                self._unmoved.pop(place, None)  # whether it holds more is not known
                continue
            self._count_unmoved(place, positions.get(place, 0) if behind else None)
            complete_until = self._newest.get(place, 0) if behind else int(self._requested_at * 1000)
            fresh[place] = PartitionFreshness(behind, complete_until)
        return fresh

    def _count_unmoved(self, place: PartitionId, stands_at: int | None) -> None:
        """Count the answers that find it here; None: it is at its end."""
        before, answers = self._unmoved.pop(place, (None, 0))
        if stands_at is not None:
            self._unmoved[place] = stands_at, answers + 1 if before == stands_at else 0


def by_topic(fresh: FreshnessByPartition) -> Counter[str]:
    behind: Counter[str] = Counter()
    for place, (missing, _) in fresh.items():
        behind[place.topic] += missing
    return behind


def complete_until(fresh: FreshnessByPartition) -> int:
    """Everything up to then is in. Epoch ms."""
    return min((one.complete_until for one in fresh.values()), default=0)
