"""How fast a worker has its state back, and takes in again: from the changelog, and from a local store that is intact.

By itself, with a number of leads: `python -m tests.bench.recovery 200000`
"""

import asyncio
import re
import sys
import time
from dataclasses import dataclass
from itertools import cycle, islice
from typing import NamedTuple

from schemas.topics import partition_of
from streams.agents.inbound import Inbound
from streams.agents.loop import NOW as STREAM_TIME
from streams.domain.policy import Policy
from streams.engine import Item
from streams.policy_file import parse_policy
from tests.bench import changelog, loop
from tests.bench.job import UPSTREAM
from tests.bench.measure import PARTITIONS, Group, a_kafka, a_world, cpu_seconds, disk_bytes, memory_bytes
from tests.builders import DAY, T0, a_contact
from tests.waiting import wait_for
from tests.world import Streams, World

LEADS = 1_000_000
DISTINCT = 20_000  # states, repeated under other keys
PATIENCE = 300.0  # seconds of one start
NOW = T0 + 80 * DAY  # stream time, later than every fact
PROMISES = (
    "version: bench\n"
    "promises: { never_contacted: 90 days, no_follow_up: 90 days, no_progress: 90 days, max_attempts: off }\n"
)
RECOVERED = re.compile(r"partition (\d+): recovered (\d+) records in ([\d.]+) s")
WAITING = re.compile(r"^leadloop_deadlines\{.*\} ([\d.e+]+)$", re.MULTILINE)


class Replay(NamedTuple):
    """What the worker's log says of one partition."""

    records: int
    seconds: float


@dataclass(frozen=True)
class Start:
    """One start of a worker, until the first fact of every partition was taken and committed."""

    ready: float
    taken: float
    cpu: float
    waiting: int
    records: int
    replayed_in: float
    memory: int
    disk: int


def main(leads: int = LEADS) -> None:
    """Print what a start costs without state, with a local store that was wiped, and with one that is intact."""
    with a_kafka() as (bootstrap, folder), a_world(bootstrap, folder) as world:
        policy = folder / "policy.yml"
        policy.write_text(PROMISES, encoding="utf-8")
        starts = Starts(world, {"LEADLOOP_POLICY_FILE": str(policy)})
        empty = starts.start("empty")
        states = _states(parse_policy(PROMISES, policy.name))
        changelog.fill(world, islice(cycle(states), leads), NOW)
        size = sum(map(len, states)) / len(states)
        print(
            f"recovery: a changelog of {leads:,} leads, {size:.0f} bytes each, {PARTITIONS} partitions;\n"
            "  one worker with RocksDB. Seconds from the process's start: to /readyz, and until a new fact of every\n"
            "  partition was committed. Replay: the slowest partition in the worker's own log. CPU: all of it, and\n"
            "  for each lead, less that of the empty start. Memory and disk (with the log) at the end, in MB.\n"
            f"  {'':16}{'replayed':>12}{'replay s':>10}{'deadlines':>12}{'ready s':>10}{'taken s':>10}"
            f"{'CPU s':>8}{'CPU µs a lead':>15}{'memory':>8}{'disk':>6}"
        )
        _show("no state", empty, empty, leads)
        for name in ("wiped", "intact"):
            _show(name, starts.start("rocks"), empty, leads)


def _show(name: str, start: Start, empty: Start, leads: int) -> None:
    cpu = (start.cpu - empty.cpu) / leads * 1e6
    print(
        f"  {name:16}{start.records:12,}{start.replayed_in:10.1f}{start.waiting:12,}{start.ready:10.1f}"
        f"{start.taken:10.1f}{start.cpu:8.1f}{cpu:15.1f}{start.memory / 1e6:8.0f}{start.disk / 1e6:6.0f}",
        flush=True,
    )


class Starts:
    """Starts of one worker after the other; before each, a new fact waits in every partition."""

    def __init__(self, world: World, env: dict[str, str]) -> None:
        self._world = world
        self._env = {**env, "LEADLOOP_SESSION_SECONDS": "30", "LEADLOOP_COMMIT_SECONDS": "0.1"}
        self._facts = 0

    def start(self, name: str) -> Start:
        """Start a worker of this name and stop it when it has taken the facts; what it keeps on disk stays."""
        self._new_facts()
        begun = time.monotonic()
        worker = self._world.streams(name, LEADLOOP_STORE="rocks", **self._env)
        worker.wait_ready(PATIENCE)
        ready = time.monotonic() - begun
        self._wait_taken()
        taken, cpu = time.monotonic() - begun, cpu_seconds(worker.process.pid)
        memory, disk = memory_bytes(worker.process.pid), disk_bytes(worker.log.parent)
        waiting = int(sum(map(float, WAITING.findall(worker.metrics()))))
        replays = _replays(worker)
        assert worker.term() == 0, worker.tail()
        records, slowest = sum(r.records for r in replays), max(r.seconds for r in replays)
        return Start(ready, taken, cpu, waiting, records, slowest, memory, disk)

    def _new_facts(self) -> None:
        for number in range(PARTITIONS):
            self._facts += 1
            key = next(key for n in range(10_000) if partition_of(key := changelog.key_of(n), PARTITIONS) == number)
            self._world.send(a_contact(key.decode(), NOW - 1_000 + self._facts))
        self._world.heartbeat(NOW)

    def _wait_taken(self) -> None:
        group = Group(self._world, UPSTREAM)
        try:
            wait_for(lambda: group.committed() == self._facts, PATIENCE, "the new facts are committed")
        finally:
            group.close()


def _replays(worker: Streams) -> list[Replay]:
    found = RECOVERED.findall(worker.log.read_text(encoding="utf-8"))[-PARTITIONS:]
    return [Replay(int(count), float(seconds)) for _, count, seconds in found]


def _states(policy: Policy) -> list[bytes]:
    """What the loop leaves of generated histories: seven in ten are open, with a deadline; the others are closed."""
    inbound, sheet = Inbound(loop.CODEC, "", lambda: loop.NOW), loop.Sheet({})
    sheet.records = [Item(*inbound(record), record) for record in loop.fetched(loop.history(DISTINCT))]
    asyncio.run(loop.loop(policy.for_history()).run(sheet))  # type: ignore[arg-type]  # as in tests.bench.loop
    return [state for key, state in sheet.state.items() if key != STREAM_TIME]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
