"""How long a broken promise waits until it is declared, while very many are open. By the wall clock, as in production.

By itself, with the leads, how many promises run out a second, and grace and tick in seconds:
`python -m tests.bench.detection 1000000 500 0.2 1`
"""

import re
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain, islice, repeat
from math import ceil
from typing import Any, NamedTuple

from confluent_kafka import admin

from schemas.events import LeadStalled
from streams.domain.fact_of_record import fact_of
from streams.domain.lead_history import LeadHistory
from tests.bench import changelog
from tests.bench.measure import PARTITIONS, a_kafka, a_world, cpu_seconds
from tests.builders import DAY, a_created
from tests.waiting import wait_for
from tests.world import CODEC, Streams, World

LEADS = 1_000_000
RATE = 500  # promises that run out in a second: a fifth of a core, so that none queue up
GRACE, TICK = 0.2, 0.25  # seconds; a small grace, and the tick that is the default
ALIKE = 5  # leads that share their state, and so their deadline
START = 75.0  # seconds until the first promise runs out: to fill the changelog and to recover
WARM = 5.0  # seconds after /readyz that are left out
WATCHED = 60.0  # seconds
LATE_MS = 15_000  # that the last of them may take
STALLED = "lead-stalled"
BUCKET = re.compile(r'^leadloop_detection_delay_seconds_bucket\{le="([\d.]+|\+Inf)"\} ([\d.e+]+)$', re.MULTILINE)


class Declared(NamedTuple):
    """One stall: when the promise ran out, and when the broker had the word of it."""

    due: int
    at: int


def main(leads: int = LEADS, rate: int = RATE, grace: float = GRACE, tick: float = TICK) -> None:
    """Print the delay from a deadline to the broker's log, raw and beyond the grace."""
    with a_kafka() as (bootstrap, folder), a_world(bootstrap, folder) as world:
        _stamp_by_broker(world, STALLED)
        first = _now() + int(START * 1000)
        changelog.fill(world, _states(leads, rate, first), _now())
        worker = world.streams(
            LEADLOOP_CLOCK="wall",
            LEADLOOP_GRACE_SECONDS=str(grace),
            LEADLOOP_TICK_SECONDS=str(tick),
            LEADLOOP_COMMIT_SECONDS="1.0",
            LEADLOOP_SESSION_SECONDS="30",
        )
        worker.wait_ready(300)
        begin = max(first, _now() + int(WARM * 1000))
        end = begin + int(WATCHED * 1000)
        _wait_until(begin)
        before, cpu = _histogram(worker), cpu_seconds(worker.process.pid)
        _wait_until(end)
        share, after = (cpu_seconds(worker.process.pid) - cpu) / WATCHED, _histogram(worker)
        _wait_until(end + LATE_MS)
        print(
            f"detection: {leads:,} open leads in {PARTITIONS} partitions, one worker, RocksDB, wall mode.\n"
            f"  {rate} promises a second run out; grace {grace:g} s, tick {tick:g} s; {share:.0%} of a core."
        )
        _show(grace, [one for one in _declared(world) if begin <= one.due < end])
        print(f"  the worker's own histogram: {_within(before, after)}")
        assert worker.term() == 0, worker.tail()


def _show(grace: float, seen: Sequence[Declared]) -> None:
    delays = sorted((one.at - one.due) / 1000 for one in seen)
    print(
        f"  Of {WATCHED:.0f} s, {len(delays):,} declared. Seconds from the deadline to the timestamp that the broker\n"
        "  gave the record (LogAppendTime), all in, and what of it is beyond the grace.\n"
        f"  {'':28}{'p50':>8}{'p90':>8}{'p99':>8}{'most':>8}"
    )
    for name, less in (("raw: declared − due", 0.0), (f"beyond the grace of {grace:g} s", grace)):
        cells = (delays[min(len(delays) - 1, ceil(len(delays) * part))] - less for part in (0.5, 0.9, 0.99, 1.0))
        print(f"  {name:28}" + "".join(f"{cell:8.2f}" for cell in cells), flush=True)


def _states(leads: int, rate: int, first: int) -> Iterator[bytes]:
    """Leads nobody has touched, whose promises run out one after the other from `first` on."""
    steps = (_state(first + n * 1000 // rate) for n in range(0, leads, ALIKE))
    return islice(chain.from_iterable(repeat(one, ALIKE) for one in steps), leads)


def _state(due: int) -> bytes:
    history = LeadHistory()
    history.add(fact_of(a_created("any", due - 2 * DAY)))
    return history.encode()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _wait_until(at: int) -> None:
    wait_for(lambda: _now() >= at, 600, "the time has come")


def _stamp_by_broker(world: World, topic: str) -> None:
    """A producer's timestamp is from before it is delivered."""
    kafka: Any = admin  # its types leave out what configuring takes
    entry = kafka.ConfigEntry(
        "message.timestamp.type", "LogAppendTime", incremental_operation=kafka.AlterConfigOpType.SET
    )
    resource = kafka.ConfigResource(kafka.ResourceType.TOPIC, world.prefix + topic, incremental_configs=[entry])
    client = kafka.AdminClient({"bootstrap.servers": world.bootstrap})
    for done in client.incremental_alter_configs([resource]).values():
        done.result(30)


def _declared(world: World) -> Iterator[Declared]:
    for message in world.read(STALLED):
        yield Declared(CODEC.decode(message.value(), LeadStalled).occurred_at, message.timestamp()[1])


def _histogram(worker: Streams) -> dict[str, float]:
    return {bound: float(count) for bound, count in BUCKET.findall(worker.metrics())}


def _within(before: dict[str, float], after: dict[str, float]) -> str:
    counts = {bound: after[bound] - before[bound] for bound in after}
    return ", ".join(
        f"{counts[bound] / counts['+Inf']:.1%} within {bound} s" for bound in ("1.0", "2.5", "5.0", "10.0")
    )


if __name__ == "__main__":
    usual = [str(one) for one in (LEADS, RATE, GRACE, TICK)]
    given = sys.argv[1:] + usual[len(sys.argv) - 1 :]
    main(int(given[0]), int(given[1]), float(given[2]), float(given[3]))
