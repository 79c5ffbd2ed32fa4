"""SIGTERM while Kafka is dead, or hangs: every process ends with 0 in about ten seconds, without a traceback.

Those that have just been started, and wait for the first answer of a broker, as well.
"""

from __future__ import annotations

import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kafka import RealKafka
from tests.running_system import COMMANDS, RunningSystem, created, running_system
from tests.started import started
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.component.projection.harness import Process

pytestmark = pytest.mark.kafka
SOON = 12.0
CLIENT_THREADS = 3
"""A process with so many threads has begun to talk to Kafka: librdkafka runs one for each broker, and one for all."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    kafka = started(lambda: RealKafka(tmp_path_factory.mktemp("own")))
    yield kafka
    kafka.kill()


@pytest.fixture(scope="module")
def system(own: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with running_system(own.bootstrap, tmp_path_factory.mktemp("away")) as system:
        yield system


def end(processes: dict[str, Process]) -> None:
    """Tell all to stop, at once."""
    begun, ended = time.monotonic(), {}
    for one in processes.values():
        one.process.terminate()

    def have_ended() -> bool:
        for name, one in processes.items():
            if name not in ended and one.process.poll() is not None:
                ended[name] = time.monotonic() - begun
        return ended.keys() == processes.keys()

    try:
        wait_for(have_ended, SOON)
    except AssertionError:
        late = processes.keys() - ended.keys()
        raise AssertionError(f"{late} did not end: {[processes[one].said()[-2000:] for one in late]}") from None
    for name, one in processes.items():
        said = one.said()
        assert one.process.returncode == 0, (name, one.process.returncode, said[-3000:])
        assert "Traceback" not in said, (name, said[-3000:])
        assert "Unclosed" not in said, (name, said[-3000:])
    assert max(ended.values()) < 2 * SOON, ended


def has_begun(process: Process) -> bool:
    """Whether it waits for Kafka, and did not end."""
    assert process.process.poll() is None, process.said()[-3000:]
    return len(list(Path(f"/proc/{process.process.pid}/task").iterdir())) > CLIENT_THREADS


def test_every_process_exits_0_on_sigterm_while_kafka_hangs(own: RealKafka, system: RunningSystem) -> None:
    assert " ERROR " not in system.processes["streams-1"].said(), "the start on a new cluster was healthy"
    own.signal(signal.SIGSTOP)
    try:
        running = dict(system.processes)
        late = {f"late {name}": system.start(f"late-{name}", *command) for name, command in COMMANDS.items()}
        data = str(system.folder / "late")
        late["late streams"] = system.start("late-streams", "streams", LEADLOOP_DATA_DIR=data)
        for one in late.values():
            wait_for(partial(has_begun, one), 60, "it waits for Kafka")
        end(running | late)
    finally:
        own.signal(signal.SIGCONT)


def test_every_process_exits_0_on_sigterm_while_kafka_is_dead(own: RealKafka, system: RunningSystem) -> None:
    for process in system.processes.values():
        process.kill()
    system.processes.clear()
    system.start_all()
    system.post(created("lead-1"))
    own.kill()
    try:
        end(dict(system.processes))
    finally:
        own.start()
