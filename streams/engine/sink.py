"""Sink: whole record batches to Kafka (per record: send() about 20 us, in a batch 0.5 us)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from aiokafka.errors import ClusterAuthorizationFailedError, KafkaError, ProducerFenced
from aiokafka.partitioner import DefaultPartitioner

from .fencing import OWNER_KEY, FencedError

if TYPE_CHECKING:
    from aiokafka.structs import TopicPartition

    from .fencing import Identity, NewIdentity


class RecordBatch(Protocol):
    """A record batch that aiokafka fills; `append` returns None where it is full."""

    def append(
        self,
        *,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> object | None: ...
    def record_count(self) -> int: ...


class Sent(Protocol):
    """What the broker acknowledged: `offset` is that of the first record."""

    @property
    def offset(self) -> int: ...


class Producer(Protocol):
    """What the sink needs of a producer that is idempotent and waits for all replicas; aiokafka's fits."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def partitions_for(self, topic: str) -> Iterable[int]: ...
    def create_batch(self) -> RecordBatch: ...
    async def send_batch(self, batch: RecordBatch, topic: str, *, partition: int) -> Awaitable[Sent]: ...


Headers = Sequence[tuple[str, bytes | None]]
NO_HEADERS: list[tuple[str, bytes | None]] = []  # a list: a batch takes no tuple


class Batch:
    """Records of one partition, put straight into the batches that will be sent."""

    def __init__(self, tp: TopicPartition, new_batch: Callable[[], RecordBatch]) -> None:
        self.tp = tp
        self.parts = [new_batch()]
        self._append = self.parts[0].append
        self._new_batch = new_batch

    @property
    def count(self) -> int:
        """How many records there are."""
        return sum(part.record_count() for part in self.parts)

    def add(self, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Append one record; one that is larger than a batch may be gets a batch of its own."""
        fields = headers if isinstance(headers, list) else list(headers)
        if self._append(timestamp=None, key=key, value=value, headers=fields) is None:  # it is full
            self.parts.append(self._new_batch())
            self._append = self.parts[-1].append
            self._append(timestamp=None, key=key, value=value, headers=fields)


class Sink:
    """One idempotent producer for outputs and changelog; every delivery is awaited.

    Args:
        producer: sends all batches.
        new_identity: makes what the owner of a claimed partition signs its batches with.
    """

    def __init__(self, producer: Producer, new_identity: NewIdentity) -> None:
        self._producer = producer
        self._new_identity = new_identity
        self._identities: dict[TopicPartition, Identity] = {}
        self._partitioner = DefaultPartitioner()
        self._partitions: dict[str, list[int]] = {}

    async def start(self, topics: Iterable[str], patience: float) -> None:
        """Connect, and learn how many partitions each topic has.

        Raises:
            LookupError: a topic does not exist, or may not be described; create it, then start again.
            PermissionError: nothing may be written at all.
        """
        try:
            await self._producer.start()
        except ClusterAuthorizationFailedError as error:  # the answer to a user who may write to no topic
            raise PermissionError("Kafka lets this user write nothing: grant what deploy/acls.yml lists") from error
        for topic in topics:
            try:
                found = await asyncio.wait_for(self._producer.partitions_for(topic), patience)
            except (TimeoutError, KafkaError) as error:
                raise LookupError(f"topic {topic} does not exist ({error!r}): run `leadloop topics create`") from error
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

    def batch(self, tp: TopicPartition, owner: TopicPartition) -> Batch:
        """Return an empty batch, signed as the owner of a claimed partition; nothing is sent before `deliver`."""
        new_batch, sign = self._producer.create_batch, self._identities[owner].sign
        return Batch(tp, lambda: sign(new_batch(), tp))

    async def next_identity(self, tp: TopicPartition) -> Identity:
        """What the next owner of a partition of the changelog writes as; nothing is outdated before it does.

        Raises:
            PermissionError: this user may not write with the transactional id of the partition.
        """
        return await self._new_identity(f"{tp.topic}-{tp.partition}")

    async def claim(
        self, tp: TopicPartition, confirm: Callable[[], Awaitable[object]], identity: Identity | None = None
    ) -> tuple[int, int]:
        """Become the only owner of a partition: what former owners still write to it is refused once this returns.

        What they still write elsewhere as its owner is refused once this owner has written there.

        Args:
            tp: the partition of the changelog.
            confirm: raises unless this worker owns the partition at that moment. It is called when the new epoch is
                known and nothing of it is written: whoever owns the partition afterwards gets a higher epoch, so this
                claim, however late it arrives, fences no rightful owner.
            identity: a `next_identity` that is not used yet.

        Returns:
            (first offset, last offset + 1) of the tombstones that it writes, one nearly always. Everything that a
            former owner has written is before.

        Raises:
            FencedError: yet another worker has claimed it meanwhile.
            PermissionError: this user may not write with the transactional id of the partition.
        """
        identity, written = identity or await self.next_identity(tp), list[tuple[int, int]]()
        while identity.is_worn:
            await confirm()
            _stop_if_cancelled()
            written.append(await self._write_claim(tp, identity.retired()))
            worn = identity.producer_id
            while identity.producer_id == worn:  # until Kafka gives the transactional id another one
                identity = await self.next_identity(tp)
        await confirm()
        _stop_if_cancelled()
        self._identities[tp] = identity
        written.append(await self._write_claim(tp, identity))
        return written[0][0], written[-1][1]

    async def _write_claim(self, tp: TopicPartition, identity: Identity) -> tuple[int, int]:
        batch = Batch(tp, lambda: identity.sign(self._producer.create_batch(), tp))
        batch.add(OWNER_KEY, None, NO_HEADERS)
        return await self.deliver(batch)

    async def deliver(self, batch: Batch) -> tuple[int, int]:
        """Write all records in order; returns (first offset, last offset + 1) once all replicas have them.

        Raises:
            FencedError: another worker has claimed the owner's partition; the process must end.
        """
        topic, number = batch.tp
        waiting = [await self._producer.send_batch(part, topic, partition=number) for part in batch.parts]
        try:
            first: int = (await asyncio.gather(*waiting))[0].offset
        except ProducerFenced as error:
            raise FencedError(f"another worker has taken over {topic}[{number}]: Kafka refuses this one") from error
        return first, first + batch.count


def _stop_if_cancelled() -> None:
    """Before a write that must not follow a revocation: aiokafka and `asyncio.wait_for` may swallow a cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
