"""The producer for event loops, on a real Kafka."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.kafka_records import read_all
from workers.kafka import AsyncProducer, Full, Outgoing, Undelivered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.kafka import Broker


@pytest.fixture
def topic(real_kafka: Broker) -> str:
    name = f"sent-{uuid4().hex[:8]}"
    real_kafka.make_topics({name: 3})
    return name


@pytest.fixture
async def producer(real_kafka: Broker) -> AsyncIterator[AsyncProducer]:
    one = AsyncProducer({"bootstrap.servers": real_kafka.bootstrap, "log_level": 0}, max_in_flight=100)
    one.start()
    yield one
    await one.close()


def some(topic: str, count: int) -> list[Outgoing]:
    return [Outgoing(topic, b"k%d" % n, b"v%d" % n, [("h", b"%d" % n)]) for n in range(count)]


async def test_positions_are_returned_in_the_order_of_the_records(
    real_kafka: Broker, topic: str, producer: AsyncProducer
) -> None:
    calls = await asyncio.gather(*(producer.send_all(some(topic, 20)) for _ in range(4)))
    held = {(one.partition, one.offset): one.value for one in read_all(real_kafka.bootstrap, topic)}
    for places in calls:
        assert [held[place] for place in places] == [b"v%d" % n for n in range(20)]
    assert len(held) == 80
    assert producer.in_flight == 0


async def test_records_beyond_the_in_flight_limit_are_rejected_before_any_is_sent(
    real_kafka: Broker, topic: str, producer: AsyncProducer
) -> None:
    first = asyncio.create_task(producer.send_all(some(topic, 90)))
    await asyncio.sleep(0)
    with pytest.raises(Full):
        await producer.send_all(some(topic, 11))
    await first
    assert len(read_all(real_kafka.bootstrap, topic)) == 90


async def test_a_missing_topic_is_reported_within_the_timeout(producer: AsyncProducer) -> None:
    with pytest.raises(Undelivered):
        await asyncio.wait_for(producer.send(Outgoing("not-there-at-all", b"k", b"v", [])), 12)
    assert producer.in_flight == 0


async def test_a_cancelled_wait_does_not_affect_other_sends(topic: str, producer: AsyncProducer) -> None:
    waiting = asyncio.create_task(producer.send_all(some(topic, 5)))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await producer.send(some(topic, 1)[0])
    await producer.close()
    assert producer.in_flight == 0
