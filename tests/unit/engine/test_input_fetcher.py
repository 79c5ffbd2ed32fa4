"""What may be taken, by what is known of the ends of the inputs."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from streams.engine import FetchedRecord, Job, MemoryStore
from streams.engine.input_fetcher import InputFetcher

A, B, WORD = (TopicPartition(topic, 0) for topic in ("a", "b", "word"))


class Died(BaseException):
    pass


class FakeKafka:
    """Topics of event times; `visible` of them can be fetched, and so far reach the high watermarks."""

    def __init__(self, **topics: list[int]) -> None:
        self.topics = {TopicPartition(name, 0): times for name, times in topics.items()}
        self.visible = {tp: len(times) for tp, times in self.topics.items()}
        self.positions = dict.fromkeys(self.topics, 0)
        self.polled_at = dict.fromkeys(self.topics, 0)
        self.is_cut_off = False

    async def getmany(self, *wanted: TopicPartition, timeout_ms: int, max_records: int) -> dict[Any, list[Any]]:
        del timeout_ms
        fetched = {tp: self._read(tp, max_records) for tp in wanted}
        return {tp: records for tp, records in fetched.items() if records}

    def _read(self, tp: TopicPartition, most: int) -> list[Any]:
        start = self.positions[tp]
        end = self.positions[tp] = min(self.visible[tp], start + most)
        times = self.topics[tp][start:end]
        return [FetchedRecord(tp.topic, 0, n, at, None, None, ()) for n, at in enumerate(times, start)]

    def highwater(self, tp: TopicPartition) -> int:
        return self.visible[tp]

    async def position(self, tp: TopicPartition) -> int:
        return self.positions[tp]

    async def end_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        if self.is_cut_off:
            raise KafkaConnectionError
        return {tp: len(self.topics[tp]) for tp in tps}

    def last_poll_timestamp(self, tp: TopicPartition) -> int:
        return self.polled_at[tp]


def a_fetcher(kafka: Any, *, bounded: bool = True, bound: int = 0, decode: Any = None) -> InputFetcher[None]:
    def die(reason: object, *, where: str = "") -> NoReturn:
        raise Died(where, reason)

    job = Job(
        name="unit",
        inputs=tuple(tp.topic for tp in kafka.topics),
        changelog="unit-changelog",
        partitions=1,
        store=MemoryStore,
        decode=decode or (lambda record: (record.timestamp, None)),
        agent=no_agent,
        bounded_by="word" if bounded else None,
        max_records=100,
    )
    return InputFetcher(kafka, job, die, [*kafka.topics], bound)


async def no_agent(chunks: object) -> None:
    del chunks


async def taken(fetcher: InputFetcher[None]) -> list[int]:
    return [item.at for item in await fetcher.take(100, 0)]


async def test_records_written_before_the_heartbeat_are_awaited_even_if_the_watermark_is_older() -> None:
    kafka = FakeKafka(a=[1, 3], b=[2], word=[3])
    kafka.visible[B] = 0  # its last answer is older than the word's
    fetcher = a_fetcher(kafka)
    assert await taken(fetcher) == []
    assert not fetcher.is_waiting
    kafka.visible[B] = 1
    assert await taken(fetcher) == [1, 2, 3, 3]


async def test_records_written_after_the_heartbeat_are_not_awaited() -> None:
    kafka = FakeKafka(a=[1, 5], b=[2], word=[3])
    fetcher = a_fetcher(kafka)
    assert await taken(fetcher) == [1, 2, 3]
    kafka.topics[B].append(6)  # known to the broker, not to us
    assert await taken(fetcher) == []
    assert fetcher.is_waiting


async def test_a_newer_heartbeat_requests_the_end_offsets_again() -> None:
    kafka = FakeKafka(a=[1, 5], b=[2], word=[3])
    fetcher = a_fetcher(kafka)
    await taken(fetcher)
    kafka.topics[B].append(4)
    kafka.topics[WORD].append(5)
    kafka.visible[WORD] = 2
    assert await taken(fetcher) == []
    kafka.visible[B] = 2
    assert await taken(fetcher) == [4, 5, 5]


async def test_no_record_is_released_by_a_heartbeat_until_the_end_offsets_are_known() -> None:
    kafka = FakeKafka(a=[1], b=[], word=[3])
    kafka.is_cut_off = True
    fetcher = a_fetcher(kafka)
    assert await taken(fetcher) == []
    kafka.is_cut_off = False
    assert await taken(fetcher) == [1, 3]


async def test_after_a_restart_the_bound_comes_from_the_state() -> None:
    fetcher = a_fetcher(FakeKafka(a=[1, 9], b=[2], word=[]), bound=5)
    assert await taken(fetcher) == [1, 2]
    assert fetcher.bound == 5


async def test_a_bounded_engine_does_not_use_the_wall_clock() -> None:
    fetcher = a_fetcher(FakeKafka(a=[], b=[], word=[]))
    await taken(fetcher)
    assert fetcher.complete_until() == 0


async def test_empty_inputs_are_complete_up_to_the_fetch_before_the_last() -> None:
    kafka = FakeKafka(a=[], b=[])
    fetcher = a_fetcher(kafka, bounded=False)
    words = []
    for moment in (100, 150, 200):
        kafka.polled_at = dict.fromkeys(kafka.topics, moment)
        await taken(fetcher)
        words.append(fetcher.complete_until())
    assert words == [0, 100, 150]


async def test_inputs_that_hold_more_are_not_complete() -> None:
    kafka = FakeKafka(a=[1, 2], b=[])
    fetcher = a_fetcher(kafka, bounded=False)
    kafka.polled_at = dict.fromkeys(kafka.topics, 100)
    await fetcher.take(1, 0)
    assert fetcher.complete_until() == 0


async def test_each_record_is_decoded_once() -> None:
    seen: list[int] = []

    def decode(record: Any) -> tuple[int, None]:
        seen.append(record.offset)
        return record.timestamp, None

    fetcher = a_fetcher(FakeKafka(a=[1, 2, 3], word=[3]), decode=decode)
    while await fetcher.take(1, 0):
        pass
    assert sorted(seen) == [0, 0, 1, 2]


async def test_a_decoder_that_raises_ends_the_process_and_names_the_record() -> None:
    fetcher = a_fetcher(FakeKafka(a=[1], word=[]), decode=lambda _: 1 // 0)
    with pytest.raises(Died) as died:
        await taken(fetcher)
    assert died.value.args[0] == "a[0]@0"
