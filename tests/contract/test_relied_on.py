"""The undocumented that the engine relies on, checked against what is installed."""

from __future__ import annotations

import inspect
import time
import tomllib
import uuid
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiokafka.consumer.fetcher
import aiokafka.consumer.group_coordinator
import faust.app.base
import faust.channels
import faust.streams
import faust.tables.recovery
import mode.worker
import pytest
from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder
from faust.tables import TableManager
from faust.transport.consumer import Consumer
from faust.transport.producer import Producer
from rocksdict import Options, Rdict

from streams.engine import Job, MemoryStore
from streams.engine.faust_driver import FaustDriver, _ChunkConsumer, _ChunkTransport
from streams.engine.kafka_clients import ClientSettings
from streams.engine.relied_on import RELIED_ON, VERSIONS
from tests.kafka_records import Record, produce

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kafka import Broker

CHECKS: dict[str, Callable[..., Any]] = {}


def relies_on(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Name the line of the list that a test stands behind."""

    def named(test: Callable[..., Any]) -> Callable[..., Any]:
        CHECKS[what] = test
        return test

    return named


def source(of: object) -> str:
    return inspect.getsource(of)  # type: ignore[arg-type]  # what the libraries give is untyped


def in_order(text: str, *parts: str) -> bool:
    places = [text.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


async def no_agent(chunks: object) -> None:
    del chunks


@pytest.fixture
def driver(tmp_path: Path) -> FaustDriver[None]:
    job = Job(
        name="contract",
        inputs=("a",),
        changelog="contract-changelog",
        partitions=1,
        store=MemoryStore,
        decode=lambda _: (0, None),
        agent=no_agent,
    )
    clients = ClientSettings(connection={"bootstrap_servers": "127.0.0.1:1"}, group="contract")
    return FaustDriver(job, clients, data_dir=tmp_path)


def test_every_line_of_the_list_has_a_check() -> None:
    assert CHECKS.keys() == RELIED_ON.keys()


@pytest.mark.parametrize("package", VERSIONS)
def test_what_is_installed_and_pinned_is_what_was_read(package: str) -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert version(package) == VERSIONS[package]
    assert f"{package}=={VERSIONS[package]}" in tomllib.loads(text)["project"]["dependencies"]


@relies_on("faust: app.transport can be set")
def test_the_app_uses_the_engines_transport(driver: FaustDriver[None]) -> None:
    assert isinstance(driver.app.transport, _ChunkTransport)


@relies_on("faust: a transport names its Consumer, Producer and Fetcher")
def test_the_app_makes_consumer_and_fetcher_of_the_transport(driver: FaustDriver[None]) -> None:
    assert _ChunkTransport.Producer is Producer
    assert isinstance(driver.app.consumer, _ChunkConsumer)
    assert isinstance(driver.app._fetcher, _ChunkTransport.Fetcher)  # noqa: SLF001  it is what is checked


@relies_on("faust: the base producer connects to nothing")
async def test_the_base_producer_starts_without_a_broker(driver: FaustDriver[None]) -> None:
    producer = driver.app.transport.create_producer()
    async with producer:
        assert producer.started


@relies_on("faust: the base producer's flush is free")
async def test_flushing_the_base_producer_does_nothing(driver: FaustDriver[None]) -> None:
    await driver.app.transport.create_producer().flush()


@relies_on("faust: no other method of the consumer is abstract")
def test_the_consumer_serves_or_stubs_all_that_is_abstract() -> None:
    assert not getattr(_ChunkConsumer, "__abstractmethods__", ())
    unserved = [name for name in Consumer.__abstractmethods__ if name not in vars(_ChunkConsumer)]
    assert not unserved


@relies_on("faust: a consumer has callback, can_resume_flow and flow_active")
def test_the_flow_is_stopped_and_resumed_by_these_names(driver: FaustDriver[None]) -> None:
    consumer: Any = driver.app.consumer
    consumer.stop_flow()
    assert (consumer.flow_active, consumer.can_resume_flow.is_set()) == (False, False)
    consumer.resume_flow()
    assert (consumer.flow_active, consumer.can_resume_flow.is_set()) == (True, True)
    assert callable(consumer.callback)


@relies_on("faust: the app has on_rebalance_start, consumer_generation_id and assignor")
def test_the_app_has_what_a_driver_must_use(driver: FaustDriver[None]) -> None:
    driver.app.on_rebalance_start()
    assert driver.app.rebalancing
    assert isinstance(driver.app.consumer_generation_id, int)
    assignor: Any = driver.app.assignor
    assert assignor.name == "faust"


@relies_on("faust: a revocation stops the flow and drains before it ends")
def test_a_revocation_drains() -> None:
    text = source(faust.app.base.App._on_partitions_revoked)  # noqa: SLF001  it is what is checked
    assert in_order(text, "consumer.stop_flow", "self.flow_control.suspend", "self.flow_control.clear", "wait_empty")


@relies_on("faust: the app does not drain a revocation when it is stopping")
def test_a_stopping_app_skips_the_drain() -> None:
    text = source(faust.app.base.App._on_partitions_revoked)  # noqa: SLF001  it is what is checked
    assert in_order(text, "should_stop", "return self._on_rebalance_when_stopped()", "wait_empty")


@relies_on("faust: queues are cleared before the flow resumes")
async def test_resuming_flow_control_clears_queues_and_comes_first(driver: FaustDriver[None]) -> None:
    assert "clear_on_resume=True" in source(faust.channels.Channel)
    queue = driver.app.FlowControlQueue(maxsize=4, clear_on_resume=True)
    queue.put_nowait(1)
    driver.app.flow_control.resume()
    assert queue.empty()
    resume = source(faust.tables.recovery.Recovery._resume_streams)  # noqa: SLF001  it is what is checked
    assert in_order(resume, "app.flow_control.resume()", "consumer.resume_flow()")


@relies_on("faust: without tables the flow resumes at once")
def test_a_rebalance_without_tables_resumes_streams() -> None:
    text = source(faust.tables.recovery.Recovery).partition("async def _restart_recovery")[2]
    assert in_order(text, "if not self.tables", "_resume_streams", "continue")


@relies_on("faust: a stream skips a message of another generation")
def test_streams_compare_generations() -> None:
    assert "message.generation_id != self.app.consumer_generation_id" in source(faust.streams)


@relies_on("faust: a topic takes a schema whose decoder may return any event")
async def test_the_decoder_hands_on_the_value_it_is_given(driver: FaustDriver[None]) -> None:
    topic: Any = driver.topic
    value = object()
    message = type("Message", (), {"value": value, "topic": "a"})()
    event = await topic.decode(message)
    assert event.value is value


@relies_on("faust: acks=False keeps Faust from acking")
def test_a_topic_of_the_engine_is_not_acked(driver: FaustDriver[None]) -> None:
    topic: Any = driver.topic
    assert topic.acks is False
    assert topic.clone().acks is False


@relies_on("faust: tables do no more than wait when they start")
def test_the_start_of_tables_is_a_wait_and_what_the_engine_does() -> None:
    lines = [line.strip() for line in source(TableManager.on_start).splitlines()[1:]]
    done = [
        "await self.sleep(1.0)",
        "if not self.should_stop:",
        "await self._update_channels()",
        "await self.recovery.start()",
    ]
    assert [line for line in lines if not line.startswith('"""')] == done


@relies_on("faust: a worker leaves logging alone when told to")
def test_logging_is_set_up_only_if_it_may_be() -> None:
    text = source(mode.worker.Worker.default_on_first_start)
    assert in_order(text, "if self.override_logging:", "self._setup_logging()")


@relies_on("mode: a worker that is told to stop exits 0")
def test_leaving_normally_is_exit_code_0() -> None:
    with pytest.raises(SystemExit) as left, mode.worker.exiting():
        pass
    assert left.value.code == 0


@relies_on("mode: SIGTERM is handled by the event loop")
def test_the_worker_installs_its_handlers_on_the_loop() -> None:
    text = source(mode.worker.Worker._install_signal_handlers_unix)  # noqa: SLF001  it is what is checked
    assert "self.loop.add_signal_handler(signal.SIGTERM" in text


@relies_on("aiokafka: one fetch per broker is in flight")
def test_a_node_with_a_fetch_in_flight_is_not_asked_again() -> None:
    text = source(aiokafka.consumer.fetcher.Fetcher._get_actions_per_node)  # noqa: SLF001  it is what is checked
    assert in_order(text, "elif node_id in self._in_flight:", "continue")


@relies_on("aiokafka: the fetcher looks for PartitionRecords in its own module")
def test_what_is_fetched_becomes_partition_records() -> None:  # that ours gives the same: tests/unit/engine
    text = source(aiokafka.consumer.fetcher.Fetcher._proc_fetch_request)  # noqa: SLF001  it is what is checked
    assert in_order(text, "partition_records = PartitionRecords(", "partition_records=partition_records")
    text = source(aiokafka.consumer.fetcher.FetchResult)
    assert in_order(text, "next(self._partition_records", "for msg in self._partition_records:")


@relies_on("aiokafka: getmany raises what the coordinator met")
def test_getmany_checks_the_coordinator() -> None:
    assert "self._coordinator.check_errors()" in source(aiokafka.AIOKafkaConsumer.getmany)


@relies_on("aiokafka: a rebalance listener's exception is only logged")
def test_a_listener_that_raises_stops_nothing() -> None:
    coordinator = aiokafka.consumer.group_coordinator.GroupCoordinator
    for name in ("_on_join_prepare", "_on_join_complete"):
        assert in_order(source(getattr(coordinator, name)), "listener", "except Exception", "log.exception")


@relies_on("aiokafka: a batch says that it is full with None")
def test_a_full_batch_appends_none() -> None:
    batch = a_batch(size=100)
    assert batch.append(key=b"k", value=b"v", timestamp=None, headers=[]) is not None
    assert batch.append(key=b"k", value=b"v" * 200, timestamp=None, headers=[]) is None


@relies_on("aiokafka: a batch takes its first record, however large")
def test_an_empty_batch_takes_any_record() -> None:
    assert a_batch(size=100).append(key=b"k", value=b"v" * 200, timestamp=None, headers=[]) is not None


@relies_on("aiokafka: headers of a batch are a list")
def test_a_batch_takes_a_list_of_headers_and_no_tuple() -> None:
    assert a_batch().append(key=b"k", value=b"v", timestamp=None, headers=[("h", b"1")]) is not None
    with pytest.raises(TypeError):
        a_batch().append(key=b"k", value=b"v", timestamp=None, headers=())


def a_batch(size: int = 1000) -> BatchBuilder:
    return BatchBuilder(size, 0, is_transactional=False)


@relies_on("aiokafka: the default partitioner is Java's")
def test_keys_go_where_java_sends_them() -> None:
    partitioner, all_of_12 = DefaultPartitioner(), list(range(12))
    for key, murmur2 in JAVA.items():
        assert partitioner(key, all_of_12, all_of_12) == (murmur2 & 0x7FFFFFFF) % 12


# out of Apache Kafka's own UtilsTest
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@relies_on("rocksdict: raw mode keeps bytes and their order")
def test_raw_mode_keeps_bytes(tmp_path: Path) -> None:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    database = Rdict(str(tmp_path / "db"), options)
    database[b"b"], database[b"\0a"] = b"1", b"\xff"
    assert list(database.items()) == [(b"\0a", b"\xff"), (b"b", b"1")]
    database.close()


@relies_on("aiokafka: a commit of a former member fails with CommitFailedError")
def test_a_former_member_is_told_so_when_it_commits() -> None:
    text = source(aiokafka.consumer.group_coordinator.GroupCoordinator.commit_offsets)
    for refusal in ("UnknownMemberIdError", "IllegalGenerationError", "RebalanceInProgressError"):
        assert in_order(text, refusal, "raise Errors.CommitFailedError")


@relies_on("aiokafka: the last poll is told in epoch ms, when a fetch was answered")
async def test_the_time_of_the_last_poll_is_the_wall_clocks(topic: str, real_kafka: Broker) -> None:
    tp, before = TopicPartition(topic, 0), time.time() * 1000
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=real_kafka.bootstrap, auto_offset_reset="earliest")
    async with consumer:
        consumer.assign([tp])
        await consumer.getmany(tp, timeout_ms=5000)
        assert before - 1 <= consumer.last_poll_timestamp(tp) <= time.time() * 1000
        assert consumer.highwater(tp) == await consumer.position(tp) == 2


@relies_on("aiokafka: a batch that was sent gives the offset of its first record")
async def test_a_sent_batch_tells_its_first_offset(topic: str, real_kafka: Broker) -> None:
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=real_kafka.bootstrap) as producer:
        batch = producer.create_batch()
        for value in (b"2", b"3", b"4"):
            batch.append(key=b"k", value=value, timestamp=None)
        sent = await (await producer.send_batch(batch, topic, partition=0))
    assert sent.offset == 2


@pytest.fixture
def topic(real_kafka: Broker) -> str:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    real_kafka.make_topics({name: 1})
    produce(real_kafka.bootstrap, name, [Record(b"k", b"0"), Record(b"k", b"1")])
    return name
