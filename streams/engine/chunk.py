"""Chunk: what an agent receives. `async with chunk` is the whole durability protocol."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from aiokafka.structs import TopicPartition

from .sink import NO_HEADERS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import TracebackType

    from .failure import Fail
    from .merge import Item
    from .offsets import Offsets
    from .sink import Batch, Headers, Sink
    from .store import Store

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class ChunkContext:
    """Where the chunks of one partition become durable: all that a chunk knows of its partition.

    Attributes:
        number: the partition number, the same in every topic.
        topics: how many inputs there are.
        changelog: the partition of the changelog topic.
    """

    number: int
    topics: int
    changelog: TopicPartition
    store: Store
    sink: Sink
    offsets: Offsets
    fail: Fail

    async def write_changelog(
        self, write: Callable[[], Awaitable[tuple[int, int]]], changes: Mapping[bytes, bytes | None]
    ) -> None:
        """Changelog first: the local store must never be ahead of it.

        Args:
            write: writes `changes`, and returns (first offset, last offset + 1).
            changes: what the store gets once they are written.

        Raises:
            CommitFailedError: this worker has lost the partition; the process must end.
            TimeoutError: no commit was accepted before the lease ran out; the process must end.
            FencedError: another worker owns the partition; the process must end.
            RuntimeError: another writer appended to the changelog; the process must end.
        """
        first, end = await self.offsets.while_owned(write)
        if first != self.store.offset:
            raise RuntimeError(f"second writer in {self.changelog} before offset {first}")
        self.store.apply(changes, end)


class Chunk(Generic[V]):
    """A merged run: consecutive records of one partition number, or without records a tick.

    Changes and outputs stay in memory until the `async with` block ends without an error; then
    outputs delivered -> changelog delivered -> local store written -> acked. Outputs go first, so that
    "the state knows the event" implies "its outputs are in Kafka". An exception in the block ends the
    process before the ack.

    Attributes:
        partition: the partition number, the same in every topic.
        records: the items in merged order.
        complete_until: epoch ms of the wall clock: every record that Kafka had by then is in this chunk
            or was taken before; 0 while something is left to take, or the job is bounded.
        bound: epoch ms of event time that the promise of `bounded_by` has reached.
        current: set it to the item in work, so that an unexpected error names its offset and a slow
            chunk is seen to make progress.
    """

    def __init__(
        self, context: ChunkContext, records: Sequence[Item[V]] = (), complete_until: int = 0, bound: int = 0
    ) -> None:
        self.partition = context.number
        self.records = records
        self.complete_until = complete_until
        self.bound = bound
        self.current: Item[V] | None = None
        self.done = asyncio.Event()
        self.is_running = False
        self._progress_at = time.monotonic()
        self._context = context
        self._next = _ends(records, context.topics)
        self._is_abandoned = False
        self._changes: dict[bytes, bytes | None] = {}
        self._outputs: dict[tuple[str, int], Batch] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, including the changes made in this chunk."""
        if key in self._changes:
            return self._changes[key]
        return self._context.store.get(key)

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a value (absolute, never a delta); None deletes the key."""
        self._changes[key] = value

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers = (),
    ) -> None:
        """Send an output with the chunk; without `partition` the key decides (murmur2)."""
        if partition is None:
            partition = self._context.sink.partition_for(topic, key)
        batch = self._outputs.get((topic, partition))
        if batch is None:
            batch = self._context.sink.batch(TopicPartition(topic, partition), self._context.changelog)
            self._outputs[topic, partition] = batch
        batch.add(key, value, headers)

    @property
    def is_abandoned(self) -> bool:
        """Whether its partition was revoked before an agent took it: there is nothing to do."""
        return self._is_abandoned

    def abandon(self) -> None:
        """Empty a chunk that no agent has started: its partition is being revoked."""
        self._is_abandoned = True
        self.records = ()

    async def __aenter__(self) -> Self:
        self.is_running = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, asyncio.CancelledError | GeneratorExit) or self._is_abandoned:
            return  # not acked: will be processed again
        fail = self._context.fail
        if error is not None:
            fail(error, where=self.where())
        try:
            await self.send_outputs()
            await self.save_changes()
        except Exception as unexpected:  # noqa: BLE001  whatever it is, the process ends before the ack
            fail(unexpected, where=self.where())
        self._ack()
        self.done.set()

    async def flush(self) -> None:
        """Make durable what was done so far, without acking anything: for work that one chunk alone must not hold.

        A crash after it finds state that is ahead of the acked input; an agent that flushes must treat the
        records that are read again as repeats.
        """
        await self.send_outputs()
        await self.save_changes()
        self._outputs.clear()
        self._changes.clear()

    async def send_outputs(self) -> None:
        """Deliver every output, one record batch per target partition, or more where one cannot hold them.

        Raises:
            CommitFailedError: this worker has lost the partition, and its state is to change; the process must end.
            TimeoutError: as above, if that is not known in time.
        """
        self._progress_at = time.monotonic()
        if self._outputs and self._changes:
            await self._context.offsets.lease()  # who was paused publishes nothing that its successor decides otherwise
            self._progress_at = time.monotonic()
        await asyncio.gather(*map(self._context.sink.deliver, self._outputs.values()))

    async def save_changes(self) -> None:
        """Write the changes to the changelog, then to the store; raises as `ChunkContext.write_changelog`."""
        self._progress_at = time.monotonic()
        if not self._changes:
            return
        sink, changelog = self._context.sink, self._context.changelog
        batch = sink.batch(changelog, changelog)
        add = batch.add
        for key, value in self._changes.items():
            add(key, value, NO_HEADERS)
        await self._context.write_changelog(lambda: sink.deliver(batch), self._changes)
        self._progress_at = time.monotonic()

    def _ack(self) -> None:
        for topic, position in self._next.items():  # no await between: one consistent cut
            self._context.offsets.ack(TopicPartition(topic, self.partition), position)

    async def wait_done(self, deadline: float) -> None:
        """Wait until it is acked, for as long as it makes progress: another item in work, a flush, a delivery.

        Raises:
            TimeoutError: no progress within `deadline` seconds.
        """
        seen = self.current
        while not self.done.is_set():
            if self.current is not seen:
                seen, self._progress_at = self.current, time.monotonic()
            left = self._progress_at + deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"a chunk made no progress for {deadline} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.done.wait(), min(left, deadline / 5))

    def where(self) -> str:
        """Topic, partition and offset: of the item in work, else of all there are."""
        if self.current is not None:
            return _place(self.current, self.current)
        runs: dict[str, list[Item[V]]] = {}
        for item in self.records:
            runs.setdefault(item.record.topic, []).append(item)
        return ", ".join(_place(run[0], run[-1]) for run in runs.values()) or f"tick of {self.partition}"


def _ends(records: Sequence[Item[V]], topics: int) -> dict[str, int]:
    """Behind the last record of each topic; a topic's own records are in order."""
    ends: dict[str, int] = {}
    for item in reversed(records):
        record = item.record
        if record.topic not in ends:
            ends[record.topic] = record.offset + 1
            if len(ends) == topics:
                break
    return ends


def _place(first: Item[V], last: Item[V]) -> str:
    """As in `lead-created[3]@17` or `lead-created[3]@17..99`."""
    record, end = first.record, last.record.offset
    offsets = f"{record.offset}" if end == record.offset else f"{record.offset}..{end}"
    return f"{record.topic}[{record.partition}]@{offsets}"
