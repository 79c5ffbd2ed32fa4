"""A Kafka cluster as its clients see it: logs, idempotent producers with epochs, long fetches, compaction.

Requests are done at the moment of the call; how and when they arrive is the business of `network`. Replication is not
modelled: what is appended stays (acks=all and min.insync.replicas hold).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from aiokafka.errors import InvalidProducerEpoch, OutOfOrderSequenceNumber

from streams.engine import FetchedRecord

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from aiokafka.structs import TopicPartition

    from .loop import SimulatedLoop

NODES = 3
KEPT_BATCHES = 5  # per producer and partition: what the broker recognises as a repetition


Record = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]
"""Key, value and headers."""


class Fetched(NamedTuple):
    """What a fetch gives of one partition."""

    records: list[FetchedRecord]
    highwater: int


class Origin(NamedTuple):
    """Who sends a batch: the producer's id and epoch, and the sequence number of the first record."""

    producer: int
    epoch: int
    sequence: int


@dataclass
class _ProducerState:
    epoch: int
    batches: list[tuple[int, int, int]] = field(default_factory=list)  # sequence, count, offset


@dataclass
class Log:
    """One partition. Compaction leaves gaps between offsets."""

    records: list[FetchedRecord] = field(default_factory=list)
    end: int = 0
    producers: dict[int, _ProducerState] = field(default_factory=dict)

    def since(self, offset: int, limit: int) -> list[FetchedRecord]:
        begin = offset if len(self.records) == self.end else bisect_left(self.records, offset, key=lambda r: r.offset)
        return self.records[begin : begin + limit]


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def node_of(tp: TopicPartition) -> int:
    """The broker node that leads a partition."""
    node: int = (sum(tp.topic.encode()) + tp.partition) % NODES
    return node


