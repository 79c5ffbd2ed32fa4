"""Replacements that plant errors in the engine: each function takes the original and returns what replaces it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from streams.agents.loop import NOW
from streams.engine.timer_wheel import TimerWheel

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.engine.merge import Item
    from streams.engine.offsets import Offsets
    from streams.engine.sink import Batch, Sink


def ack_first(original: Any) -> Any:
    async def aexit(self: Any, kind: object, error: object, trace: object) -> None:
        if error is None and not self.is_abandoned:
            self._ack()
        await original(self, kind, error, trace)

    return aexit


def changelog_before_outputs(_: Any) -> Any:
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


def without_awaiting_outputs(_: Any) -> Any:
    async def send_outputs(self: Any) -> None:
        for batch in self._outputs.values():
            asyncio.ensure_future(_quietly(self._context.sink, batch))  # noqa: RUF006  the loop keeps it

    return send_outputs


async def _quietly(sink: Sink, batch: Batch) -> None:
    try:
        await sink.deliver(batch)
    except KafkaError:
        return


def errors_of_outputs_ignored(_: Any) -> Any:
    async def send_outputs(self: Any) -> None:
        await asyncio.gather(*(_quietly(self._context.sink, batch) for batch in self._outputs.values()))

    return send_outputs


def only_the_first_batch_delivered(original: Any) -> Any:
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


def stream_time_first(original: Any) -> Any:
    async def save_changes(self: Any) -> None:
        changes = self._changes
        if NOW in changes and len(changes) > 1:
            self._changes = {NOW: changes[NOW]}
            await original(self)
            self._changes = {key: value for key, value in changes.items() if key != NOW}
        await original(self)
        self._changes = changes

    return save_changes


def store_before_changelog(original: Any) -> Any:
    async def save_changes(self: Any) -> None:
        store = self._context.store
        store.apply(self._changes, store.offset)
        await original(self)

    return save_changes


def no_lease(_: Any) -> Any:
    async def while_owned(self: Offsets, write: Callable[[], Any]) -> Any:
        del self
        return await write()

    return while_owned


def stops_early(original: Any) -> Any:
    async def span(reader: Any, tp: TopicPartition, store: Any, claimed: int) -> tuple[int, int]:
        position, end = await original(reader, tp, store, claimed)
        return position, max(position, end - 5)  # the last ones are claims

    return span


def any_end_trusted(original: Any) -> Any:
    async def span(reader: Any, tp: TopicPartition, store: Any, _: int) -> tuple[int, int]:
        return cast("tuple[int, int]", await original(reader, tp, store, 0))

    return span


def kept_store_not_replayed(original: Any) -> Any:
    async def replay(reader: Any, tp: TopicPartition, store: Any, *args: Any) -> int:
        if store.offset:
            reader.assign([tp])
            store.offset = (await reader.end_offsets([tp]))[tp]
            return 0
        return cast("int", await original(reader, tp, store, *args))

    return replay


def deadlines_not_restored(original: Any) -> Any:
    async def recovered(self: Any, recovered: Any) -> int:
        bound: int = await original(self, recovered)
        loop = self._loops[recovered.number]
        loop.clock = TimerWheel(loop.clock.now)
        return bound

    return recovered


def any_order(_: Any) -> Any:
    def take(self: Any, limit: int, caught_up: object) -> list[Item[Any]]:
        del caught_up
        taken: list[Item[Any]] = []
        for buffer in self._buffers:
            while buffer and len(taken) < limit and buffer[0].at <= self.bound:
                taken.append(buffer.popleft())
        return taken

    return take


def missing_heads_not_awaited(_: Any) -> Any:
    return lambda *_: []


def old_ends_trusted(_: Any) -> Any:
    async def query_ends(self: Any) -> None:
        self._promised = dict(self.ends)

    return query_ends


def running_chunk_cut_off(original: Any) -> Any:
    async def stop(self: Any) -> None:
        if self._current is not None:
            self._current.is_running = False
            for topic, position in self._current._next.items():
                self._context.offsets.ack(TopicPartition(topic, self.number), position)
        await original(self)

    return stop


def fetched_positions_acked(original: Any) -> Any:
    async def process(self: Any, run: Any, complete_until: int) -> None:
        for tp in self._inputs:
            self._context.offsets.ack(tp, await self._context.member.position(tp))
        await original(self, run, complete_until)

    return process


def one_topic_acked_before(original: Any) -> Any:
    async def process(self: Any, run: Any, complete_until: int) -> None:
        if run:
            last = run[-1].record
            self._context.offsets.ack(TopicPartition(last.topic, last.partition), last.offset + 1)
        await original(self, run, complete_until)

    return process


def loop_of_former_ownership(original: Any) -> Any:
    async def recovered(self: Any, recovered: Any) -> int:
        kept = self._loops.get(recovered.number)
        return cast("int", await original(self, recovered) if kept is None else kept.clock.now)

    return recovered


def nothing(_: Any) -> Any:
    async def nothing(*_: object) -> None:
        """As if the call were missing."""

    return nothing


def nothing_now(_: Any) -> Any:
    return lambda *_: None
