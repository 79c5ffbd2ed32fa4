"""Planted errors: each takes away one thing that the engine's guarantees rest on, and has to be found."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from streams.agents.lead_job import LeadJob
from streams.agents.loop import NOW
from streams.domain.lead_history import LeadHistory
from streams.engine import partition, recovery
from streams.engine.chunk import Chunk
from streams.engine.input_fetcher import InputFetcher
from streams.engine.merge import Merge
from streams.engine.offsets import Offsets
from streams.engine.partition import Partition
from streams.engine.sink import Sink
from streams.engine.timer_wheel import TimerWheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.engine.merge import Item
    from streams.engine.sink import Batch


@dataclass(frozen=True)
class Mutant:
    """An error that replaces an attribute of a class or module.

    Attributes:
        fenced: whether the cluster refuses the batches of a former owner; False where only the engine prevents them.
        also: further (target, attribute, make) that belong to the same error.
        first: the seed at which the test begins its search, so that it is short.
    """

    name: str
    target: object
    attribute: str
    make: Callable[[Any], Any]
    fenced: bool = True
    also: tuple[tuple[object, str, Callable[[Any], Any]], ...] = ()
    first: int = 0

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Replace the attributes, as long as the context is open."""
        with ExitStack() as stack:
            for target, attribute, make in ((self.target, self.attribute, self.make), *self.also):
                original = getattr(target, attribute)
                stack.enter_context(mock.patch.object(target, attribute, make(original)))
            yield


def _ack_first(original: Any) -> Any:
    async def aexit(self: Any, kind: object, error: object, trace: object) -> None:
        if error is None and not self.is_abandoned:
            self._ack()
        await original(self, kind, error, trace)

    return aexit


def _changelog_before_outputs(_: Any) -> Any:
    async def aexit(self: Any, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, asyncio.CancelledError | GeneratorExit) or self.is_abandoned:
            return
        if error is not None:
            self._context.fail(error)
        try:
            await self.save_changes()
            await self.send_outputs()
        except Exception as unexpected:  # noqa: BLE001  as the engine does
            self._context.fail(unexpected)
        self._ack()
        self.done.set()

    return aexit


def _without_awaiting_outputs(_: Any) -> Any:
    async def send_outputs(self: Any) -> None:
        for batch in self._outputs.values():
            asyncio.ensure_future(_quietly(self._context.sink, batch))  # noqa: RUF006  the loop keeps it

    return send_outputs


async def _quietly(sink: Sink, batch: Batch) -> None:
    try:
        await sink.deliver(batch)
    except KafkaError:
        return


def _errors_of_outputs_ignored(_: Any) -> Any:
    async def send_outputs(self: Any) -> None:
        await asyncio.gather(*(_quietly(self._context.sink, batch) for batch in self._outputs.values()))

    return send_outputs


def _only_the_first_batch_delivered(original: Any) -> Any:
    async def deliver(self: Sink, batch: Batch) -> tuple[int, int]:
        first, end = await original(self, _Part(batch))
        return first, end

    return deliver


class _Part:
    def __init__(self, batch: Batch) -> None:
        self.tp, self.parts = batch.tp, batch.parts[:1]

    @property
    def count(self) -> int:
        return self.parts[0].record_count()


def _stream_time_first(original: Any) -> Any:
    async def save_changes(self: Any) -> None:
        changes = self._changes
        if NOW in changes and len(changes) > 1:
            self._changes = {NOW: changes[NOW]}
            await original(self)
            self._changes = {key: value for key, value in changes.items() if key != NOW}
        await original(self)
        self._changes = changes

    return save_changes


def _store_before_changelog(original: Any) -> Any:
    async def save_changes(self: Any) -> None:
        store = self._context.store
        store.apply(self._changes, store.offset)
        await original(self)

    return save_changes


def _no_lease(_: Any) -> Any:
    async def while_owned(self: Offsets, write: Callable[[], Any]) -> Any:
        del self
        return await write()

    return while_owned


def _stops_one_early(original: Any) -> Any:
    async def span(reader: Any, tp: TopicPartition, store: Any) -> tuple[int, int]:
        position, end = await original(reader, tp, store)
        return position, end - 1 if end > position else end

    return span


def _kept_store_not_replayed(original: Any) -> Any:
    async def replay(reader: Any, tp: TopicPartition, store: Any, *args: Any) -> int:
        if store.offset:
            reader.assign([tp])
            store.offset = (await reader.end_offsets([tp]))[tp]
            return 0
        return cast("int", await original(reader, tp, store, *args))

    return replay


def _deadlines_not_restored(original: Any) -> Any:
    async def recovered(self: Any, recovered: Any) -> int:
        bound: int = await original(self, recovered)
        loop = self._loops[recovered.number]
        loop.clock = TimerWheel(loop.clock.now)
        return bound

    return recovered


