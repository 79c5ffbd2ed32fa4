"""Owned partitions: what this worker has been assigned of one job, and the stores it keeps for the next assignment.

Before a revocation ends, every chunk in the hands of an agent is done, the others are abandoned, and offsets committed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic

from aiokafka.structs import TopicPartition

from .job import V
from .partition import Partition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .context import JobContext
    from .job import Job
    from .status import PartitionStatus
    from .store import Store


class OwnedPartitions(Generic[V]):
    """One `Partition` for each assigned number; all start and stop together, as assignments come."""

    def __init__(self, job: Job[V], context: JobContext[V]) -> None:
        self._job = job
        self._context = context
        self._partitions: dict[int, Partition[V]] = {}
        self._parked: dict[int, Store] = {}
        self._draining = asyncio.Lock()

    def start(self, assigned: Iterable[tuple[str, int]]) -> None:
        """Begin with these (topic, partition number); everything assigned before has been drained."""
        inputs = self._job.inputs
        groups: dict[int, list[TopicPartition]] = {}
        for topic, number in sorted(assigned, key=lambda tp: inputs.index(tp[0])):
            groups.setdefault(number, []).append(TopicPartition(topic, number))
        for number, group in groups.items():
            # the store of a kept partition is a prefix of its changelog: only the rest is replayed
            store = self._parked.pop(number, None)
            store = self._job.store(number) if store is None else store
            self._partitions[number] = Partition(self._job, self._context, number, group, store)
        self.close()

    async def drain(self) -> None:
        """Finish the chunks in the hands of agents, abandon those that wait, then commit. An error ends the process."""
        async with self._draining:  # a stop can meet a revocation
            stopping, self._partitions = self._partitions, {}
            try:
                await asyncio.gather(*(partition.stop() for partition in stopping.values()))
            except Exception as error:  # noqa: BLE001  a chunk that is lost here must not become acked
                self._context.fail(error, where="drain")
            self._parked.update((number, partition.store) for number, partition in stopping.items())
            await self.commit()

    async def commit(self) -> bool:
        """Commit what is acked; False if it was refused. Ends the process on what is no refusal."""
        try:
            return await self._context.offsets.commit()
        except Exception as error:  # noqa: BLE001  drivers call it in tasks and listeners, where errors are only logged
            self._context.fail(error, where="commit")

    def close(self) -> None:
        """Close the stores of partitions that are not owned."""
        for store in self._parked.values():
            store.close()
        self._parked.clear()

    def status(self) -> tuple[PartitionStatus, ...]:
        """May be called from any thread."""
        return tuple(partition.status() for partition in list(self._partitions.values()))
