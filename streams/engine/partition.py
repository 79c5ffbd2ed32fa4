"""Partition: recovers the state of one partition, then feeds its merged input chunk by chunk."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Generic

from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import TopicPartition

from .chunk import Chunk, ChunkContext
from .fencing import RENEW_AFTER, FencedError
from .input_fetcher import InputFetcher
from .job import RecoveredPartition, V
from .recovery import OldEndError, replay
from .status import PartitionStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .context import JobContext
    from .job import Job
    from .merge import Item
    from .store import Store

log = logging.getLogger(__name__)

_POLL = 0.02  # seconds
_RETRY = 0.5  # seconds
_RENEWAL_PATIENCE = 5.0  # seconds, in which the partition stands still


class Partition(Generic[V]):
    """Owner of partition `number` of every input topic from one assignment to its revocation.

    Exactly one chunk is in flight, so records stay in order, memory is bounded, the positions to
    commit are simply the ends of the last acked chunk, and a tick can never run beside a chunk.
    The positions of all inputs move together: they are one cut through the merged order.
    """

    def __init__(
        self, job: Job[V], context: JobContext[V], number: int, inputs: Sequence[TopicPartition], store: Store
    ) -> None:
        self.number = number
        self.store = store
        self._job = job
        self._context = context
        self._inputs = inputs
        changelog = TopicPartition(job.changelog, number)
        self._chunks = ChunkContext(number, len(inputs), changelog, store, context.sink, context.offsets, context.fail)
        self._is_ready = False
        self._remaining: int | None = None
        self._moved_at = time.time()
        self._chunk_at = 0.0
        self._renew_at = 0.0
        self._current: Chunk[V] | None = None
        self._fetcher: InputFetcher[V] | None = None
        self._task = asyncio.create_task(self._run())

    def status(self) -> PartitionStatus:
        """What is known of it; may be called from any thread."""
        offsets = self._context.offsets
        return PartitionStatus(
            number=self.number,
            is_ready=self._is_ready,
            remaining=self._remaining,
            positions={tp.topic: offsets.position(tp) or 0 for tp in self._inputs},
            ends=dict(self._fetcher.ends if self._fetcher else {}),
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
        """Let the chunk in the hands of an agent finish, abandon one that still waits."""
        chunk = self._current
        if chunk is not None and chunk.is_running:
            await chunk.wait_done(self._context.deadline)
        elif chunk is not None:
            chunk.abandon()
        while not self._task.done():  # again and again: aiokafka swallows a cancel in its stop()
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.1)
        if self._is_ready:
            self._is_ready = False
            log.info("partition %s: given up", self.number)
            await self._job.on_revoked(self.number)

    async def _run(self) -> None:
        try:
            bound = await self._recover()
            await self._feed(bound)
        except Exception as error:  # noqa: BLE001  nobody awaits this task: a silent end would stall the partition
            self._context.fail(error, where=f"partition {self.number}")

    async def _recover(self) -> int:
        start = time.monotonic()
        count = await self._replay(await self._claim())
        seconds = time.monotonic() - start
        log.info("partition %s: recovered %s records in %.2f s", self.number, count, seconds)
        recovered = RecoveredPartition(self.number, self.store, self._context.sink.count)
        bound = await self._job.on_recovered(recovered)
        self._remaining, self._is_ready = 0, True
        return bound

    async def _claim(self) -> int:
        """Fence the former owners before the end of the changelog is looked up: so nothing can be behind it.

        Returns the offset behind the claim.
        """
        changelog, deadline = self._chunks.changelog, self._context.deadline
        try:
            async with asyncio.timeout(deadline):  # wait_for() could leave a task behind that claims later
                _, end = await self._claim_while_assigned()
        except TimeoutError as error:
            message = f"{changelog} could not be claimed within {deadline} s: is the transaction coordinator available?"
            raise TimeoutError(message) from error
        self._renew_at = time.monotonic() + RENEW_AFTER
        return end

    async def _claim_while_assigned(self) -> tuple[int, int]:
        """A worker that was paused since its assignment may have lost it: it waits to be revoked, and fences nobody."""
        for tp in self._inputs:
            self._context.offsets.ack(tp, await self._context.member.position(tp))
        while True:
            try:
                return await self._chunks.sink.claim(self._chunks.changelog, self._confirm)
            except (CommitFailedError, IllegalStateError, FencedError) as error:
                log.warning("partition %s is not claimed: it seems to be lost: %r", self.number, error)
                await asyncio.sleep(_RETRY)

    async def _confirm(self) -> None:
        await self._context.offsets.confirm(self._inputs)

    async def _replay(self, claimed: int) -> int:
        """Read the changelog from a broker that has the claim; each new connection may find another one."""
        until = time.monotonic() + self._context.deadline
        while True:
            async with self._context.open_reader() as reader:
                try:
                    return await replay(
                        reader, self._chunks.changelog, self.store, claimed, self._context.deadline, self._left
                    )
                except OldEndError as error:
                    if time.monotonic() > until:
                        raise
                    log.warning("partition %s is not recovered yet: %s", self.number, error)
            await asyncio.sleep(_RETRY)

    async def _renew(self) -> None:
        """Fence again, at a tick, before Kafka forgets this owner's epoch, however idle the partition is.

        Without a transaction coordinator the partition goes on, and tries again well before its epoch is forgotten.
        """
        chunks, changelog = self._chunks, self._chunks.changelog
        try:
            async with asyncio.timeout(_RENEWAL_PATIENCE):
                identity = await chunks.sink.next_identity(changelog)
        except TimeoutError:
            log.warning("the claim of %s is renewed later: no transaction coordinator answers", changelog)
            self._renew_at = time.monotonic() + RENEW_AFTER / 24
            return
        await chunks.write_changelog(lambda: chunks.sink.claim(changelog, self._confirm, identity), {})
        self._renew_at = time.monotonic() + RENEW_AFTER

    def _left(self, remaining: int) -> None:
        if remaining != self._remaining:
            self._remaining, self._moved_at = remaining, time.time()

    async def _feed(self, bound: int) -> None:
        job, context = self._job, self._context
        await context.wait_for_flow()
        fetcher = self._fetcher = InputFetcher(context.member, job, context.fail, self._inputs, bound)
        tick_at, wait = time.monotonic() + job.tick, 0.0
        while context.may_flow():
            run = await fetcher.take(job.max_records, wait)
            until = fetcher.complete_until()
            if run:
                await self._process(run, until)
            if time.monotonic() >= self._renew_at:
                await self._renew()
            if time.monotonic() >= tick_at:
                await self._tick(until)
                tick_at = time.monotonic() + job.tick
            # only records end a wait early: that an empty topic is caught up has to be polled for
            wait = 0.0 if run else max(0.0, tick_at - time.monotonic()) if fetcher.is_waiting else _POLL

    async def _tick(self, complete_until: int) -> None:
        """A chunk without records; an idle partition should cost next to nothing, so only where it has work to do."""
        if self._job.may_skip_tick(self.number, complete_until):
            self._moved_at = time.time()
        else:
            await self._process((), complete_until)

    async def _process(self, run: Sequence[Item[V]], complete_until: int) -> None:
        context = self._context
        if not context.may_flow() or self._fetcher is None:
            return  # being revoked: the next owner starts at the committed offset
        chunk = self._current = Chunk(self._chunks, run, complete_until, self._fetcher.bound)
        await context.hand_over(chunk)
        await chunk.wait_done(context.deadline)
        self._current, self._moved_at = None, time.time()
        if run:
            self._chunk_at = self._moved_at
