"""Kafka is away: project exits 0 on SIGTERM, and goes on when it is back."""

import signal
from pathlib import Path

import pytest

from tests.component.projection.harness import Process
from tests.kafka import RealKafka
from tests.waiting import DELIVER_GRACE, wait_for
from tests.world import World
from workers.projection.errors import Unavailable
from workers.projection.log import Log

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_project_exits_0_on_sigterm_while_kafka_is_away(
    own_kafka: RealKafka, redis_url: str, tmp_path: Path, how: signal.Signals
) -> None:
    world = World.on_real(own_kafka.bootstrap, tmp_path, partitions=2)
    worker = Process(tmp_path / "log", world.env(REDIS_URL=redis_url), "workers", "project")
    worker.wait_ready()
    own_kafka.signal(how)
    worker.process.terminate()
    assert worker.process.wait(DELIVER_GRACE) == 0, worker.said()
    assert "Traceback" not in worker.said()


def test_the_ends_of_the_log_are_found_again_when_kafka_was_killed_and_is_back(
    own_kafka: RealKafka, tmp_path: Path
) -> None:
    world = World.on_real(own_kafka.bootstrap, tmp_path, partitions=2)
    log = Log({"bootstrap.servers": own_kafka.bootstrap}, f"{world.app_id}-ends", world.prefix, 30)

    def ends() -> int:
        try:
            return len(log.ends())
        except Unavailable:
            return 0

    try:
        known = wait_for(ends, 30, "the ends are known")
        own_kafka.kill()
        own_kafka.start()
        assert wait_for(ends, 10, "the ends are known again") == known
    finally:
        log.close()