def _any_order(_: Any) -> Any:
    def take(self: Any, limit: int, caught_up: object) -> list[Item[Any]]:
        del caught_up
        taken: list[Item[Any]] = []
        for buffer in self._buffers:
            while buffer and len(taken) < limit and buffer[0].at <= self.bound:
                taken.append(buffer.popleft())
        return taken

    return take


def _missing_heads_not_awaited(_: Any) -> Any:
    return lambda *_: []


def _old_ends_trusted(_: Any) -> Any:
    async def query_ends(self: Any) -> None:
        self._promised = dict(self.ends)

    return query_ends


def _running_chunk_cut_off(original: Any) -> Any:
    async def stop(self: Any) -> None:
        if self._current is not None:
            self._current.is_running = False
            for topic, position in self._current._next.items():
                self._context.offsets.ack(TopicPartition(topic, self.number), position)
        await original(self)

    return stop


def _fetched_positions_acked(original: Any) -> Any:
    async def process(self: Any, run: Any, complete_until: int) -> None:
        for tp in self._inputs:
            self._context.offsets.ack(tp, await self._context.member.position(tp))
        await original(self, run, complete_until)

    return process


def _one_topic_acked_before(original: Any) -> Any:
    async def process(self: Any, run: Any, complete_until: int) -> None:
        if run:
            last = run[-1].record
            self._context.offsets.ack(TopicPartition(last.topic, last.partition), last.offset + 1)
        await original(self, run, complete_until)

    return process


def _loop_of_former_ownership(original: Any) -> Any:
    async def recovered(self: Any, recovered: Any) -> int:
        kept = self._loops.get(recovered.number)
        return cast("int", await original(self, recovered) if kept is None else kept.clock.now)

    return recovered


def _nothing(_: Any) -> Any:
    async def nothing(*_: object) -> None:
        """As if the call were missing."""

    return nothing


def _nothing_now(_: Any) -> Any:
    return lambda *_: None


def _second_writer_ignored(_: Any) -> Any:
    async def save_changes(self: Any) -> None:
        context = self._context
        batch = context.sink.batch(context.changelog)
        for key, value in self._changes.items():
            batch.add(key, value, [])
        if self._changes:
            _, end = await context.offsets.while_owned(lambda: context.sink.deliver(batch))
            context.store.apply(self._changes, end)

    return save_changes


def _running_chunk_not_awaited(_: Any) -> Any:
    async def stop(self: Any) -> None:
        self._task.cancel()
        await self._job.on_revoked(self.number)

    return stop


MUTANTS = (
    Mutant("acknowledged before outputs and state", Chunk, "__aexit__", _ack_first),
    Mutant("state before outputs", Chunk, "__aexit__", _changelog_before_outputs),
    Mutant("outputs are not awaited", Chunk, "send_outputs", _without_awaiting_outputs),
    Mutant("failed outputs are given up", Chunk, "send_outputs", _errors_of_outputs_ignored),
    Mutant("only the first batch of a write is sent", Sink, "deliver", _only_the_first_batch_delivered),
    Mutant("stream time in a batch of its own, before the leads", Chunk, "save_changes", _stream_time_first),
    Mutant("recovery stops one record early", recovery, "_span", _stops_one_early),
    Mutant("a kept store is not brought up to date", partition, "replay", _kept_store_not_replayed),
    Mutant("deadlines are not restored", LeadJob, "recovered", _deadlines_not_restored),
    Mutant("the merge ignores event time", Merge, "take", _any_order),
    Mutant("the merge does not wait for missing heads", Merge, "awaited", _missing_heads_not_awaited),
    Mutant("an old end of a topic is trusted", InputFetcher, "_query_ends", _old_ends_trusted),
    Mutant("acknowledged at a revocation without being done", Partition, "stop", _running_chunk_cut_off),
    Mutant("positions of fetched records are committed", Partition, "_process", _fetched_positions_acked),
    Mutant("the offset of one topic moves before the others", Partition, "_process", _one_topic_acked_before),
    Mutant(
        "leads of a former ownership are kept",
        LeadJob,
        "recovered",
        _loop_of_former_ownership,
        also=((LeadJob, "revoked", _nothing),),
    ),
    Mutant("no lease", Offsets, "while_owned", _no_lease, fenced=False),
    Mutant("a second writer is ignored", Chunk, "save_changes", _second_writer_ignored, fenced=False),
    Mutant("positions outlive their assignment", Offsets, "forget", _nothing_now),
    Mutant("a repeated fact counts again", LeadHistory, "_is_repeat", lambda _: lambda *_: False),
    Mutant("no chunk without records", LeadJob, "may_skip_tick", lambda _: lambda *_: True),
    Mutant("a running chunk is not awaited at a revocation", Partition, "stop", _running_chunk_not_awaited),
)
