"""Undocumented behaviour of Faust and mode that the engine relies on, checked with the installed versions."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import faust.app.base
import faust.channels
import faust.streams
import faust.tables.recovery
import mode.worker
import pytest
from faust.tables import TableManager
from faust.transport.consumer import Consumer
from faust.transport.producer import Producer

from streams.engine import Job, MemoryStore
from streams.engine.faust_driver import FaustDriver, _ChunkConsumer, _ChunkTransport
from streams.engine.kafka_clients import ClientSettings
from streams.engine.relied_on import RELIED_ON, VERSIONS
from tests.contract.relied_on import Checks, in_order, source

CHECKS = Checks()


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
    assert CHECKS.tests.keys() == {line for line in RELIED_ON if line.startswith(("faust: ", "mode: "))}


@pytest.mark.parametrize("package", VERSIONS)
def test_the_installed_and_pinned_versions_are_those_that_were_read(package: str) -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert version(package) == VERSIONS[package]
    assert f"{package}=={VERSIONS[package]}" in tomllib.loads(text)["project"]["dependencies"]


@CHECKS.of("faust: app.transport can be set")
def test_the_app_uses_the_engines_transport(driver: FaustDriver[None]) -> None:
    assert isinstance(driver.app.transport, _ChunkTransport)


@CHECKS.of("faust: a transport names its Consumer, Producer and Fetcher")
def test_the_app_creates_the_consumer_and_the_fetcher_of_the_transport(driver: FaustDriver[None]) -> None:
    assert _ChunkTransport.Producer is Producer
    assert isinstance(driver.app.consumer, _ChunkConsumer)
    assert isinstance(driver.app._fetcher, _ChunkTransport.Fetcher)  # noqa: SLF001  it is what is checked


@CHECKS.of("faust: the base producer connects to nothing")
async def test_the_base_producer_starts_without_a_broker(driver: FaustDriver[None]) -> None:
    producer = driver.app.transport.create_producer()
    async with producer:
        assert producer.started


@CHECKS.of("faust: the base producer's flush is free")
async def test_flushing_the_base_producer_does_nothing(driver: FaustDriver[None]) -> None:
    await driver.app.transport.create_producer().flush()


@CHECKS.of("faust: no other method of the consumer is abstract")
def test_the_consumer_implements_every_abstract_method() -> None:
    assert not getattr(_ChunkConsumer, "__abstractmethods__", ())
    unserved = [name for name in Consumer.__abstractmethods__ if name not in vars(_ChunkConsumer)]
    assert not unserved


@CHECKS.of("faust: a consumer has callback, can_resume_flow and flow_active")
def test_stop_flow_and_resume_flow_set_these_attributes(driver: FaustDriver[None]) -> None:
    consumer: Any = driver.app.consumer
    consumer.stop_flow()
    assert (consumer.flow_active, consumer.can_resume_flow.is_set()) == (False, False)
    consumer.resume_flow()
    assert (consumer.flow_active, consumer.can_resume_flow.is_set()) == (True, True)
    assert callable(consumer.callback)


@CHECKS.of("faust: the app has on_rebalance_start, consumer_generation_id and assignor")
def test_the_app_has_the_attributes_that_a_driver_uses(driver: FaustDriver[None]) -> None:
    driver.app.on_rebalance_start()
    assert driver.app.rebalancing
    assert isinstance(driver.app.consumer_generation_id, int)
    assignor: Any = driver.app.assignor
    assert assignor.name == "faust"


@CHECKS.of("faust: a revocation stops the flow and drains before it ends")
def test_a_revocation_waits_for_unacknowledged_messages() -> None:
    text = source(faust.app.base.App._on_partitions_revoked)  # noqa: SLF001  it is what is checked
    assert in_order(text, "consumer.stop_flow", "self.flow_control.suspend", "self.flow_control.clear", "wait_empty")


@CHECKS.of("faust: the app does not drain a revocation when it is stopping")
def test_a_stopping_app_does_not_wait_for_unacknowledged_messages() -> None:
    text = source(faust.app.base.App._on_partitions_revoked)  # noqa: SLF001  it is what is checked
    assert in_order(text, "should_stop", "return self._on_rebalance_when_stopped()", "wait_empty")


@CHECKS.of("faust: queues are cleared before the flow resumes")
async def test_flow_control_is_resumed_first_and_clears_queues(driver: FaustDriver[None]) -> None:
    assert "clear_on_resume=True" in source(faust.channels.Channel)
    queue = driver.app.FlowControlQueue(maxsize=4, clear_on_resume=True)
    queue.put_nowait(1)
    driver.app.flow_control.resume()
    assert queue.empty()
    resume = source(faust.tables.recovery.Recovery._resume_streams)  # noqa: SLF001  it is what is checked
    assert in_order(resume, "app.flow_control.resume()", "consumer.resume_flow()")


@CHECKS.of("faust: without tables the flow resumes at once")
def test_without_tables_a_rebalance_resumes_streams_at_once() -> None:
    text = source(faust.tables.recovery.Recovery).partition("async def _restart_recovery")[2]
    assert in_order(text, "if not self.tables", "_resume_streams", "continue")


@CHECKS.of("faust: a stream skips a message of another generation")
def test_a_stream_compares_the_generation_of_each_message() -> None:
    assert "message.generation_id != self.app.consumer_generation_id" in source(faust.streams)


@CHECKS.of("faust: a topic takes a schema whose decoder may return any event")
async def test_the_decoder_returns_the_value_unchanged(driver: FaustDriver[None]) -> None:
    topic: Any = driver.topic
    value = object()
    message = type("Message", (), {"value": value, "topic": "a"})()
    event = await topic.decode(message)
    assert event.value is value


@CHECKS.of("faust: acks=False keeps Faust from acking")
def test_faust_does_not_acknowledge_the_topic_of_the_engine(driver: FaustDriver[None]) -> None:
    topic: Any = driver.topic
    assert topic.acks is False
    assert topic.clone().acks is False


@CHECKS.of("faust: tables do no more than wait when they start")
def test_the_start_of_tables_only_waits_and_starts_recovery() -> None:
    lines = [line.strip() for line in source(TableManager.on_start).splitlines()[1:]]
    done = [
        "await self.sleep(1.0)",
        "if not self.should_stop:",
        "await self._update_channels()",
        "await self.recovery.start()",
    ]
    assert [line for line in lines if not line.startswith('"""')] == done


@CHECKS.of("faust: a worker leaves logging alone when told to")
def test_mode_sets_up_logging_only_with_override_logging() -> None:
    text = source(mode.worker.Worker.default_on_first_start)
    assert in_order(text, "if self.override_logging:", "self._setup_logging()")


@CHECKS.of("mode: a worker that is told to stop exits 0")
def test_a_worker_that_ends_without_an_error_exits_0() -> None:
    with pytest.raises(SystemExit) as exited, mode.worker.exiting():
        pass
    assert exited.value.code == 0


@CHECKS.of("mode: SIGTERM is handled by the event loop")
def test_the_worker_installs_its_signal_handlers_on_the_event_loop() -> None:
    text = source(mode.worker.Worker._install_signal_handlers_unix)  # noqa: SLF001  it is what is checked
    assert "self.loop.add_signal_handler(signal.SIGTERM" in text


@CHECKS.of("mode: SIGUSR1 calls a method of the worker")
def test_the_worker_looks_its_handler_of_sigusr1_up_on_itself() -> None:
    text = source(mode.worker.Worker._install_signal_handlers_unix)  # noqa: SLF001  it is what is checked
    assert "self.loop.add_signal_handler(signal.SIGUSR1, self._on_sigusr1)" in text
