"""Clients of Kafka, without a Kafka."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer

from streams.engine.kafka_clients import ClientSettings, changelog_reader


async def test_a_reader_that_is_cancelled_while_it_connects_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    connecting, closed = asyncio.Event(), []

    async def start(_: AIOKafkaConsumer) -> None:
        connecting.set()
        await asyncio.Event().wait()

    original = AIOKafkaConsumer.stop

    async def stop(reader: AIOKafkaConsumer) -> None:
        await original(reader)
        closed.append(reader)

    monkeypatch.setattr(AIOKafkaConsumer, "start", start)
    monkeypatch.setattr(AIOKafkaConsumer, "stop", stop)

    async def read() -> None:
        async with changelog_reader(ClientSettings(connection={"bootstrap_servers": "127.0.0.1:1"}, group="")):
            raise AssertionError("nobody answers")

    reading = asyncio.create_task(read())
    await connecting.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert len(closed) == 1
