"""What librdkafka is told to fetch: nothing before the positions are known, and then from exactly these."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from workers.projection import log
from workers.projection.log import Log
from workers.read_model.generation import PartitionId

TOPIC = "lead-created"
PLACES = [PartitionId(TOPIC, 0), PartitionId(TOPIC, 1)]


class RecordingConsumer:
    """Keeps what it is assigned, as (partition, offset). It has no pause and no resume: they would fail the test."""

    def __init__(self, _: dict[str, Any]) -> None:
        self.assignments: list[list[tuple[int, int]]] = []

    def subscribe(self, _: list[str], **callbacks: Any) -> None:
        self.callbacks = callbacks

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.assignments.append([(one.partition, one.offset) for one in partitions])


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> RecordingConsumer:
    consumer = RecordingConsumer({})
    monkeypatch.setattr(log, "Consumer", lambda _: consumer)
    monkeypatch.setattr(log, "AdminClient", lambda _: None)
    return consumer


def test_nothing_is_fetched_between_an_assignment_and_its_positions(consumer: RecordingConsumer) -> None:
    member = Log({}, "group", "", 6.0, [TOPIC])
    consumer.callbacks["on_assign"](consumer, [TopicPartition(TOPIC, number) for number in range(2)])
    assert member.assigned == frozenset(PLACES)
    assert consumer.assignments == [[]]
    member.seek({PLACES[0]: 618, PLACES[1]: None})
    assert consumer.assignments[1:] == [[(0, 618), (1, OFFSET_BEGINNING)]]


def test_after_a_pause_nothing_is_fetched_until_positions_are_set_again(consumer: RecordingConsumer) -> None:
    member = Log({}, "group", "", 6.0, [TOPIC])
    consumer.callbacks["on_assign"](consumer, [TopicPartition(TOPIC, 0)])
    member.seek({PLACES[0]: 618})
    member.pause()
    assert consumer.assignments[-1] == []
    assert not member.is_positioned
    member.seek({PLACES[0]: 100})
    assert consumer.assignments[-1] == [(0, 100)]
