"""What a fact costs from Kafka to Kafka, in a worker as it is run, beside plain Faust on the same facts.

By itself: `python -m tests.bench.end_to_end`
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT, Popen

from schemas.events import FactRecord
from schemas.topics import INPUTS
from tests.bench.loop import history
from tests.bench.measure import PARTITIONS, UPSTREAM, Figures, a_kafka, a_world, watch
from tests.world import World

LEADS = 10_000
LIMIT = 60.0  # seconds of one run
EVEN = {"LEADLOOP_COMMIT_SECONDS": "0.2", "LEADLOOP_SESSION_SECONDS": "30"}  # for both


@dataclass(frozen=True)
class Subject:
    """A worker to measure, and the topics that it takes in."""

    name: str
    module: str
    store: str
    inputs: tuple[str, ...]


MEMORY = Subject("Leadloop, memory", "streams", "memory", INPUTS)
ROCKS = Subject("Leadloop, rocks", "streams", "rocks", INPUTS)
PLAIN = Subject("plain Faust, memory", "tests.bench.plain", "memory", UPSTREAM)


def main() -> None:
    """Print what a fact costs in each, and the ratios."""
    facts = history(LEADS)
    with a_kafka() as (bootstrap, folder):
        print(
            f"end to end: {len(facts):,} facts of {LEADS:,} leads wait in {PARTITIONS} partitions for one worker.\n"
            "  Measured from its first commit to its last, start-up left out; Leadloop also reads its own back.\n"
            "  CPU is of the worker's process, all threads. The machine is shared: only the ratios of one run count.\n"
            f"  {'':20}{'CPU µs a fact':>15}{'facts a second':>16}{'outputs a fact':>16}{'facts measured':>16}"
        )
        # plain Faust between the two: the pace of a shared machine drifts
        memory, plain, rocks = (_measured(bootstrap, folder, subject, facts) for subject in (MEMORY, PLAIN, ROCKS))
    for subject, ours in ((MEMORY, memory), (ROCKS, rocks)):
        cpu, pace = plain.cpu_us / ours.cpu_us, ours.per_second / plain.per_second
        print(f"  {subject.name} to plain Faust: 1/{cpu:.1f} of the CPU a fact, {pace:.1f} times the facts a second")


def _measured(bootstrap: str, folder: Path, subject: Subject, facts: list[FactRecord]) -> Figures:
    with a_world(bootstrap, folder) as world:
        world.send(*facts)
        world.heartbeat(facts[-1].occurred_at + 1)
        with _started(world, subject) as process:
            seen = watch(world, process, subject.inputs, LIMIT)
    print(
        f"  {subject.name:20}{seen.cpu_us:15.0f}{seen.per_second:16,.0f}{seen.outputs:16.2f}{seen.facts:16,}",
        flush=True,
    )
    return seen


@contextmanager
def _started(world: World, subject: Subject) -> Iterator[Popen[bytes]]:
    """The worker's process for as long as the block lasts; its log stays in the folder of the world."""
    data = world.folder / world.app_id
    data.mkdir()
    store = {"LEADLOOP_STORE": subject.store, "LEADLOOP_DATA_DIR": str(data)}
    with (data / "log").open("wb") as log:
        process = Popen(
            [sys.executable, "-m", subject.module],
            env={**os.environ, **world.env(**EVEN), **store},
            stdout=log,
            stderr=STDOUT,
        )
    try:
        yield process
    except (TimeoutError, RuntimeError) as fault:
        fault.add_note((data / "log").read_text(encoding="utf-8", errors="replace")[-2000:])
        raise
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
