"""Whether ingest is ready, and when it had better end."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import KafkaError, KafkaException

from tests.unit.ingest.posting import FakeSender
from workers.ingest.run import BrokerCheck
from workers.kafka import MAX_IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping


class FakeProducer(FakeSender):
    """A broker with the topics that it is given, or none at all."""

    def __init__(self, *topics: str, is_there: bool = True) -> None:
        super().__init__()
        self.in_flight = 0
        self.trouble = self.fatal = ""
        self._topics = dict.fromkeys(topics, 1)
        self._is_there = is_there

    def start(self) -> None:
        pass

    def topics(self, within: float = 2.0) -> Mapping[str, int]:
        if not self._is_there:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))  # noqa: SLF001  # that is its name
        assert within
        return self._topics

    async def close(self, within: float = 10.0) -> None:
        assert within


async def looked(producer: FakeProducer) -> str:
    watch = BrokerCheck(producer, ["a", "b"])
    assert watch.unready()
    await watch.check()
    return watch.unready()


async def test_ingest_is_ready_when_the_broker_has_all_topics() -> None:
    assert await looked(FakeProducer("a", "b", "c")) == ""


async def test_a_missing_topic_is_reported_with_the_command_that_creates_it() -> None:
    assert (await looked(FakeProducer("a"))).startswith(
        "topic b does not exist, or access is denied: run `leadloop topics"
    )


@pytest.mark.parametrize("is_there", [True, False])
async def test_each_check_reports_whether_the_broker_answered(is_there: bool) -> None:
    reported: list[bool] = []
    await BrokerCheck(FakeProducer("a", is_there=is_there), ["a"], reported.append).check()
    assert reported == [is_there]


async def test_an_unreachable_broker_is_the_reason_for_unready() -> None:
    assert (await looked(FakeProducer(is_there=False))).startswith("the broker does not answer")


async def test_ingest_is_unready_with_too_many_records_in_flight_or_a_failed_producer() -> None:
    producer = FakeProducer("a", "b")
    watch = BrokerCheck(producer, ["a"])
    await watch.check()
    producer.in_flight = MAX_IN_FLIGHT
    assert watch.unready() == "too many records wait for the broker's acknowledgement"
    producer.fatal = "fenced"
    assert "fenced" in watch.unready()


async def test_a_fatal_error_of_the_producer_ends_the_process() -> None:
    producer, ended = FakeProducer("a"), asyncio.Event()
    producer.fatal = "fenced"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await BrokerCheck(producer, ["a"]).run()
    await asyncio.wait_for(ended.wait(), 5)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
