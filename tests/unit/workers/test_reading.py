"""Ranges of partitions are read up to their end offsets; the caller decides which errors are raised."""

from collections.abc import Callable, Sequence
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from workers.reading import Ranges, any_error, fetch, permanent_error, read_ranges

TOPIC = "lead-created"
PASSING = KafkaError(KafkaError._TRANSPORT)  # noqa: SLF001  librdkafka's own codes are named so
PERMANENT = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)


class FakeMessage:
    """A record at this offset, or an error in place of one."""

    def __init__(self, offset: int, partition: int = 0, error: KafkaError | None = None) -> None:
        self._offset, self._partition, self._error = offset, partition, error

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def error(self) -> KafkaError | None:
        return self._error


class FakeConsumer:
    """Returns these batches, one per call, and then fails the test."""

    def __init__(self, *batches: Sequence[FakeMessage]) -> None:
        self._batches = list(batches)
        self.assigned: dict[int, int] = {}

    def assign(self, starts: Sequence[TopicPartition]) -> None:
        self.assigned = {one.partition: one.offset for one in starts}

    def consume(self, _: int, __: float) -> Sequence[FakeMessage]:
        batch = self._batches.pop(0)
        for one in batch:
            if one.error() is None:
                self.assigned[one.partition()] = one.offset() + 1
        return batch

    def position(self, places: Sequence[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, self.assigned[one.partition]) for one in places]


def offsets(
    consumer: FakeConsumer,
    ranges: Ranges,
    is_raised: Callable[[KafkaError], bool] = any_error,
    *,
    is_wanted: Callable[[], bool] = lambda: True,
    with_later: bool = False,
) -> list[tuple[int | None, int | None]]:
    found = read_ranges(cast("Consumer", consumer), ranges, is_raised, is_wanted=is_wanted, with_later=with_later)
    return [(one.partition(), one.offset()) for one in cast("list[Message]", list(found))]


def test_records_behind_the_end_offsets_are_not_part_of_the_ranges() -> None:
    consumer = FakeConsumer([FakeMessage(3), FakeMessage(4), FakeMessage(5)], [FakeMessage(0, 1), FakeMessage(6)])
    assert offsets(consumer, {(TOPIC, 0): (3, 5), (TOPIC, 1): (0, 1)}) == [(0, 3), (0, 4), (1, 0)]


def test_a_caller_that_continues_gets_every_fetched_record_and_all_partitions_assigned() -> None:
    consumer = FakeConsumer([FakeMessage(3), FakeMessage(4), FakeMessage(7, 1)], [FakeMessage(5)])
    ranges = {(TOPIC, 0): (3, 4), (TOPIC, 1): (7, 7)}
    assert offsets(consumer, ranges, with_later=True) == [(0, 3), (0, 4), (1, 7)]
    assert [one.offset() for one in fetch(cast("Consumer", consumer), any_error)] == [5]


def test_an_empty_range_is_neither_assigned_nor_waited_for() -> None:
    consumer = FakeConsumer()
    assert offsets(consumer, {(TOPIC, 0): (7, 7)}) == []
    assert consumer.assigned == {}


def test_an_end_is_also_reached_over_offsets_without_a_record() -> None:
    consumer = FakeConsumer([FakeMessage(0)], [])
    is_moved = iter([True])

    def is_wanted() -> bool:
        if next(is_moved, False):
            return True
        consumer.assigned[0] = 9  # the rest is markers of transactions
        return True

    assert offsets(consumer, {(TOPIC, 0): (0, 9)}, is_wanted=is_wanted) == [(0, 0)]


def test_reading_stops_when_it_is_no_longer_wanted() -> None:
    wanted = iter([True, False])
    assert offsets(FakeConsumer([FakeMessage(0)]), {(TOPIC, 0): (0, 9)}, is_wanted=lambda: next(wanted)) == [(0, 0)]


@pytest.mark.parametrize(("is_raised", "error"), [(any_error, PASSING), (permanent_error, PERMANENT)])
def test_a_selected_error_is_raised(is_raised: Callable[[KafkaError], bool], error: KafkaError) -> None:
    with pytest.raises(KafkaException):
        offsets(FakeConsumer([FakeMessage(0, error=error)]), {(TOPIC, 0): (0, 1)}, is_raised)


def test_another_error_is_ignored_and_reading_continues() -> None:
    consumer = FakeConsumer([FakeMessage(0, error=PASSING)], [FakeMessage(0)])
    assert offsets(consumer, {(TOPIC, 0): (0, 1)}, permanent_error) == [(0, 0)]
