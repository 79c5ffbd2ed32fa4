"""The producer that the sink is given: idempotent, one batch per partition in flight, repeated until it times out."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka.errors import InvalidProducerEpoch, KafkaError, KafkaTimeoutError, ProducerFenced
from aiokafka.structs import TopicPartition

from .broker import Origin, node_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence

    from .broker import Record
    from .cluster import Cluster
    from .loop import Host


NOT_SENT = Origin(-1, -1, -1)


class Acknowledged(NamedTuple):
    """What the broker answers."""

    offset: int


@dataclass(eq=False)
class SimulatedBatch:
    """A record batch that holds few records, so that writes of several batches are common."""

    limit: int
    records: list[Record] = field(default_factory=list)
    origin: Origin = NOT_SENT

    def append(
        self,
        *,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> object | None:
        del timestamp
        if len(self.records) >= self.limit:
            return None
        self.records.append((key, value, headers))
        return self

    def record_count(self) -> int:
        return len(self.records)

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        """Under aiokafka's name: whoever signs a batch replaces this method."""
        self.origin = Origin(producer_id, producer_epoch, base_sequence)


class _Waiting(NamedTuple):
    batch: SimulatedBatch
    acknowledged: asyncio.Future[Acknowledged]
    until: float


class SimulatedProducer:
    """As aiokafka's: a batch is retried with the same sequence number until it is acknowledged or its time is over."""

    def __init__(self, cluster: Cluster, host: Host) -> None:
        self._cluster = cluster
        self._host = host
        self._loop = cluster.loop
        self._links = cluster.links(host)
        self._queues: dict[TopicPartition, deque[_Waiting]] = {}
        self._sequences: dict[TopicPartition, int] = {}
        self._id = -1, -1

    async def start(self) -> None:
        self._id = await self._cluster.ask(self._links[0], self._cluster.broker.init_producer)

    async def stop(self) -> None:
        """Nothing to close."""

    async def partitions_for(self, topic: str) -> Iterable[int]:
        del topic
        return range(self._cluster.broker.partitions)

    def create_batch(self) -> SimulatedBatch:
        return SimulatedBatch(self._cluster.settings.batch_records)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Awaitable[Acknowledged]:
        tp = TopicPartition(topic, partition)
        future: asyncio.Future[Acknowledged] = self._loop.create_future()
        waiting = _Waiting(batch, future, self._loop.time() + self._cluster.settings.delivery)
        queue = self._queues.get(tp)
        if queue is None:
            queue = self._queues[tp] = deque()
        queue.append(waiting)
        if len(queue) == 1:
            self._loop.spawn(self._host, self._drain(tp, queue))
        return future

    async def _drain(self, tp: TopicPartition, queue: deque[_Waiting]) -> None:
        while queue:
            await self._deliver(tp, queue[0])
            queue.popleft()

    async def _deliver(self, tp: TopicPartition, waiting: _Waiting) -> None:
        sequence, batch = self._sequences.get(tp, 0), waiting.batch
        self._sequences[tp] = sequence + batch.record_count()
        batch._set_producer_state(*self._id, sequence)  # noqa: SLF001  as aiokafka's sender, before the first attempt
        while not waiting.acknowledged.done():
            left = waiting.until - self._loop.time()
            if left <= 0:
                self._cluster.happened["delivery timed out"] += 1
                waiting.acknowledged.set_exception(KafkaTimeoutError(f"no acknowledgement from {tp}"))
                return
            await self._attempt(tp, waiting, left)

    async def _attempt(self, tp: TopicPartition, waiting: _Waiting, left: float) -> None:
        cluster, batch = self._cluster, waiting.batch
        request = partial(cluster.produce, self._host, tp, batch.origin, tuple(batch.records))
        try:
            offset = await cluster.network.call(self._links[node_of(tp)], request, left, "produce")
        except KafkaError as error:
            if getattr(error, "retriable", False) and not isinstance(error, InvalidProducerEpoch):
                cluster.happened["produce request repeated"] += 1
                await asyncio.sleep(0.1)
            elif not waiting.acknowledged.done():
                is_fenced = isinstance(error, InvalidProducerEpoch)
                waiting.acknowledged.set_exception(ProducerFenced() if is_fenced else error)  # as aiokafka's sender
            return
        if not waiting.acknowledged.done():
            waiting.acknowledged.set_result(Acknowledged(offset))
