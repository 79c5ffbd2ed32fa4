"""The producer for event loops, when its client gives up."""

import asyncio
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from workers import kafka
from workers.kafka import AsyncProducer, Outgoing, Undelivered

FATAL = KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED, "no right to write", fatal=True)
PURGED = KafkaError(KafkaError._PURGE_QUEUE, "never sent")  # noqa: SLF001


class GivesUp:
    """A client that raises a fatal error once, and then runs the callbacks of its records."""

    def __init__(self, _: Any) -> None:
        self._held: list[Any] = []
        self._has_told = False

    def produce(self, *given: Any, **_: Any) -> None:
        self._held.append(given[4])

    def poll(self, _: float) -> None:
        if self._held and not self._has_told:
            self._has_told = True
            raise KafkaException(FATAL)
        while self._held:
            self._held.pop()(PURGED, None)

    def purge(self) -> None:
        """Holds nothing any more."""


async def test_what_is_fatal_is_remembered_and_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "Producer", GivesUp)
    producer = AsyncProducer({})
    producer.start()
    async with asyncio.timeout(10):
        with pytest.raises(Undelivered):
            await producer.send(Outgoing("lead-created", b"k", b"v", []))
    assert "no right to write" in producer.fatal
    await producer.close()
