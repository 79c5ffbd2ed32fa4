"""SIGTERM while Kafka is away: project exits 0 within the time that an orchestrator leaves it."""

import signal
from pathlib import Path

import pytest

from tests.component.projection.harness import Process
from tests.kafka import RealKafka
from tests.waiting import DELIVER_GRACE
from tests.world import World

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
