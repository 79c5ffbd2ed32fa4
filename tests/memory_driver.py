"""A driver without Kafka or a framework: one worker, all partitions, topics as lists; it shows what a driver does."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter, defaultdict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar

from aiokafka.errors import ProducerFenced
from aiokafka.structs import TopicPartition

from streams.engine import FetchedRecord
from streams.engine.context import JobContext
from streams.engine.failure import end_process
from streams.engine.offsets import Offsets
from streams.engine.owned_partitions import OwnedPartitions
from streams.engine.sink import Sink
from streams.engine.status import NOT_STARTED, Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence

    from streams.engine import Chunk, Job

V = TypeVar("V")


class MemoryBroker:
    """Topics with the same number of partitions, and the committed offsets of one group."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.logs: dict[TopicPartition, list[FetchedRecord]] = defaultdict(list)
        self.committed: dict[TopicPartition, int] = {}
        self.epochs = 32_767  # of one producer id
        self._initialised: Counter[str] = Counter()
        self._ids: dict[tuple[str, int], int] = {}
        self._newest: Counter[tuple[TopicPartition, int]] = Counter()

    async def new_identity(self, transactional_id: str) -> MemoryIdentity:
        used, epoch = divmod(self._initialised[transactional_id], self.epochs)
        self._initialised[transactional_id] += 1
        producer = self._ids.setdefault((transactional_id, used), len(self._ids))
        return MemoryIdentity(producer, epoch, is_worn=epoch >= self.epochs - 3)

    def refuses(self, tp: TopicPartition, producer: int, epoch: int) -> bool:
        """Whether a batch is of an epoch before the newest that this producer id has written."""
        newest = self._newest[tp, producer] = max(epoch, self._newest[tp, producer])
        return epoch < newest

    def append(self, tp: TopicPartition, key: bytes | None, value: bytes | None) -> int:
        log, now = self.logs[tp], time.time_ns() // 1_000_000
        log.append(FetchedRecord(tp.topic, tp.partition, len(log), now, key, value, ()))
        return len(log) - 1


class MemoryConsumer:
    """What reads: as a member of the group, and of the changelog."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._positions = dict(broker.committed)
        self._polled_at = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[FetchedRecord]]:
        found = {tp: self._fetch(tp, max_records) for tp in partitions}
        if not any(found.values()):
            await asyncio.sleep(min(timeout_ms, 10) / 1000)
        self._polled_at = time.time_ns() // 1_000_000
        return {tp: records for tp, records in found.items() if records}

    def _fetch(self, tp: TopicPartition, most: int) -> list[FetchedRecord]:
        begin = self._positions.get(tp, 0)
        records = self._broker.logs[tp][begin : begin + most]
        self._positions[tp] = begin + len(records)
        return records

    async def position(self, partition: TopicPartition) -> int:
        position: int = self._positions.get(partition, 0)
        return position

    def highwater(self, partition: TopicPartition) -> int:
        return len(self._broker.logs[partition])

    def last_poll_timestamp(self, partition: TopicPartition) -> int:
        del partition
        return self._polled_at

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {tp: len(self._broker.logs[tp]) for tp in partitions}

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def commit(self, offsets: Mapping[TopicPartition, Any]) -> None:
        self._broker.committed |= {tp: one.offset for tp, one in offsets.items()}

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Every partition can be read anyway."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._positions[partition] = offset


class MemoryBatch:
    """A record batch without a limit; one that is signed has the epoch of an owner."""

    def __init__(self) -> None:
        self.producer, self.epoch = -1, 0
        self.records: list[tuple[bytes | None, bytes | None]] = []

    def append(self, *, timestamp: int | None, key: bytes | None, value: bytes | None, headers: object) -> object:
        del timestamp, headers
        self.records.append((key, value))
        return self

    def record_count(self) -> int:
        return len(self.records)


class MemoryIdentity:
    """What an owner of a partition writes as."""

    def __init__(self, producer: int, epoch: int, *, is_worn: bool = False) -> None:
        self.producer_id = producer
        self._epoch = epoch
        self.is_worn = is_worn

    def retired(self) -> MemoryIdentity:
        return MemoryIdentity(self.producer_id, sys.maxsize)

    def sign(self, batch: MemoryBatch, tp: TopicPartition) -> MemoryBatch:
        del tp
        batch.producer, batch.epoch = self.producer_id, self._epoch
        return batch


class Acknowledged:
    """What the broker answers."""

    def __init__(self, offset: int) -> None:
        self.offset = offset


class MemoryProducer:
    """What writes, and has the answer at once."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def start(self) -> None:
        """Nothing to connect."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def partitions_for(self, topic: str) -> Iterable[int]:
        del topic
        return range(self._broker.partitions)

    def create_batch(self) -> MemoryBatch:
        return MemoryBatch()

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Awaitable[Acknowledged]:
        tp, answer = TopicPartition(topic, partition), asyncio.get_running_loop().create_future()
        if self._broker.refuses(tp, batch.producer, batch.epoch):
            answer.set_exception(ProducerFenced())
        else:
            offsets = [self._broker.append(tp, *record) for record in batch.records]
            answer.set_result(Acknowledged(offsets[0]))
        return answer


class MemoryDriver(Generic[V]):
    """Runs a job on a `MemoryBroker`; `run` returns by SystemExit when `shut_down` is called or the job fails."""

    def __init__(self, job: Job[V], broker: MemoryBroker) -> None:
        self._job = job
        self._broker = broker
        self._chunks: asyncio.Queue[Chunk[V]] = asyncio.Queue()
        self._flows = asyncio.Event()
        self._stopping = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._owned: OwnedPartitions[V] | None = None
        self._is_assigned = False

    def status(self) -> Status:
        if self._owned is None:
            return NOT_STARTED
        return Status(self._is_assigned, is_member=True, partitions=self._owned.status())

    def shut_down(self) -> None:
        """In place of SIGTERM; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)

    def run(self) -> NoReturn:
        try:
            self._loop.run_until_complete(self._run())
        finally:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()
        sys.exit(0)

    async def _run(self) -> None:
        job, broker = self._job, self._broker
        sink, member = Sink(MemoryProducer(broker), broker.new_identity), MemoryConsumer(broker)
        await sink.start([job.changelog, *job.inputs, *job.outputs], 1)
        context = JobContext(
            member=member,
            open_reader=lambda: MemoryConsumer(self._broker),
            sink=sink,
            offsets=Offsets(member, session=30, patience=30),
            fail=partial(end_process, leave=sys.exit),
            wait_for_flow=self._flows.wait,
            may_flow=self._flows.is_set,
            hand_over=self._chunks.put,
            deadline=30,
        )
        self._owned = OwnedPartitions(job, context)
        agents = [asyncio.ensure_future(job.agent(self._stream())) for _ in range(2)]
        self._flows.set()
        self._owned.start((topic, number) for topic in job.inputs for number in range(self._broker.partitions))
        self._is_assigned = True
        while not self._stopping.is_set():
            await self._owned.commit()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 0.1)
        self._flows.clear()
        await self._owned.drain()
        self._owned.close()
        for agent in agents:
            agent.cancel()

    async def _stream(self) -> AsyncIterator[Chunk[V]]:
        while True:
            yield await self._chunks.get()
