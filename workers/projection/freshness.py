"""How far the read model is behind, by what Kafka says its ends are; never by what we have not heard of them."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException

from workers.read_model.generation import PartitionFreshness, PartitionId

from .log import Log

if TYPE_CHECKING:
    from concurrent.futures import Future

ASK_EVERY_SECONDS = 1.0
STILL_ANSWERS = 30
"""So many in a row, one a second: a process that was paused has heard none meanwhile."""

FreshnessByPartition = dict[PartitionId, PartitionFreshness]


class Freshness:
    """Asks now and then where the log ends; an answer counts for the moment at which it was asked for."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._asked: dict[PartitionId, Future[Any]] = {}
        self._asked_at = 0.0
        self._newest: dict[PartitionId, int] = {}
        self._stands: dict[PartitionId, tuple[int, int]] = {}

    def took(self, newest: Mapping[PartitionId, int]) -> None:
        """The time (epoch ms) at which Kafka got the newest record that is written."""
        self._newest.update(newest)

    def begin(self) -> None:
        """The places are read from anew: what was asked before is about others, and nobody stands still yet."""
        self._asked, self._stands = {}, {}

    def busy(self) -> None:
        """More waits than is taken at once: a place may have to wait for its turn."""
        self._stands.clear()

    def still(self) -> list[PartitionId]:
        """Places that hold more and have given nothing for too long, while nothing else was in their way."""
        return [place for place, (_, answers) in self._stands.items() if answers >= STILL_ANSWERS]

    def look(self, positions: Mapping[PartitionId, int]) -> FreshnessByPartition | None:
        """What the last answer says of these positions; None while it is awaited."""
        now = time.time()
        if self._asked and all(future.done() for future in self._asked.values()):
            answers, self._asked = self._asked, {}
            return self._evaluate(answers, positions)
        if not self._asked and abs(now - self._asked_at) >= ASK_EVERY_SECONDS:
            self._asked, self._asked_at = dict(self._log.ask_ends(self._log.assigned)), now
        return None

    def _evaluate(
        self, answers: Mapping[PartitionId, "Future[Any]"], positions: Mapping[PartitionId, int]
    ) -> FreshnessByPartition:
        fresh: FreshnessByPartition = {}
        for place, future in answers.items():
            try:
                behind = max(0, future.result().offset - positions.get(place, 0))
            except KafkaException:
                self._stands.pop(place, None)  # whether it holds more is not known
                continue
            self._note(place, positions.get(place, 0) if behind else None)
            complete_until = self._newest.get(place, 0) if behind else int(self._asked_at * 1000)
            fresh[place] = PartitionFreshness(behind, complete_until)
        return fresh

    def _note(self, place: PartitionId, stands_at: int | None) -> None:
        """Count the answers that find it here; None: it is at its end."""
        before, answers = self._stands.pop(place, (None, 0))
        if stands_at is not None:
            self._stands[place] = stands_at, answers + 1 if before == stands_at else 0


def by_topic(fresh: FreshnessByPartition) -> Counter[str]:
    behind: Counter[str] = Counter()
    for place, (missing, _) in fresh.items():
        behind[place.topic] += missing
    return behind


def complete_until(fresh: FreshnessByPartition) -> int:
    """Everything up to then is in. Epoch ms."""
    return min((one.complete_until for one in fresh.values()), default=0)
