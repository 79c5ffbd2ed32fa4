"""What Kafka makes of the epochs of owners: which batches it refuses, after a restart too, and with the last epoch."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import ProducerFenced
from aiokafka.protocol.transaction import InitProducerIdRequest

from streams.engine.fencing import WORN_FROM, ProducerIdentity, new_identity
from streams.engine.kafka_clients import ClientSettings, producer
from streams.engine.sink import Sink
from tests.kafka import Broker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import AIOKafkaProducer

    from tests.kafka import RealKafka


class Changelog:
    """One partition, and what owners send to it."""

    def __init__(self, sender: AIOKafkaProducer, tp: TopicPartition) -> None:
        self._sender = sender
        self._tp = tp

    async def send(self, owner: ProducerIdentity, count: int = 1) -> int:
        """Returns the offset of the first of `count` records."""
        batch = owner.sign(self._sender.create_batch(), self._tp)
        for _ in range(count):
            batch.append(key=b"k", value=b"v", timestamp=None, headers=[])
        sent = await (await self._sender.send_batch(batch, self._tp.topic, partition=self._tp.partition))
        return int(sent.offset)


@asynccontextmanager
async def a_changelog(bootstrap: str, topic: str) -> AsyncIterator[Changelog]:
    async with producer(clients_of(bootstrap)) as sender:
        yield Changelog(sender, TopicPartition(topic, 0))


def clients_of(bootstrap: str) -> ClientSettings:
    return ClientSettings(connection={"bootstrap_servers": bootstrap}, group="epochs", request=5.0)


async def owners(bootstrap: str, topic: str, count: int) -> list[ProducerIdentity]:
    """One after the other, the newest last."""
    return [await new_identity(clients_of(bootstrap), topic) for _ in range(count)]


@pytest.fixture
def topic(real_kafka: Broker) -> str:
    return made(real_kafka)


def made(kafka: Broker) -> str:
    name = f"epochs-{uuid.uuid4().hex[:8]}"
    kafka.make_topics({name: 1}, {name: {"cleanup.policy": "compact"}})
    return name


async def test_a_former_owner_is_refused_even_if_its_sequence_number_would_follow(
    real_kafka: Broker, topic: str
) -> None:
    former, owner = await owners(real_kafka.bootstrap, topic, 2)
    async with a_changelog(real_kafka.bootstrap, topic) as changelog:
        assert [await changelog.send(former), await changelog.send(owner)] == [0, 1]
        with pytest.raises(ProducerFenced):  # the same next sequence number as that of the owner
            await changelog.send(former)
        assert await changelog.send(owner) == 2


async def test_an_epoch_that_was_given_out_and_not_used_fences_nobody(real_kafka: Broker, topic: str) -> None:
    owner, _ = await owners(real_kafka.bootstrap, topic, 2)
    async with a_changelog(real_kafka.bootstrap, topic) as changelog:
        assert [await changelog.send(owner) for _ in range(3)] == [0, 1, 2]


async def test_a_retired_producer_id_is_refused_with_every_epoch(real_kafka: Broker, topic: str) -> None:
    former, owner, later = await owners(real_kafka.bootstrap, topic, 3)
    async with a_changelog(real_kafka.bootstrap, topic) as changelog:
        assert [await changelog.send(former), await changelog.send(owner.retired())] == [0, 1]
        for one in (former, owner, later):
            with pytest.raises(ProducerFenced):
                await changelog.send(one)
        assert await changelog.send(later.retired()) == 1  # recognised as a repetition


async def test_former_owners_are_refused_when_kafka_has_used_up_the_epochs_of_their_producer_id(
    real_kafka: Broker, topic: str
) -> None:
    clients, tp = clients_of(real_kafka.bootstrap), TopicPartition(topic, 0)
    (former,) = await owners(real_kafka.bootstrap, f"{topic}-0", 1)
    await use_up_epochs(real_kafka.bootstrap, f"{topic}-0", WORN_FROM - 1)
    sink = Sink(producer(clients), partial(new_identity, clients))
    await sink.start([topic], 10)
    async with a_changelog(real_kafka.bootstrap, topic) as changelog:
        assert await changelog.send(former) == 0
        assert await sink.claim(tp, owns_it) == (1, 3)
        owner = sink._identities[tp]  # noqa: SLF001  what the claim is about
        assert owner.producer_id != former.producer_id
        with pytest.raises(ProducerFenced):
            await changelog.send(former)
    await sink.stop()


async def owns_it() -> None:
    """Nobody else wants the partition."""


async def use_up_epochs(bootstrap: str, transactional_id: str, last: int) -> None:
    """Ask for epochs on one connection until this one."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        node = await client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
        given = -1
        while given < last:
            answer = await client.send(node, InitProducerIdRequest(transactional_id, 60_000))
            assert answer.error_code == 0
            given = answer.producer_epoch
    finally:
        await client.close()


async def test_a_former_owner_is_refused_by_a_broker_that_was_killed_and_started_again(own_kafka: RealKafka) -> None:
    topic = made(Broker(own_kafka.bootstrap, "real"))
    former, owner = await owners(own_kafka.bootstrap, topic, 2)
    async with a_changelog(own_kafka.bootstrap, topic) as changelog:
        await changelog.send(former)
        await changelog.send(owner)
    own_kafka.kill()
    own_kafka.start()
    async with a_changelog(own_kafka.bootstrap, topic) as changelog:
        with pytest.raises(ProducerFenced):
            await changelog.send(former)
        assert await changelog.send(owner) == 2
        (successor,) = await owners(own_kafka.bootstrap, topic, 1)
        assert (successor.producer_id, successor.epoch) == (owner.producer_id, owner.epoch + 1)
