"""SIGTERM while Kafka is away: streams and project exit 0 within the time that an orchestrator leaves them."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.engine.stopping import leave_without_kafka
from tests.builders import T0, a_created
from tests.kafka import RealKafka
from tests.world import Streams, World

pytestmark = pytest.mark.kafka


@pytest.fixture
def world(own_kafka: RealKafka, tmp_path: Path) -> Iterator[World]:
    world = World.on_real(own_kafka.bootstrap, tmp_path, partitions=2)
    yield world
    world.close()


@pytest.fixture
def worker(world: World) -> Streams:
    """The first worker of a new cluster, with state."""
    worker = world.streams("a", LEADLOOP_CLOCK="wall")
    world.send(*(a_created(f"lead-{n}", T0) for n in range(50)))
    worker.wait_ready()
    world.settle(topics=["lead-created"])
    return worker


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_streams_exits_0_on_sigterm_while_kafka_is_away(
    own_kafka: RealKafka, worker: Streams, how: signal.Signals
) -> None:
    assert " ERROR " not in worker.log.read_text(), "the start on a new cluster was healthy"
    own_kafka.signal(how)
    assert worker.term() == 0
    log = worker.log.read_text()
    assert "no broker answers: leaving" in log
    assert "Unclosed" not in log


class Left(BaseException):
    """The process has ended."""


async def test_a_worker_that_is_stopping_leaves_only_if_no_broker_answers_for_a_while() -> None:
    now, answers = iter(range(100)), iter([True, False, False, True, *[False] * 90])
    asked = 0

    def answer() -> bool:
        nonlocal asked
        asked += 1
        return next(answers)

    def leave(code: int) -> None:
        raise Left(code)

    with pytest.raises(Left, match="0"):
        async with asyncio.timeout(60):
            await leave_without_kafka(lambda: True, answer, leave, lambda: float(next(now)))  # type: ignore[arg-type]
    assert asked == 9
