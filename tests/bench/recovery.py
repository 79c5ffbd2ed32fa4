"""How fast a worker has its state back: from the changelog, and from a local store that is intact.

By itself: `python -m tests.bench.recovery`
"""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice

from schemas.topics import changelog_of, partition_of
from streams.agents.inbound import Inbound
from streams.agents.loop import NOW as STREAM_TIME
from streams.domain.policy import Policy
from streams.engine import Item
from tests.bench import loop
from tests.bench.measure import PARTITIONS, a_kafka, a_world, cpu_seconds
from tests.kafka import Record, produce
from tests.world import World

LEADS = 200_000
DISTINCT = 2_000  # states, repeated under other keys
READY_SECONDS = 90.0
RECOVERED = re.compile(r"partition \d+: recovered (\d+) records in ([\d.]+) s")


@dataclass(frozen=True)
class Start:
    """One start of a worker: until /readyz said yes, and what its log says of the changelog."""

    seconds: float
    cpu: float
    records: int
    replayed_in: float


def main() -> None:
    """Print records a second, and what a start costs with and without a changelog to read."""
    with a_kafka() as (bootstrap, folder), a_world(bootstrap, folder) as world:
        empty = _start(world, "empty", "memory")
        size = _fill(world)
        print(
            f"recovery: a changelog of {LEADS:,} leads, {size:.0f} bytes each, {PARTITIONS} partitions; one worker.\n"
            "  Records a second: all, by the time of the slowest partition in the worker's own log.\n"
            "  Ready: from the process's start to /readyz, indexes included. CPU: less that of an empty start.\n"
            f"  {'':16}{'records read':>14}{'records a second':>18}{'CPU µs a lead':>15}{'ready in s':>12}"
        )
        _show("no state", empty, empty)
        _show("memory", _start(world, "memory", "memory"), empty)
        wiped = _start(world, "rocks", "rocks")
        _show("rocks, wiped", wiped, empty)
        _show("rocks, intact", _start(world, "rocks", "rocks"), empty)


def _show(name: str, start: Start, empty: Start) -> None:
    pace = f"{start.records / start.replayed_in:,.0f}" if start.records > PARTITIONS else "-"
    cpu = (start.cpu - empty.cpu) / LEADS * 1e6
    print(f"  {name:16}{start.records:14,}{pace:>18}{cpu:15.1f}{start.seconds:12.1f}", flush=True)


def _start(world: World, name: str, store: str) -> Start:
    """Start a worker of this name and stop it when it is ready; what it keeps on disk stays."""
    begun = time.monotonic()
    worker = world.streams(name, LEADLOOP_STORE=store, LEADLOOP_SESSION_SECONDS="30")
    worker.wait_ready(READY_SECONDS)
    seconds, cpu = time.monotonic() - begun, cpu_seconds(worker.process.pid)
    found = RECOVERED.findall(worker.log.read_text(encoding="utf-8"))[-PARTITIONS:]
    assert worker.term() == 0, worker.tail()
    return Start(seconds, cpu, sum(int(count) for count, _ in found), max(float(took) for _, took in found))


def _fill(world: World) -> float:
    """Write the changelog as workers would have; returns the mean size of a lead's state in bytes."""
    states = _states()
    topic = world.prefix + changelog_of(world.app_id).name
    produce(world.bootstrap, topic, _records(states))
    return sum(map(len, states)) / len(states)


def _records(states: list[bytes]) -> Iterator[Record]:
    for n, state in enumerate(islice(cycle(states), LEADS)):
        key = b"lead-%08d" % n
        yield Record(key, state, partition_of(key, PARTITIONS))
    for number in range(PARTITIONS):
        yield Record(STREAM_TIME, b"%d" % loop.NOW, number)


def _states() -> list[bytes]:
    """What the loop leaves of generated histories."""
    inbound, sheet = Inbound(loop.CODEC, "", lambda: loop.NOW), loop.Sheet({})
    sheet.records = [Item(*inbound(record), record) for record in loop.fetched(loop.history(DISTINCT))]
    asyncio.run(loop.loop(Policy().for_history()).run(sheet))  # type: ignore[arg-type]  # as in tests.bench.loop
    return [state for key, state in sheet.state.items() if key != STREAM_TIME]


if __name__ == "__main__":
    main()
