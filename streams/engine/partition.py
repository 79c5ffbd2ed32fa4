"""Partition: recovers the state of one partition, then feeds its merged input chunk by chunk."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiokafka.structs import TopicPartition
from faust.types.tuples import Message

from .chunk import Chunk
from .input_fetcher import InputFetcher
from .recovery import replay
from .status import PartitionStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .consumer import ChunkConsumer
    from .merge import Item
    from .store import Store

log = logging.getLogger(__name__)

_POLL = 0.02  # seconds


class Partition:
    """Owner of partition `number` of every input topic from one assignment to its revocation.

    Exactly one chunk is in flight, so records stay in order, memory is bounded, the positions to
    commit are simply the ends of the last acked chunk, and a tick can never run beside a chunk.
    The positions of all inputs move together: they are one cut through the merged order.
    """

    def __init__(self, consumer: ChunkConsumer, number: int, inputs: list[TopicPartition], store: Store) -> None:
        self.consumer = consumer
        self.number = number
        self.inputs = inputs
        self.store = store
        self.changelog = TopicPartition(consumer.engine.changelog, number)
        self._is_ready = False
        self._remaining: int | None = None
        self._moved_at = time.time()
        self._chunk_at = 0.0
        self._current: Chunk | None = None
        self._fetcher: InputFetcher | None = None
        self._task = asyncio.create_task(self._run())

    def status(self) -> PartitionStatus:
        ends = self._fetcher.ends if self._fetcher else {}
        return PartitionStatus(
            number=self.number,
            is_ready=self._is_ready,
            remaining=self._remaining,
            positions={tp.topic: self.consumer.offsets.position(tp) or 0 for tp in self.inputs},
            ends=dict(ends),
            moved_at=int(self._moved_at * 1000),
            chunk_at=int(self._chunk_at * 1000),
            keys=len(self.store),
            oldest_at=self._oldest_at(),
        )

    def _oldest_at(self) -> int:
        """Of the chunk in flight, whose first record need not be the oldest but is near it, and of what waits."""
        chunk, waiting = self._current, self._fetcher.oldest_at() if self._fetcher else 0
        working = chunk.records[0].record.timestamp if chunk is not None and chunk.records else 0
        return min(waiting, working) if waiting and working else waiting or working

    async def stop(self) -> None:
        """Let the chunk in the hands of an agent finish, forget one that still waits."""
        engine, chunk = self.consumer.engine, self._current
        if chunk is not None and chunk.is_running:
            await self._done(chunk)
        elif chunk is not None:
            chunk.abandon()
        while not self._task.done():  # again and again: aiokafka swallows a cancel in its stop()
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.1)
        if self._is_ready:
            self._is_ready = False
            for hook in engine.on_revoked:
                await hook(self.number, self.store)

    async def _run(self) -> None:
        try:
            bound = await self._recover()
            await self._feed(bound)
        except Exception as error:  # noqa: BLE001  nobody awaits this task: a silent end would stall the partition
            self.consumer.engine.die(error, where=f"partition {self.number}")

    async def _recover(self) -> int:
        engine, start = self.consumer.engine, time.monotonic()
        async with self.consumer.reader() as reader:
            count = await replay(reader, self.changelog, self.store, engine.deadline, self._left)
        seconds = time.monotonic() - start
        log.info("partition %s: recovered %s records in %.2f s", self.number, count, seconds)
        bounds = [await hook(self.number, self.store) for hook in engine.on_recovered]
        self._remaining, self._is_ready = 0, True
        return max((bound for bound in bounds if bound is not None), default=0)

    def _left(self, remaining: int) -> None:
        if remaining != self._remaining:
            self._remaining, self._moved_at = remaining, time.time()

    async def _feed(self, bound: int) -> None:
        consumer, engine = self.consumer, self.consumer.engine
        await consumer.can_resume_flow.wait()  # Faust clears all queues just before it resumes
        for tp in self.inputs:
            consumer.offsets.ack(tp, await consumer.kafka.position(tp))
        fetcher = self._fetcher = InputFetcher(consumer.kafka, engine, self.inputs, bound)
        tick_at, wait = time.monotonic() + engine.tick, 0.0
        while consumer.flow_active:
            run = await fetcher.take(engine.max_records, wait)
            until = fetcher.complete_until()
            if run:
                await self._process(run, until)
            if time.monotonic() >= tick_at:
                await self._tick(until)
                tick_at = time.monotonic() + engine.tick
            # only records end a wait early: that an empty topic is caught up has to be polled for
            wait = 0.0 if run else max(0.0, tick_at - time.monotonic()) if fetcher.is_waiting else _POLL

    async def _tick(self, complete_until: int) -> None:
        """A chunk without records; an idle partition should cost next to nothing, so only where it has work to do."""
        if self.consumer.engine.may_skip_tick(self.number, complete_until):
            self._moved_at = time.time()
        else:
            await self._process((), complete_until)

    async def _done(self, chunk: Chunk) -> None:
        """Wait for the chunk, as long as it moves."""
        deadline = self.consumer.engine.deadline
        while not chunk.done.is_set():
            left = chunk.moved_at + deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"a chunk does not move for {deadline} s")
            with suppress(TimeoutError):  # it may have been flushed meanwhile
                await asyncio.wait_for(chunk.done.wait(), left)

    async def _process(self, run: Sequence[Item], complete_until: int) -> None:
        consumer = self.consumer
        if not consumer.flow_active or self._fetcher is None:
            return  # being revoked: the next owner starts at the committed offset
        chunk = self._current = Chunk(self, run, complete_until, self._fetcher.bound)
        topic, number = self.inputs[0]  # the agent listens to all inputs as one topic
        value: Any = chunk  # bytes for Faust; our schema's decoder hands it on as it is
        message = Message(topic, number, 0, time.time(), 0, None, None, value, None)
        message.generation_id = consumer.app.consumer_generation_id
        await consumer.callback(message)
        await self._done(chunk)
        self._current, self._moved_at = None, time.time()
        if run:
            self._chunk_at = self._moved_at
