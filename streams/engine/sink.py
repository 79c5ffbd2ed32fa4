"""Sink: whole record batches to Kafka (per record: send() about 20 us, in a batch 0.5 us)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ClusterAuthorizationFailedError, KafkaError
from aiokafka.partitioner import DefaultPartitioner

if TYPE_CHECKING:
    from aiokafka.structs import TopicPartition

Headers = Sequence[tuple[str, bytes]]
NO_HEADERS: list[tuple[str, bytes]] = []  # a list, for so a batch wants it


class Batch:
    """Records of one partition, put straight into the batches that will be sent."""

    def __init__(self, tp: TopicPartition, new_batch: Callable[[], Any]) -> None:
        self.tp = tp
        self.parts = [new_batch()]
        self._append = self.parts[0].append
        self._new_batch = new_batch

    @property
    def count(self) -> int:
        """How many records there are."""
        return sum(part.record_count() for part in self.parts)

    def add(self, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Put one record behind the others; one that is larger than a batch may be goes alone."""
        fields = headers if isinstance(headers, list) else list(headers)
        if self._append(timestamp=None, key=key, value=value, headers=fields) is None:  # it is full
            self.parts.append(self._new_batch())
            self._append = self.parts[-1].append
            self._append(timestamp=None, key=key, value=value, headers=fields)


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
            PermissionError: nothing may be written at all.
        """
        try:
            await self._producer.start()
        except ClusterAuthorizationFailedError as error:  # so Kafka tells who has no topic to write to
            raise PermissionError("Kafka lets this user write nothing: grant what deploy/acls.yml lists") from error
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

    def batch(self, tp: TopicPartition) -> Batch:
        """An empty one; nothing is sent before it is delivered."""
        return Batch(tp, self._producer.create_batch)

    async def deliver(self, batch: Batch) -> tuple[int, int]:
        """Write all records in order; returns (first offset, last offset + 1) once acknowledged."""
        topic, number = batch.tp
        waiting = [await self._producer.send_batch(part, topic, partition=number) for part in batch.parts]
        first: int = (await asyncio.gather(*waiting))[0].offset
        return first, first + batch.count
