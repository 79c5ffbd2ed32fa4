"""Undocumented behaviour of aiokafka and rocksdict that the engine relies on, checked with the installed versions."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import aiokafka.consumer.fetcher
import aiokafka.consumer.group_coordinator
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator, MessageBatch
from aiokafka.producer.sender import Sender
from rocksdict import Options, Rdict

from streams.engine.fencing import ProducerIdentity, new_identity
from streams.engine.kafka_clients import ClientSettings
from streams.engine.kafka_clients import producer as shared_producer
from streams.engine.relied_on import RELIED_ON
from tests.contract.relied_on import Checks, in_order, source
from tests.kafka_records import Record, produce

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kafka import Broker

CHECKS = Checks()


def test_every_line_of_the_list_has_a_check() -> None:
    assert CHECKS.tests.keys() == {line for line in RELIED_ON if not line.startswith(("faust: ", "mode: "))}


@CHECKS.of("aiokafka: one fetch per broker is in flight")
def test_a_broker_with_a_fetch_in_flight_gets_no_other() -> None:
    text = source(aiokafka.consumer.fetcher.Fetcher._get_actions_per_node)  # noqa: SLF001  it is what is checked
    assert in_order(text, "elif node_id in self._in_flight:", "continue")


@CHECKS.of("aiokafka: the fetcher looks for PartitionRecords in its own module")
def test_a_fetch_response_becomes_partition_records() -> None:  # that ours gives the same: tests/unit/engine
    text = source(aiokafka.consumer.fetcher.Fetcher._proc_fetch_request)  # noqa: SLF001  it is what is checked
    assert in_order(text, "partition_records = PartitionRecords(", "partition_records=partition_records")
    text = source(aiokafka.consumer.fetcher.FetchResult)
    assert in_order(text, "next(self._partition_records", "for msg in self._partition_records:")


@CHECKS.of("aiokafka: getmany raises what the coordinator met")
def test_getmany_raises_errors_of_the_coordinator() -> None:
    assert "self._coordinator.check_errors()" in source(aiokafka.AIOKafkaConsumer.getmany)


@CHECKS.of("aiokafka: a rebalance listener's exception is only logged")
def test_an_exception_of_a_rebalance_listener_is_only_logged() -> None:
    coordinator = aiokafka.consumer.group_coordinator.GroupCoordinator
    for name in ("_on_join_prepare", "_on_join_complete"):
        assert in_order(source(getattr(coordinator, name)), "listener", "except Exception", "log.exception")


@CHECKS.of("aiokafka: a group coordinator has the id of its member")
def test_a_group_coordinator_has_the_id_of_its_member() -> None:
    coordinator = aiokafka.consumer.group_coordinator.GroupCoordinator
    assert "self.member_id = JoinGroupRequest.UNKNOWN_MEMBER_ID" in source(coordinator.__init__)
    assert "self._coordinator.member_id = response.member_id" in source(
        aiokafka.consumer.group_coordinator.CoordinatorGroupRebalance.perform_group_join
    )
    assert "self._coordinator = GroupCoordinator" in source(aiokafka.AIOKafkaConsumer.start)


@CHECKS.of("aiokafka: a batch says that it is full with None")
def test_append_returns_none_when_the_batch_is_full() -> None:
    batch = a_batch(size=100)
    assert batch.append(key=b"k", value=b"v", timestamp=None, headers=[]) is not None
    assert batch.append(key=b"k", value=b"v" * 200, timestamp=None, headers=[]) is None


@CHECKS.of("aiokafka: a batch takes its first record, however large")
def test_an_empty_batch_accepts_a_record_of_any_size() -> None:
    assert a_batch(size=100).append(key=b"k", value=b"v" * 200, timestamp=None, headers=[]) is not None


@CHECKS.of("aiokafka: headers of a batch are a list")
def test_the_headers_of_a_batch_must_be_a_list() -> None:
    assert a_batch().append(key=b"k", value=b"v", timestamp=None, headers=[("h", b"1")]) is not None
    with pytest.raises(TypeError):
        a_batch().append(key=b"k", value=b"v", timestamp=None, headers=())


def a_batch(size: int = 1000) -> BatchBuilder:
    return BatchBuilder(size, 0, is_transactional=False)


@CHECKS.of("aiokafka: the default partitioner is Java's")
def test_the_partition_of_a_key_is_that_of_the_java_client() -> None:
    partitioner, all_of_12 = DefaultPartitioner(), list(range(12))
    for key, murmur2 in JAVA.items():
        assert partitioner(key, all_of_12, all_of_12) == (murmur2 & 0x7FFFFFFF) % 12


# from Apache Kafka's UtilsTest
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@CHECKS.of("rocksdict: raw mode keeps bytes and their order")
def test_raw_mode_keeps_bytes_and_their_order(tmp_path: Path) -> None:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    database = Rdict(str(tmp_path / "db"), options)
    database[b"b"], database[b"\0a"] = b"1", b"\xff"
    assert list(database.items()) == [(b"\0a", b"\xff"), (b"b", b"1")]
    database.close()


@CHECKS.of("aiokafka: a commit of a former member fails with CommitFailedError")
def test_a_commit_of_a_former_member_fails_with_commit_failed_error() -> None:
    text = source(aiokafka.consumer.group_coordinator.GroupCoordinator.commit_offsets)
    for refusal in ("UnknownMemberIdError", "IllegalGenerationError", "RebalanceInProgressError"):
        assert in_order(text, refusal, "raise Errors.CommitFailedError")


@CHECKS.of("aiokafka: the last poll is told in epoch ms, when a fetch was answered")
async def test_the_last_poll_timestamp_is_epoch_ms(topic: str, real_kafka: Broker) -> None:
    tp, before = TopicPartition(topic, 0), time.time() * 1000
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=real_kafka.bootstrap, auto_offset_reset="earliest")
    async with consumer:
        consumer.assign([tp])
        await consumer.getmany(tp, timeout_ms=5000)
        assert before - 1 <= consumer.last_poll_timestamp(tp) <= time.time() * 1000
        assert consumer.highwater(tp) == await consumer.position(tp) == 2


@CHECKS.of("aiokafka: a batch that was sent gives the offset of its first record")
async def test_the_result_of_a_sent_batch_has_its_first_offset(topic: str, real_kafka: Broker) -> None:
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=real_kafka.bootstrap) as producer:
        batch = producer.create_batch()
        for value in (b"2", b"3", b"4"):
            batch.append(key=b"k", value=value, timestamp=None)
        sent = await (await producer.send_batch(batch, topic, partition=0))
    assert sent.offset == 2


@CHECKS.of("aiokafka: a batch gets producer id, epoch and sequence from one call, before its first send")
def test_a_batch_is_stamped_once() -> None:
    text = source(MessageAccumulator._pop_batch)  # noqa: SLF001  it is what is checked
    assert in_order(
        text, "not_retry = batch.retry_count == 0", "not_retry:", "batch.set_producer_state(", "drain_ready()"
    )
    assert "self._builder._set_producer_state(" in source(MessageBatch.set_producer_state)


@CHECKS.of("aiokafka: batches of a partition are sent one at a time, in order")
def test_a_partition_with_a_batch_in_flight_is_muted() -> None:
    sending = source(Sender._sender_routine)  # noqa: SLF001  it is what is checked
    assert in_order(sending, "drain_by_nodes(", "muted_partitions=muted_partitions", "self._muted_partitions.add(tp)")
    assert in_order(source(MessageAccumulator.drain_by_nodes), "if tp in muted_partitions", "continue", "_pop_batch")
    assert "appendleft" in source(MessageAccumulator.reenqueue)


@CHECKS.of("aiokafka: a started transactional producer holds its id and epoch")
async def test_each_new_identity_has_a_higher_epoch(real_kafka: Broker) -> None:
    clients, name = client_settings(real_kafka), f"contract-{uuid.uuid4().hex[:8]}"
    first, second = [await new_identity(clients, name) for _ in range(2)]
    assert first.producer_id == second.producer_id
    assert first.epoch < second.epoch


@CHECKS.of("aiokafka: a batch of an outdated epoch fails with ProducerFenced")
async def test_a_former_identity_is_refused_once_its_successor_has_written(topic: str, real_kafka: Broker) -> None:
    clients, tp = client_settings(real_kafka), TopicPartition(topic, 0)
    async with shared_producer(clients) as producer:
        former, owner = [await new_identity(clients, topic) for _ in range(2)]

        async def send(identity: ProducerIdentity, count: int = 1) -> int:
            batch = identity.sign(producer.create_batch(), tp)
            for _ in range(count):
                batch.append(key=b"k", value=b"v", timestamp=None)
            sent = await (await producer.send_batch(batch, topic, partition=0))
            return int(sent.offset)

        assert [await send(former, 3), await send(former), await send(owner), await send(owner)] == [2, 5, 6, 7]
        with pytest.raises(ProducerFenced):
            await send(former)
        assert await send(owner) == 8


def client_settings(broker: Broker) -> ClientSettings:
    return ClientSettings(connection={"bootstrap_servers": broker.bootstrap}, group="contract")


@pytest.fixture
def topic(real_kafka: Broker) -> str:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    real_kafka.make_topics({name: 1})
    produce(real_kafka.bootstrap, name, [Record(b"k", b"0"), Record(b"k", b"1")])
    return name
