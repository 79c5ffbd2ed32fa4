"""The broker of the demo, as a process."""

import os
import signal
import subprocess
import sys

import pytest

from tests.kafka_records import Record, produce, read_all
from tests.waiting import TIMEOUT, wait_for
from workers.demo.broker import EmbeddedBroker, NoEmbeddedBroker

ORPHAN = """
import os, signal
from workers.demo.broker import EmbeddedBroker
print(EmbeddedBroker({"a": 1}).start().pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123  # a process, no file
        return stat.read().split()[2] != "Z"


def test_the_embedded_broker_stores_records_of_its_topics() -> None:
    with EmbeddedBroker({"here": 2, "there": 1}) as broker:
        produce(broker.bootstrap, "here", [Record(b"key", b"value")])
        assert [record.value for record in read_all(broker.bootstrap, "here")] == [b"value"]
    assert broker.pid is None


def test_the_embedded_broker_reports_why_it_cannot_start() -> None:
    with pytest.raises(NoEmbeddedBroker, match="TOPIC:PARTITIONS"):
        EmbeddedBroker({"here": 0}).start()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
def test_the_embedded_broker_ends_with_its_parent_process() -> None:
    ended = subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    pid = int(ended.stdout)
    wait_for(lambda: not _is_alive(pid), within=10)


def test_a_standalone_embedded_broker_runs_until_sigterm() -> None:
    command = [sys.executable, "-m", "workers.demo.broker", "here:1"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 0
