"""The durability protocol of a chunk, step by step, without Kafka."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from streams.engine import Chunk, Item, MemoryStore
from streams.engine.chunk import ChunkContext
from tests.fakes import a_fetched_record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CHANGELOG = TopicPartition("changelog", 3)


class Died(BaseException):
    pass


class FakeBatch:
    def __init__(self, tp: TopicPartition) -> None:
        self.tp = tp
        self.written: list[tuple[bytes | None, bytes | None]] = []

    def add(self, key: bytes | None, value: bytes | None, headers: object) -> None:
        del headers
        self.written.append((key, value))


class FakeOwner:
    """A partition that writes down what is done to Kafka and to the store, and in what order."""

    def __init__(self, first: int = 0, fault: Exception | None = None, *, is_former: bool = False) -> None:
        self.store = MemoryStore(3)
        self.done: list[object] = []
        self.leases = 0
        self._is_former = is_former
        kafka: Any = self
        self.context = ChunkContext(3, 2, CHANGELOG, self.store, sink=kafka, offsets=kafka, fail=self.fail)
        self._first, self._fault = first, fault

    def batch(self, tp: TopicPartition, owner: TopicPartition) -> FakeBatch:
        assert owner == CHANGELOG
        return FakeBatch(tp)

    async def deliver(self, batch: FakeBatch) -> tuple[int, int]:
        tp, written = batch.tp, batch.written
        if self._fault is not None and tp != CHANGELOG:
            raise self._fault
        self.done.append((tp.topic, tp.partition, written))
        return self._first, self._first + len(written)

    async def lease(self) -> float:
        if self._is_former:
            raise CommitFailedError
        return 30.0

    def partition_for(self, topic: str, key: bytes | None) -> int:
        return len(topic) + len(key or b"")

    async def while_owned(self, write: Callable[[], Awaitable[Any]]) -> Any:
        self.leases += 1
        return await write()

    def ack(self, tp: TopicPartition, position: int) -> None:
        self.done.append((tp, position))

    def fail(self, reason: object, *, where: str = "") -> NoReturn:
        raise Died(where, reason)


def an_item(topic: str, offset: int) -> Item[None]:
    return Item(1, None, a_fetched_record(topic, None, None, offset, partition=3))


def a_chunk(owner: FakeOwner, *items: Item[None]) -> Chunk[None]:
    return Chunk(owner.context, items)


async def test_outputs_then_changelog_then_store_then_ack() -> None:
    owner = FakeOwner()
    async with a_chunk(owner, an_item("a", 4), an_item("b", 9), an_item("a", 5)) as chunk:
        chunk.put(b"k", b"v")
        chunk.send("out", b"k", b"output", partition=3)
        assert owner.done == []
    assert owner.done == [
        ("out", 3, [(b"k", b"output")]),
        ("changelog", 3, [(b"k", b"v")]),
        (TopicPartition("a", 3), 6),
        (TopicPartition("b", 3), 10),
    ]
    assert (owner.store.get(b"k"), owner.store.offset) == (b"v", 1)
    assert chunk.done.is_set()


async def test_a_flush_is_durable_without_an_ack_and_sends_nothing_twice() -> None:
    owner = FakeOwner()
    async with a_chunk(owner, an_item("a", 4)) as chunk:
        chunk.put(b"k", b"v")
        chunk.send("out", b"k", b"output", partition=3)
        await chunk.flush()
        assert owner.done == [("out", 3, [(b"k", b"output")]), ("changelog", 3, [(b"k", b"v")])]
        assert (chunk.get(b"k"), owner.store.offset, chunk.done.is_set()) == (b"v", 1, False)
    assert owner.done[2:] == [(TopicPartition("a", 3), 5)]


async def test_reads_return_the_changes_of_the_chunk() -> None:
    owner = FakeOwner()
    owner.store.apply({b"a": b"old", b"b": b"old"}, 0)
    async with a_chunk(owner) as chunk:
        chunk.put(b"a", b"new")
        chunk.put(b"b", None)
        assert (chunk.get(b"a"), chunk.get(b"b"), chunk.get(b"c")) == (b"new", None, None)


async def test_an_output_without_a_partition_is_sent_to_the_partition_of_its_key() -> None:
    owner = FakeOwner()
    async with a_chunk(owner) as chunk:
        chunk.send("out", b"k", b"v")
    assert owner.done == [("out", 4, [(b"k", b"v")])]


async def work(chunk: Chunk[None], fault: BaseException | None = None) -> None:
    """What an agent does: a change and an output, and perhaps a bug at its second item."""
    async with chunk:
        chunk.put(b"k", b"v")
        chunk.send("out", b"k", b"output", partition=3)
        if fault is not None:
            chunk.current = chunk.records[1]
            raise fault


async def test_an_exception_in_the_block_ends_the_process_without_any_effect() -> None:
    owner = FakeOwner()
    with pytest.raises(Died) as died:
        await work(a_chunk(owner, an_item("a", 4), an_item("a", 5)), ValueError())
    assert died.value.args[0] == "a[3]@5"
    assert owner.done == []


async def test_without_a_current_item_the_error_names_all_records_of_the_chunk() -> None:
    chunk = a_chunk(FakeOwner(), an_item("a", 4), an_item("b", 9), an_item("a", 7))
    assert chunk.where() == "a[3]@4..7, b[3]@9"
    assert a_chunk(FakeOwner()).where() == "tick of 3"


async def test_an_undeliverable_output_leaves_state_and_offsets_unchanged() -> None:
    owner = FakeOwner(fault=TimeoutError())
    with pytest.raises(Died):
        await work(a_chunk(owner, an_item("a", 4)))
    assert (owner.done, owner.store.offset) == ([], 0)


async def test_a_second_writer_in_the_changelog_ends_the_process() -> None:
    owner = FakeOwner(first=7)
    with pytest.raises(Died, match="second writer"):
        await work(a_chunk(owner, an_item("a", 4)))
    assert owner.store.get(b"k") is None


@pytest.mark.parametrize("reason", [asyncio.CancelledError, GeneratorExit])
async def test_a_chunk_whose_agent_is_cancelled_is_not_acked(reason: type[BaseException]) -> None:
    owner = FakeOwner()
    with pytest.raises(reason):
        await work(a_chunk(owner, an_item("a", 4), an_item("a", 5)), reason())
    assert owner.done == []


async def test_an_abandoned_chunk_has_no_effect() -> None:
    owner = FakeOwner()
    chunk = a_chunk(owner, an_item("a", 4))
    chunk.abandon()
    async with chunk:
        assert not chunk.records
        chunk.put(b"k", b"v")
    assert owner.done == []


async def test_a_chunk_may_take_longer_than_the_deadline_while_it_makes_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000.0
    monkeypatch.setattr("streams.engine.chunk.time", SimpleNamespace(monotonic=lambda: now))
    chunk = a_chunk(FakeOwner(), *(an_item("a", offset) for offset in range(10)))

    async def agent() -> None:
        nonlocal now
        async with chunk:
            for item in chunk.records:
                now += 0.3
                chunk.current = item
                while chunk._progress_at < now:  # noqa: SLF001, ASYNC110  until wait_done has seen it
                    await asyncio.sleep(0.01)

    working = asyncio.ensure_future(agent())
    await chunk.wait_done(deadline=0.5)
    assert chunk.done.is_set()
    assert now > 1_000.0 + 0.5
    await working


async def test_a_chunk_without_progress_is_given_up_at_the_deadline() -> None:
    chunk = a_chunk(FakeOwner(), an_item("a", 4))
    with pytest.raises(TimeoutError, match="no progress"):
        await chunk.wait_done(deadline=0.1)


async def test_a_former_owner_publishes_nothing_that_follows_from_a_state_that_it_may_not_change() -> None:
    owner = FakeOwner(is_former=True)
    with pytest.raises(Died) as died:
        await work(a_chunk(owner, an_item("a", 4)))
    assert isinstance(died.value.args[1], CommitFailedError)
    assert owner.done == []


async def test_outputs_without_changes_of_the_state_need_no_lease() -> None:
    owner = FakeOwner(is_former=True)
    async with a_chunk(owner) as chunk:
        chunk.send("out", b"k", b"heartbeat", partition=3)
    assert owner.done == [("out", 3, [(b"k", b"heartbeat")])]


async def test_the_changelog_is_only_written_under_a_lease() -> None:
    owner = FakeOwner()
    await work(a_chunk(owner, an_item("a", 4)))
    assert owner.leases == 1
