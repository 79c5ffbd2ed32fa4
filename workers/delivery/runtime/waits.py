"""Lets records of the waiting topics wait until they are due, and holds their offsets meanwhile."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..core.model import ConsumedRecord
from ..core.owned_partition import OwnedPartition
from .flow import FlowControl, PauseReason, Place

_LONGEST_SLEEP_SECONDS = 30.0


@dataclass(eq=False)
class WaitScheduler:
    """`delays`: for how long (ms) each waiting topic, with its prefix, keeps a record. `due` receives what is due.

    All records of a topic wait equally long, so only the first of a partition is watched, and while it is not due
    nothing more of it is fetched.
    """

    delays: Mapping[str, int]
    flow: FlowControl
    now: Callable[[], int]
    due: Callable[[OwnedPartition, ConsumedRecord], None]
    failed: Callable[[BaseException, str], None]

    def __post_init__(self) -> None:
        self._waiting: dict[Place, deque[ConsumedRecord]] = {}
        self._timers: dict[Place, asyncio.TimerHandle] = {}

    def add(self, partition: OwnedPartition, record: ConsumedRecord) -> None:
        """Let a record wait; it may be due at once."""
        waiting = self._waiting.setdefault((record.topic, partition.number), deque())
        waiting.append(record)
        if len(waiting) == 1:
            self._check(partition, record.topic)

    def clear(self) -> None:
        """Forget everything: the partitions belong to another worker."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting.clear()

    def _check(self, partition: OwnedPartition, topic: str) -> None:
        place = (topic, partition.number)
        self._timers.pop(place, None)
        if not partition.is_owned:
            return
        waiting, delay = self._waiting[place], self.delays[topic]
        while waiting and waiting[0].written_at + delay <= self.now():
            self._hand_over(partition, waiting.popleft())
        if not waiting:
            self.flow.release(place, PauseReason.NOT_DUE)
            return
        self.flow.hold(place, PauseReason.NOT_DUE)
        left = (waiting[0].written_at + delay - self.now()) / 1000
        seconds = min(max(left, 0.001), _LONGEST_SLEEP_SECONDS)
        self._timers[place] = asyncio.get_running_loop().call_later(seconds, self._check, partition, topic)

    def _hand_over(self, partition: OwnedPartition, record: ConsumedRecord) -> None:
        try:
            self.due(partition, record)
        except Exception as error:  # noqa: BLE001  a timer has no caller to raise it to
            self.failed(error, record.place)
