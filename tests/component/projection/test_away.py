"""Kafka is away: project exits 0 on SIGTERM, and goes on when it is back."""

import signal
from collections.abc import Iterator

import pytest

from tests.component.projection.harness import Process
from tests.kafka import RealKafka
from tests.started import started
from tests.waiting import DELIVER_GRACE, wait_for
from tests.world import World
from workers.projection.errors import Unavailable
from workers.projection.log import Log

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """A Kafka of this file's own; each test leaves it running."""
    broker = started(lambda: RealKafka(tmp_path_factory.mktemp("away")))
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def world(broker: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.on_real(broker.bootstrap, tmp_path_factory.mktemp("world"), partitions=2)


@pytest.fixture
def worker(world: World, redis_url: str) -> Iterator[Process]:
    worker = Process(world.folder / "log", world.env(REDIS_URL=redis_url), "workers", "project")
    worker.wait_ready()
    yield worker
    worker.kill()


def _exits_0_on_sigterm(worker: Process) -> None:
    worker.process.terminate()
    assert worker.process.wait(DELIVER_GRACE) == 0, worker.said()
    assert "Traceback" not in worker.said()


def test_project_exits_0_on_sigterm_while_kafka_hangs(broker: RealKafka, worker: Process) -> None:
    broker.signal(signal.SIGSTOP)
    try:
        _exits_0_on_sigterm(worker)
    finally:
        broker.signal(signal.SIGCONT)


def test_project_exits_0_while_kafka_is_dead_and_finds_the_ends_of_the_log_when_it_is_back(
    broker: RealKafka, world: World, worker: Process
) -> None:
    log = Log({"bootstrap.servers": broker.bootstrap}, f"{world.app_id}-ends", world.prefix, 30)

    def ends() -> int:
        try:
            return len(log.ends())
        except Unavailable:
            return 0

    try:
        known = wait_for(ends, 30, "the ends are known")
        broker.kill()
        _exits_0_on_sigterm(worker)
        broker.start()
        assert wait_for(ends, 10, "the ends are known again") == known
    finally:
        log.close()