class Broker:
    """All nodes of the cluster: they share nothing but this object."""

    def __init__(self, loop: SimulatedLoop, partitions: int, wall: Callable[[], float], happened: Counter[str]) -> None:
        self.partitions = partitions
        self.last_epoch = 32_766
        """After it, a transactional id gets another producer id."""
        self.logs: defaultdict[TopicPartition, Log] = defaultdict(Log)
        self.owners: dict[int, str] = {}
        """Of each partition number, the host that the group gave it to."""
        self.terms: Counter[int] = Counter()
        """How often the group has given each partition number to a host."""
        self.asked_in: dict[tuple[int, int], int] = {}
        """Of each producer id and epoch of an owner, the term of its partition number in which it was asked for."""
        self.late: set[tuple[TopicPartition, int]] = set()
        """Offsets of records that a former owner of their partition number has sent, and that arrived too late."""
        self._loop = loop
        self._wall = wall
        self._happened = happened
        self._waiters: defaultdict[TopicPartition, list[asyncio.Future[None]]] = defaultdict(list)
        self._producers = 0
        self._transactional: dict[str, tuple[int, int]] = {}
        self._digest = blake2b(digest_size=12)

    def note(self, *event: object) -> None:
        """Make an event part of the digest of the run."""
        self._digest.update(repr((round(self._loop.now, 6), *event)).encode())

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def give(self, number: int, host: str) -> None:
        """Note that the group gives a partition number to a host."""
        self.owners[number] = host
        self.terms[number] += 1

    # -- producers -----------------------------------------------------------------------------

    def init_producer(self, transactional_id: str | None = None) -> tuple[int, int]:
        """Answer InitProducerId: a new id, or that of the transactional id with its next epoch."""
        if transactional_id is None:
            self._producers += 1
            return self._producers, 0
        producer, epoch = self._transactional.get(transactional_id, (0, self.last_epoch))
        if epoch >= self.last_epoch:
            if producer:
                self._happened["producer id changed"] += 1
            self._producers += 1
            producer, epoch = self._producers, -1
        self._transactional[transactional_id] = producer, epoch + 1
        self.asked_in[producer, epoch + 1] = self.terms[int(transactional_id.rpartition("-")[2])]
        self._happened["epoch of an owner begun"] += 1
        return producer, epoch + 1

    def produce(self, tp: TopicPartition, origin: Origin, records: Sequence[Record]) -> int:
        """Append a batch, or recognise it; returns the offset of its first record.

        Raises:
            InvalidProducerEpoch: this partition has a batch of a newer epoch of the producer.
            OutOfOrderSequenceNumber: batches before this one are missing, or it is too old to be recognised.
        """
        log = self.logs[tp]
        state = log.producers.get(origin.producer)
        if state is not None and origin.epoch < state.epoch:
            self._happened["batch of an older epoch refused"] += 1
            raise InvalidProducerEpoch(f"epoch {origin.epoch}, but {state.epoch} has written to {tp}")
        if state is not None and origin.epoch == state.epoch:
            for sequence, _, offset in state.batches:
                if sequence == origin.sequence:
                    self._happened["repeated batch recognised"] += 1
                    return offset
        expected = 0
        if state is not None and state.epoch == origin.epoch and state.batches:
            sequence, count, _ = state.batches[-1]
            expected = sequence + count
        if origin.sequence != expected and state is not None:  # of who is not known, any sequence is accepted
            self._happened["batch out of sequence refused"] += 1
            raise OutOfOrderSequenceNumber(f"{origin.sequence}, expected {expected} in {tp}")
        if state is None or state.epoch != origin.epoch:
            state = log.producers[origin.producer] = _ProducerState(origin.epoch)
        offset = self._append(tp, log, records)
        state.batches.append((origin.sequence, len(records), offset))
        del state.batches[:-KEPT_BATCHES]
        return offset

    def append(self, tp: TopicPartition, key: bytes | None, value: bytes | None) -> int:
        """Append a record of a client that is not simulated."""
        return self._append(tp, self.logs[tp], [(key, value, ())])

    def _append(self, tp: TopicPartition, log: Log, records: Sequence[Record]) -> int:
        first, now = log.end, int(self._wall() * 1000)
        for n, (key, value, headers) in enumerate(records, first):
            log.records.append(FetchedRecord(tp.topic, tp.partition, n, now, key, value, headers))
        log.end += len(records)
        self.note("append", tp, first, [record[:2] for record in records])
        for waiter in self._waiters.pop(tp, ()):
            _settle(waiter)
        return first

    # -- consumers -----------------------------------------------------------------------------

    def fetch(
        self, positions: Mapping[TopicPartition, int], limit: int, wait: float
    ) -> asyncio.Future[dict[TopicPartition, Fetched]]:
        """Answer a fetch, held back for up to `wait` seconds while there is nothing."""
        answer: asyncio.Future[dict[TopicPartition, Fetched]] = self._loop.create_future()
        found = self._read(positions, limit)
        if any(one.records for one in found.values()):
            answer.set_result(found)
            return answer
        arrived: asyncio.Future[None] = self._loop.create_future()
        for tp in positions:
            self._waiters[tp].append(arrived)
        expiry = self._loop.call_later(wait, _settle, arrived)

        def respond(_: object) -> None:
            expiry.cancel()
            for tp in positions:
                if arrived in self._waiters.get(tp, ()):
                    self._waiters[tp].remove(arrived)
            answer.set_result(self._read(positions, limit))

        arrived.add_done_callback(respond)
        return answer

    def _read(self, positions: Mapping[TopicPartition, int], limit: int) -> dict[TopicPartition, Fetched]:
        return {tp: Fetched(self.logs[tp].since(at, limit), self.logs[tp].end) for tp, at in positions.items()}

    def ends(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Answer ListOffsets: latest."""
        return {tp: self.logs[tp].end for tp in tps}

    def begins(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Answer ListOffsets: earliest. Compaction does not move it."""
        return dict.fromkeys(tps, 0)

    # -- the cluster's own work ----------------------------------------------------------------

    def compact(self, tp: TopicPartition, until: int) -> None:
        """Keep only the newest record of each key among those before an offset, the head of the log as it is."""
        log = self.logs[tp]
        newest = {record.key: record.offset for record in log.records}
        kept = [one for one in log.records if one.offset >= until or newest[one.key] == one.offset]
        if len(kept) < len(log.records):
            self._happened["changelog compacted"] += 1
            log.records = kept
            self.note("compacted", tp, until)
