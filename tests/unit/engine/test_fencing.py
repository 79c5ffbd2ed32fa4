"""What the owner of a partition signs its batches with; what Kafka makes of it: tests/contract/test_relied_on.py."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError, TransactionalIdAuthorizationFailed
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.engine import fencing
from streams.engine.fencing import OWNER_KEY, FencedError, ProducerIdentity, new_identity
from streams.engine.kafka_clients import ClientSettings
from streams.engine.sink import Sink
from tests.memory_driver import MemoryBroker, MemoryProducer

if TYPE_CHECKING:
    from collections.abc import Callable

CHANGELOG, OTHER = TopicPartition("changelog", 3), TopicPartition("changelog", 4)
OUTPUT = TopicPartition("out", 0)
CLIENTS = ClientSettings(connection={}, group="loop")


def sent(identity: ProducerIdentity, tp: TopicPartition, count: int) -> tuple[int, int, int]:
    """Producer id, epoch and first sequence number of a batch, as it is sent by a producer of another identity."""
    batch = identity.sign(BatchBuilder(1000, 0, is_transactional=0), tp)
    for _ in range(count):
        batch.append(key=b"k", value=b"v", timestamp=None)
    batch._set_producer_state(7, 0, 99)  # noqa: SLF001  as aiokafka does
    producer_id, epoch, sequence = struct.unpack_from(">qhi", batch._build(), 43)  # noqa: SLF001
    return producer_id, epoch, sequence


def test_a_batch_has_the_owners_identity_and_counts_the_records_before_it() -> None:
    identity = ProducerIdentity(11, 2)
    assert [sent(identity, CHANGELOG, count) for count in (3, 1, 1)] == [(11, 2, 0), (11, 2, 3), (11, 2, 4)]
    assert sent(identity, OTHER, 1) == (11, 2, 0)


def test_sequence_numbers_start_again_behind_the_last_that_kafka_knows() -> None:
    identity = ProducerIdentity(11, 2, {CHANGELOG: (1 << 31) - 2})
    assert [sent(identity, CHANGELOG, 3)[2], sent(identity, CHANGELOG, 1)[2]] == [(1 << 31) - 2, 1]


def a_sink(broker: MemoryBroker) -> Sink:
    return Sink(MemoryProducer(broker), broker.new_identity)


async def is_owner() -> None:
    """Whoever asks owns the partition."""


async def is_no_owner() -> None:
    raise CommitFailedError


async def write(sink: Sink, key: bytes, tp: TopicPartition = CHANGELOG) -> tuple[int, int]:
    batch = sink.batch(tp, CHANGELOG)
    batch.add(key, b"v", [])
    return await sink.deliver(batch)


async def test_who_claims_a_partition_fences_who_claimed_it_before() -> None:
    broker = MemoryBroker(4)
    former, owner = a_sink(broker), a_sink(broker)
    assert await former.claim(CHANGELOG, is_owner) == (0, 1)
    assert await write(former, b"a") == (1, 2)
    assert await owner.claim(CHANGELOG, is_owner) == (2, 3)
    with pytest.raises(FencedError, match=r"another worker has taken over changelog\[3\]"):
        await write(former, b"late")
    assert await write(owner, b"b") == (3, 4)
    records = [(record.key, record.value) for record in broker.logs[CHANGELOG]]
    assert records == [(OWNER_KEY, None), (b"a", b"v"), (OWNER_KEY, None), (b"b", b"v")]


async def test_what_a_former_owner_writes_elsewhere_is_refused_once_its_successor_wrote_there() -> None:
    broker = MemoryBroker(4)
    former, owner = a_sink(broker), a_sink(broker)
    await former.claim(CHANGELOG, is_owner)
    await owner.claim(CHANGELOG, is_owner)
    assert await write(former, b"old", OUTPUT) == (0, 1)
    assert await write(owner, b"new", OUTPUT) == (1, 2)
    with pytest.raises(FencedError):
        await write(former, b"late", OUTPUT)


async def test_who_lost_the_partition_before_it_could_claim_it_writes_nothing_and_fences_nobody() -> None:
    broker = MemoryBroker(4)
    paused, owner = a_sink(broker), a_sink(broker)
    await owner.claim(CHANGELOG, is_owner)
    with pytest.raises(CommitFailedError):
        await paused.claim(CHANGELOG, is_no_owner)
    assert await write(owner, b"a") == (1, 2)


async def test_ownership_is_confirmed_between_the_new_epoch_and_its_first_batch() -> None:
    broker, done = MemoryBroker(4), list[str]()

    async def new_identity(transactional_id: str) -> Any:
        done.append("epoch")
        return await broker.new_identity(transactional_id)

    async def confirm() -> None:
        done.append(f"confirmed, {len(broker.logs[CHANGELOG])} written")

    await Sink(MemoryProducer(broker), new_identity).claim(CHANGELOG, confirm)
    assert done == ["epoch", "confirmed, 0 written"]
    assert len(broker.logs[CHANGELOG]) == 1


async def test_a_claim_that_is_cancelled_writes_nothing_even_if_the_cancellation_was_swallowed() -> None:
    broker, begun = MemoryBroker(4), asyncio.Event()

    async def confirm() -> None:
        begun.set()
        with suppress(asyncio.CancelledError):  # as `asyncio.wait_for` may do
            await asyncio.Event().wait()

    claiming = asyncio.ensure_future(a_sink(broker).claim(CHANGELOG, confirm))
    await begun.wait()
    claiming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claiming
    assert broker.logs[CHANGELOG] == []


async def test_former_owners_are_refused_also_when_kafka_changes_the_producer_id() -> None:
    broker = MemoryBroker(4)
    broker.epochs = 5  # the last three are worn
    owners = [a_sink(broker) for _ in range(7)]
    for number, owner in enumerate(owners):
        await owner.claim(CHANGELOG, is_owner)
        await write(owner, b"%d" % number)
        for former in owners[:number]:
            with pytest.raises(FencedError):
                await write(former, b"late")
    assert [record.key for record in broker.logs[CHANGELOG] if record.key != OWNER_KEY] == [b"%d" % n for n in range(7)]


async def test_a_producer_id_that_is_worn_as_soon_as_it_is_given_is_retired_too() -> None:
    broker = MemoryBroker(4)
    broker.epochs = 4  # the last three are worn
    owner, other = a_sink(broker), a_sink(broker)
    asked = broker.new_identity

    async def overtaken(transactional_id: str) -> Any:
        """Between two requests of this owner, another worker gets the first epoch of the next producer id."""
        identity = await asked(transactional_id)
        if identity.producer_id == 1 and not identity.is_worn:
            other._identities[CHANGELOG] = identity  # noqa: SLF001  it has not claimed the partition yet
            identity = await asked(transactional_id)
        return identity

    await owner.claim(CHANGELOG, is_owner)
    owner._new_identity = overtaken  # noqa: SLF001
    await owner.claim(CHANGELOG, is_owner)
    with pytest.raises(FencedError):
        await write(other, b"late")


async def test_an_owner_that_loses_the_partition_while_it_retires_a_producer_id_fences_nobody() -> None:
    broker = MemoryBroker(4)
    broker.epochs = 4
    owner, paused = a_sink(broker), a_sink(broker)
    await owner.claim(CHANGELOG, is_owner)
    with pytest.raises(CommitFailedError):
        await paused.claim(CHANGELOG, is_no_owner)
    assert await write(owner, b"a") == (1, 2)


def test_an_identity_is_worn_before_kafka_changes_its_producer_id() -> None:
    assert not ProducerIdentity(11, 32_699).is_worn
    assert ProducerIdentity(11, 32_700).is_worn
    assert sent(ProducerIdentity(11, 32_700).retired(), CHANGELOG, 1) == (11, 32_767, 0)


class FakeProducer:
    """A transactional producer that starts after some failures."""

    def __init__(self, failures: list[KafkaError]) -> None:
        self._failures = failures
        self._txn_manager = ProducerIdentity(11, 2)
        self._txn_manager.producer_epoch = 5  # type: ignore[attr-defined]  # as aiokafka names it
        self.stops = 0

    async def start(self) -> None:
        if self._failures:
            raise self._failures.pop(0)

    async def stop(self) -> None:
        self.stops += 1


@pytest.fixture
def make_producer(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[KafkaError]], FakeProducer]:
    def make(failures: list[KafkaError]) -> FakeProducer:
        producer: Any = FakeProducer(failures)
        monkeypatch.setattr(fencing, "transactional_producer", lambda *_: producer)
        monkeypatch.setattr(fencing, "_RETRY", 0)
        return producer  # type: ignore[no-any-return]

    return make


async def test_a_coordinator_that_is_not_there_yet_is_tried_again(
    make_producer: Callable[[list[KafkaError]], FakeProducer],
) -> None:
    producer = make_producer([KafkaError("NotCoordinator"), KafkaError("none")])
    assert await new_identity(CLIENTS, "loop-changelog-3") == ProducerIdentity(11, 5)
    assert producer.stops == 3


async def test_who_may_not_write_with_the_id_learns_what_to_grant(
    make_producer: Callable[[list[KafkaError]], FakeProducer],
) -> None:
    producer = make_producer([TransactionalIdAuthorizationFailed("loop-changelog-3")])
    with pytest.raises(PermissionError, match="loop-changelog-3: grant what deploy"):
        await new_identity(CLIENTS, "loop-changelog-3")
    assert producer.stops == 1
