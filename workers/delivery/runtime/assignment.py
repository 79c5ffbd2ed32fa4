"""The partitions of this worker: taken over with a delivery index, fed with records, released with their offsets."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from streams.runtime.logs import event

from ..core.model import ConsumedRecord, Released, Takeover
from ..core.owned_partition import OwnedPartition
from ..core.recovered_index import RecoveredIndex
from ..core.takeover import owned, positions_of, released
from .flow import FlowControl, PauseReason, Place
from .waits import WaitScheduler

_LOG = logging.getLogger("leadloop.deliver")
MAX_OPEN = 2_000
"""Open records of one partition of a topic: at more, no more is fetched. Twice what lanes may hold, if that is more:
the deliveries of an endpoint that hangs must not keep the others from theirs."""
EASE_SECONDS = 1.0
"""The longest that nothing is consumed because every lane has enough."""


class Deliveries(Protocol):
    """What an assignment needs of the deliverer."""

    @property
    def max_held(self) -> int: ...
    def accept_event(self, partition: OwnedPartition, record: ConsumedRecord) -> None: ...
    async def has_room(self, within: float) -> None: ...
    async def release(self, partitions: Sequence[OwnedPartition], within: float) -> None: ...


@dataclass(eq=False)
class Assignment:
    """The receiver of the source; lives in the event loop.

    `owned`: the partitions by number; empty until the index of each is rebuilt by `recover`, which runs in a thread
    and ends early once its second argument returns False.
    """

    owned: MutableMapping[int, OwnedPartition]
    deliveries: Deliveries
    waits: WaitScheduler
    flow: FlowControl
    recover: Callable[[Sequence[Takeover], Callable[[], bool]], Mapping[int, RecoveredIndex]]
    failed: Callable[[BaseException, str], None]
    drain_seconds: float
    is_recovering: bool = False

    def __post_init__(self) -> None:
        self._generation = 0
        self._recovering: set[asyncio.Task[None]] = set()

    async def partitions_assigned(self, takeovers: Sequence[Takeover]) -> None:
        """Rebuild the index of each partition; everything stays paused until then."""
        self._generation += 1
        self.is_recovering = True
        self.flow.assigned((topic, one.partition) for one in takeovers for topic in one.positions)
        task = asyncio.get_running_loop().create_task(self._recover(takeovers, self._generation))
        self._recovering.add(task)
        task.add_done_callback(self._recovering.discard)

    async def records_consumed(self, batch: Sequence[ConsumedRecord]) -> None:
        """Accept records, then wait until more are wanted."""
        for record in batch:
            partition = self.owned.get(record.partition)
            if partition is None or not partition.is_owned:
                continue
            try:
                self._accept(partition, record)
            except Exception as error:
                self.failed(error, record.place)
                raise
        self._pause_full(batch)
        await self.deliveries.has_room(EASE_SECONDS)

    async def partitions_revoked(self) -> Released:
        """See `source.Receiver`."""
        partitions = self._forget()
        event(_LOG, logging.INFO, "partitions are given up", partitions=_numbers(one.number for one in partitions))
        await self.deliveries.release(partitions, self.drain_seconds)
        return released(partitions)

    async def partitions_lost(self) -> None:
        partitions = self._forget()
        event(_LOG, logging.WARNING, "partitions are lost", partitions=_numbers(one.number for one in partitions))
        await self.deliveries.release(partitions, 0.0)

    def positions(self) -> Mapping[Place, int]:
        """Return the offsets that may be committed."""
        return positions_of(self.owned.values())

    def resume_where_possible(self) -> None:
        """Fetch again where few enough records are open; to be called often."""
        for topic, number in self.flow.held(PauseReason.FULL):
            partition = self.owned.get(number)
            if partition is not None and partition.trackers[topic].outstanding < self._max_open // 2:
                self.flow.release((topic, number), PauseReason.FULL)

    def close(self) -> None:
        """End the rebuilding of indexes: nobody waits for it."""
        self._forget()

    async def _recover(self, takeovers: Sequence[Takeover], generation: int) -> None:
        begun_at = time.monotonic()
        try:
            found = await asyncio.to_thread(self.recover, takeovers, lambda: generation == self._generation)
        except Exception as error:  # noqa: BLE001  ends the process
            if generation == self._generation:
                self.failed(error, "while delivery indexes were rebuilt")
            return
        if generation != self._generation:
            return  # the partitions belong to another worker by now
        self.is_recovering = False
        _log_takeover(takeovers, found, time.monotonic() - begun_at)
        for one in takeovers:
            self.owned[one.partition] = owned(one, found[one.partition])
            for topic in one.positions:
                self.flow.release((topic, one.partition), PauseReason.RECOVERING)

    def _accept(self, partition: OwnedPartition, record: ConsumedRecord) -> None:
        if record.topic in self.waits.delays:
            self.waits.add(partition, record)
        else:
            self.deliveries.accept_event(partition, record)

    def _pause_full(self, batch: Sequence[ConsumedRecord]) -> None:
        for topic, number in {(record.topic, record.partition) for record in batch}:
            partition = self.owned.get(number)
            if partition and partition.trackers[topic].outstanding >= self._max_open:
                self.flow.hold((topic, number), PauseReason.FULL)

    @property
    def _max_open(self) -> int:
        return max(MAX_OPEN, 2 * self.deliveries.max_held)

    def _forget(self) -> list[OwnedPartition]:
        partitions = list(self.owned.values())
        self._generation += 1
        self.is_recovering = False
        self.owned.clear()
        self.flow.clear()
        self.waits.clear()
        return partitions


def _log_takeover(takeovers: Sequence[Takeover], found: Mapping[int, RecoveredIndex], seconds: float) -> None:
    waiting = sum(one.waiting.total() for one in found.values())
    unsure = _numbers(one.partition for one in takeovers if not one.is_sure)
    about = {"waiting": waiting, "seconds": round(seconds, 2), "after_crash": unsure}
    event(_LOG, logging.INFO, "partitions are taken over", partitions=_numbers(found), **about)


def _numbers(partitions: Iterable[int]) -> str:
    return ",".join(map(str, sorted(partitions)))
