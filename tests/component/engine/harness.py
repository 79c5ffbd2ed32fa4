"""Load, oracle and worker processes for the engine's component tests."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.kafka_records import Record, lag, produce, read_all
from tests.waiting import STREAMS_GRACE, TIMEOUT, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.kafka import Broker

ROOT = Path(__file__).parents[3]
LET_GO = 70  # the exit code of a worker that ends before the ack
DEFAULTS: Mapping[str, Any] = {
    "rocks": False,
    "max_age": 43_200,
    "bounded": True,
    "tick": 1.0,
    "max_records": 300,
    "session": 10.0,  # a broker that is short of CPU must answer a commit within it
    "commit": 0.3,
    "slow": 0.0,
    "crash": "",
    "fenced": True,
    "renew_after": 21_600.0,
    "proxy": 0,  # the port of a proxy in front of the broker
}


@dataclass
class Worker:
    """One process of the job; its log and its data lie under the job's directory."""

    process: subprocess.Popen[bytes]
    log: Path

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT)

    def wait_heeds(self, number: signal.Signals) -> None:
        """Until it has a handler for a signal (where /proc says so)."""
        status = Path(f"/proc/{self.process.pid}/status")
        if status.exists():
            wait_for(lambda: _handled(status.read_text()) >> (number - 1) & 1, 60, f"no handler for {number}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        return self.process.wait(TIMEOUT)

    def wait_stopped(self) -> None:
        """Until it has stopped itself, as by SIGSTOP."""
        stopped = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        wait_for(lambda: os.waitid(os.P_PID, self.process.pid, stopped), 60, "it has not stopped")

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.process.wait(STREAMS_GRACE)


def _handled(status: str) -> int:
    (mask,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return int(mask, 16)


@dataclass
class Job:
    """A job of its own name on a broker: topics, load with its oracle, workers, verdict."""

    broker: Broker
    directory: Path
    partitions: int = 4
    settings: dict[str, Any] = field(default_factory=dict)
    changelog: dict[str, str] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"engine-{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self.workers: list[Worker] = []
        self.oracle: dict[bytes, list[str]] = defaultdict(list)
        self.sent, self.random = 0, random.Random(self.name)
        topics = [*self.inputs, f"{self.name}-out", f"{self.name}-changelog"]
        compact = {f"{self.name}-changelog": {"cleanup.policy": "compact", **self.changelog}}
        self.broker = self.broker.make_topics(dict.fromkeys(topics, self.partitions), compact)

    @property
    def inputs(self) -> list[str]:
        return [f"{self.name}-{topic}" for topic in ("a", "b", "heartbeats")]

    # -- load: events in global time order, spread over two topics, some of them twice ------

    def feed(self, count: int, keys: int = 500, word: bool = True) -> None:
        """Produce events; then, with `word`, a heartbeat that says they are all in."""
        batches: dict[str, list[Record]] = {"a": [], "b": []}
        for _ in range(count):
            topic, record = self._event(keys)
            batches[topic].append(record)
            if self.random.random() < 0.02:
                batches[self.random.choice("ab")].append(record)
        for topic, records in batches.items():
            produce(self.broker.bootstrap, f"{self.name}-{topic}", records)
        if word:
            self.heartbeat()

    def _event(self, keys: int) -> tuple[str, Record]:
        self.sent += 1
        key, event_id = f"lead-{self.random.randrange(keys)}".encode(), f"e{self.sent}"
        self.oracle[key].append(event_id)
        value = json.dumps({"at": self.sent, "id": event_id}).encode()
        return self.random.choice("ab"), Record(key, value)

    def raw(self, key: bytes, value: bytes) -> None:
        produce(self.broker.bootstrap, self.inputs[0], [Record(key, value)])

    def heartbeat(self) -> None:
        value = json.dumps({"at": self.sent}).encode()
        produce(self.broker.bootstrap, self.inputs[2], [Record(None, value, n) for n in range(self.partitions)])

    # -- workers ---------------------------------------------------------------------------------

    def worker(self, name: str = "w0", **settings: Any) -> Worker:
        """Start a worker; one with the name of a former one finds its data."""
        data, log = self.directory / self.name / name, self.directory / self.name / f"{name}.log"
        data.mkdir(parents=True, exist_ok=True)
        job = {
            **DEFAULTS,
            "name": self.name,
            "data": str(data),
            "bootstrap": self.broker.bootstrap,
            "partitions": self.partitions,
            **self.settings,
            **settings,
        }
        environment = {**os.environ, "JOB": json.dumps(job), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.component.engine"]
        with log.open("ab") as out:
            process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=ROOT)
        self.workers.append(Worker(process, log))
        return self.workers[-1]

    def end(self) -> None:
        for worker in self.workers:
            if worker.is_alive():
                worker.kill()

    # -- verdict ---------------------------------------------------------------------------------

    def lag(self) -> int:
        """Records that the group has not committed."""
        return lag(self.broker.bootstrap, self.name, self.inputs)

    def wait_done(self, *workers: Worker, within: float = 60) -> None:
        """Until the group has committed all there is.

        Raises:
            AssertionError: none of the workers is alive any more.
        """

        def is_done() -> bool:
            assert not workers or any(worker.is_alive() for worker in workers), workers[0].log.read_text()
            return self.lag() == 0

        wait_for(is_done, within, every=0.2)

    def wait_done_tended(self, workers: dict[str, Worker], within: float = 60) -> None:
        """Until the group has committed all there is; who ends is started again, as an orchestrator would.

        Raises:
            AssertionError: a worker ended otherwise than by its own decision to let a successor go on.
        """

        def is_done() -> bool:
            for name, worker in workers.items():
                if not worker.is_alive():
                    assert worker.ended() == LET_GO, worker.log.read_text()
                    workers[name] = self.worker(name)
            return self.lag() == 0

        wait_for(is_done, within, every=0.2)

    def state(self) -> dict[bytes, list[str]]:
        """The newest value of each key in the changelog, as recovery would see it."""
        values = {
            record.key or b"": record.value for record in read_all(self.broker.bootstrap, f"{self.name}-changelog")
        }
        return {key: json.loads(value) for key, value in values.items() if value and key[:1] != b"\0"}

    def ticks(self) -> int:
        """How many chunks without records there were, over all partitions."""
        log = read_all(self.broker.bootstrap, f"{self.name}-changelog")
        return sum(1 for record in log if record.key == b"\0ticks")

    def complete_until(self) -> int:
        """The oldest of the partitions' newest words, in ms of the wall clock; 0 before the first."""
        log = read_all(self.broker.bootstrap, f"{self.name}-changelog")
        words = {record.partition: int(record.value or 0) for record in log if record.key == b"\0complete"}
        return min(words.values(), default=0) if len(words) == self.partitions else 0

    def outputs(self) -> Counter[bytes]:
        return Counter(record.value or b"" for record in read_all(self.broker.bootstrap, f"{self.name}-out"))

    def recovered(self, worker: str) -> list[dict[str, Any]]:
        """What the recovered hook of a worker has seen, in order."""
        path = self.directory / self.name / "recovered.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [seen for seen in map(json.loads, lines) if seen["worker"] == worker]

    def assert_exact(self, *, in_order: bool = True) -> None:
        """Every event in the state once, in the global order, and published at least once."""
        state, seen = self.state(), self.outputs()
        form = list if in_order else sorted
        wrong = [key for key, ids in self.oracle.items() if form(state.get(key, ())) != form(ids)]
        assert not wrong, (len(wrong), wrong[0], self.oracle[wrong[0]], state.get(wrong[0]))
        assert state.keys() == self.oracle.keys()
        missing = [one for ids in self.oracle.values() for one in ids if not seen[one.encode()]]
        assert not missing, missing[:5]
