"""Chunk: what an agent receives. `async with chunk` is the whole durability protocol."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self

from aiokafka.structs import TopicPartition

from .sink import NO_HEADERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from .merge import Item
    from .partition import Partition
    from .sink import Batch, Headers


class Chunk:
    """A merged run: consecutive records of one partition number, or without records a tick.

    Changes and outputs stay in memory until the `async with` block ends without an error; then
    outputs delivered -> changelog delivered -> local store written -> acked. Outputs go first, so that
    "the state knows the event" implies "its outputs are in Kafka". An exception in the block ends the
    process before the ack.

    Attributes:
        partition: the partition number, the same in every topic.
        records: the items in merged order.
        complete_until: epoch ms of the wall clock: every record that Kafka had by then is in this chunk
            or was taken before; 0 while something is left to take, or the engine is bounded.
        bound: epoch ms of event time that the word of `bounded_by` has reached.
        current: set it to the item in work, so that an unexpected error names its offset.
    """

    def __init__(self, owner: Partition, records: Sequence[Item] = (), complete_until: int = 0, bound: int = 0) -> None:
        self.partition = owner.number
        self.records = records
        self.complete_until = complete_until
        self.bound = bound
        self.current: Item | None = None
        self.done = asyncio.Event()
        self.is_running = False
        self.moved_at = time.monotonic()  # of the last flush; work without one has a deadline
        self._owner = owner
        self._next = _ends(records, len(owner.inputs))
        self._is_abandoned = False
        self._changes: dict[bytes, bytes | None] = {}
        self._outputs: dict[tuple[str, int], Batch] = {}

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, including the changes made in this chunk."""
        if key in self._changes:
            return self._changes[key]
        return self._owner.store.get(key)

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
            partition = self._owner.consumer.sink.partition_for(topic, key)
        batch = self._outputs.get((topic, partition))
        if batch is None:
            batch = self._owner.consumer.sink.batch(TopicPartition(topic, partition))
            self._outputs[topic, partition] = batch
        batch.add(key, value, headers)

    @property
    def is_abandoned(self) -> bool:
        """Whether its partition went away before an agent took it: there is nothing to do."""
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
        engine = self._owner.consumer.engine
        if error is not None:
            engine.die(error, where=self.where())
        try:
            await self.send_outputs()
            await self.save_changes()
        except Exception as unexpected:  # noqa: BLE001  whatever it is, the process ends before the ack
            engine.die(unexpected, where=self.where())
        self._ack()
        self.done.set()

    async def flush(self) -> None:
        """Make durable what was done so far, without acking anything: for work that one chunk alone must not hold.

        A crash after it finds state that is ahead of the acked input; whoever flushes must take a repeat as one.
        """
        await self.send_outputs()
        await self.save_changes()
        self._outputs.clear()
        self._changes.clear()
        self.moved_at = time.monotonic()

    async def send_outputs(self) -> None:
        """Deliver every output, one record batch per target partition, or more where one cannot hold them."""
        await asyncio.gather(*map(self._owner.consumer.sink.deliver, self._outputs.values()))

    async def save_changes(self) -> None:
        """Changelog first: the local store must never be ahead of it.

        Raises:
            RuntimeError: another writer was there; this process must end, it is not the owner.
        """
        if not self._changes:
            return
        owner, sink = self._owner, self._owner.consumer.sink
        batch = sink.batch(owner.changelog)
        add = batch.add
        for key, value in self._changes.items():
            add(key, value, NO_HEADERS)
        seconds = await owner.consumer.offsets.lease()
        first, end = await asyncio.wait_for(sink.deliver(batch), seconds)
        if first != owner.store.offset:
            raise RuntimeError(f"second writer in {owner.changelog} before offset {first}")
        owner.store.apply(self._changes, end)

    def _ack(self) -> None:
        for topic, position in self._next.items():  # no await between: one consistent cut
            self._owner.consumer.offsets.ack(TopicPartition(topic, self.partition), position)

    def where(self) -> str:
        """Topic, partition and offset: of the item in work, else of all there are."""
        if self.current is not None:
            return _place(self.current, self.current)
        runs: dict[str, list[Item]] = {}
        for item in self.records:
            runs.setdefault(item.record.topic, []).append(item)
        return ", ".join(_place(run[0], run[-1]) for run in runs.values()) or f"tick of {self.partition}"


def _ends(records: Sequence[Item], topics: int) -> dict[str, int]:
    """Behind the last record of each topic; a topic's own records are in order."""
    ends: dict[str, int] = {}
    for item in reversed(records):
        record = item.record
        if record.topic not in ends:
            ends[record.topic] = record.offset + 1
            if len(ends) == topics:
                break
    return ends


def _place(first: Item, last: Item) -> str:
    """As in `lead-created[3]@17` or `lead-created[3]@17..99`."""
    record, end = first.record, last.record.offset
    offsets = f"{record.offset}" if end == record.offset else f"{record.offset}..{end}"
    return f"{record.topic}[{record.partition}]@{offsets}"
