"""Sink: whole record batches to Kafka (per record: send() about 20 us, in a batch 0.5 us)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner
from msgspec import Struct

if TYPE_CHECKING:
    from aiokafka.structs import TopicPartition

Headers = Sequence[tuple[str, bytes]]


class Output(Struct, frozen=True, gc=False):
    """One record to be delivered."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Sink:
    """One idempotent producer for outputs and changelog; every delivery is awaited."""

    def __init__(self, **settings: Any) -> None:
        self._producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **settings)
        self._partitioner = DefaultPartitioner()
        self._partitions: dict[str, list[int]] = {}

    async def start(self, topics: Iterable[str], patience: float) -> None:
        """Connect, and learn how many partitions each topic has.

        Raises:
            LookupError: a topic is not there, or may not be described; create it, then start again.
        """
        await self._producer.start()
        for topic in topics:
            try:
                found = await asyncio.wait_for(self._producer.partitions_for(topic), patience)
            except (TimeoutError, KafkaError) as error:
                raise LookupError(f"topic {topic} is not there ({error!r}): run `leadloop topics create`") from error
            self._partitions[topic] = sorted(found)

    async def stop(self) -> None:
        await self._producer.stop()

    def count(self, topic: str) -> int:
        return len(self._partitions[topic])

    def partition_for(self, topic: str, key: bytes | None) -> int:
        """The partition that Kafka's own clients choose for this key."""
        partitions = self._partitions[topic]
        chosen: int = self._partitioner(key, partitions, partitions)
        return chosen

    async def deliver(self, tp: TopicPartition, outputs: Iterable[Output]) -> tuple[int, int]:
        """Write all outputs in order; returns (first offset, last offset + 1) once acknowledged.

        Raises:
            ValueError: a record is larger than a batch may be.
        """
        batch, waiting, count = self._producer.create_batch(), [], 0
        for output in outputs:
            if not _fits(batch, output):
                waiting.append(await self._send(batch, tp))
                batch = self._producer.create_batch()
                if not _fits(batch, output):
                    raise ValueError(f"record of key {output.key!r} for {tp.topic} does not fit in a batch")
            count += 1
        waiting.append(await self._send(batch, tp))
        first = (await asyncio.gather(*waiting))[0].offset
        return first, first + count

    async def _send(self, batch: Any, tp: TopicPartition) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = await self._producer.send_batch(batch, tp.topic, partition=tp.partition)
        return future


def _fits(batch: Any, output: Output) -> bool:
    """Append, if there is room."""
    headers = output.headers if isinstance(output.headers, list) else list(output.headers)
    return batch.append(key=output.key, value=output.value, timestamp=None, headers=headers) is not None
