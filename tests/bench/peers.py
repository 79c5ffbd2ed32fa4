"""Leadloop and its peers on the same job, one worker after the other: what a fact costs in each, and the ratios."""

import os
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from subprocess import STDOUT, Popen

from schemas.events import FactRecord
from schemas.headers import cloudevents_headers
from schemas.topics import INPUTS
from tests.bench.measure import Figures, a_kafka, a_world, watch
from tests.bench.quix import environment
from tests.world import CODEC, TOPIC_OF, World

ROOT = Path(__file__).parents[2]
COLUMNS = ("CPU µs a fact", "facts a second", "outputs a fact", "stalls a fact")
LIMIT = 240.0  # seconds of one run
EVEN = {"LEADLOOP_COMMIT_SECONDS": "0.2", "LEADLOOP_SESSION_SECONDS": "30"}  # for both on Faust


@dataclass(frozen=True)
class Subject:
    """A worker to measure: its module with arguments, its store, and the interpreter that it needs."""

    name: str
    module: str
    store: str = "rocks"
    python: str = sys.executable
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Who does what: `facts` wait in Kafka, each subject reads all of `inputs`, for at most `limit` seconds."""

    subjects: Sequence[Subject]
    facts: Sequence[FactRecord]
    inputs: Sequence[str] = INPUTS
    limit: float = LIMIT


def peers(*arguments: str) -> Iterator[Subject]:
    """Plain Faust, and Quix Streams where it can be had; the arguments name the job."""
    yield Subject("plain Faust", "tests.bench.plain", arguments=arguments)
    try:
        yield Subject("Quix Streams", "tests.bench.quix.peer", python=str(environment.python()), arguments=arguments)
    except environment.NoQuix as fault:
        print(f"  Quix Streams is left out: {fault}")


def compare(comparison: Comparison, rounds: int, ours: Collection[str]) -> None:
    """Run all in turns and print what each round gave, the medians, and how `ours` stand to the others."""
    found: dict[Subject, list[Figures]] = {subject: [] for subject in comparison.subjects}
    with a_kafka() as (bootstrap, folder):
        _show("each round", *COLUMNS, "facts measured")
        for subject in [*found] * rounds:
            seen = measured(bootstrap, folder, subject, comparison)
            found[subject].append(seen)
            _show(subject.name, *_cells(seen), f"{seen.facts:,}")
    _show("median", *COLUMNS)
    for subject, all_seen in found.items():
        _show(subject.name, *_cells(Figures(*map(median, zip(*all_seen, strict=True)))))
    own = [subject for subject in found if subject.name in ours]
    for one, peer in product(own, [other for other in found if other not in own]):
        _print_ratio(one, peer, found)


def _print_ratio(one: Subject, peer: Subject, found: Mapping[Subject, Sequence[Figures]]) -> None:
    pairs = list(zip(found[one], found[peer], strict=True))  # of one round: the pace drifts
    cpu = [theirs.cpu_us / own.cpu_us for own, theirs in pairs]
    pace = median(own.per_second / theirs.per_second for own, theirs in pairs)
    each = ", ".join(f"{ratio:.1f}" for ratio in cpu)
    told = f"1/{median(cpu):.1f} of the CPU a fact ({each}), {pace:.1f} times the facts a second"
    print(f"  {one.name} to {peer.name}: {told}")


def _cells(seen: Figures) -> Iterator[str]:
    yield from (f"{seen.cpu_us:.0f}", f"{seen.per_second:,.0f}", f"{seen.outputs:.2f}", f"{seen.stalls:.2f}")


def _show(name: str, *cells: str) -> None:
    print(f"  {name:20}" + "".join(f"{cell:>16}" for cell in cells), flush=True)


def measured(bootstrap: str, folder: Path, subject: Subject, comparison: Comparison, **settings: str) -> Figures:
    """Let one worker, with these settings of its own, take the facts in."""
    with a_world(bootstrap, folder) as world:
        send(world, comparison.facts)
        world.heartbeat(comparison.facts[-1].occurred_at + 1)
        with started(world, subject, settings) as process:
            return watch(world, process, comparison.inputs, comparison.limit)


def send(world: World, facts: Sequence[FactRecord]) -> None:
    """Quix Streams merges by Kafka's timestamps: they are a millisecond apart, in the order of events."""
    begin = time.time_ns() // 1_000_000 - len(facts)
    for at, fact in enumerate(facts, begin):
        topic = TOPIC_OF[type(fact)]
        headers: list[tuple[str, str | bytes | None]] = [*cloudevents_headers(fact, topic)]
        world.producer.produce(world.prefix + topic, CODEC.encode(fact), fact.lead_id, timestamp=at, headers=headers)
        world.producer.poll(0)
    world.flush()


@contextmanager
def started(world: World, subject: Subject, more: Mapping[str, str]) -> Iterator[Popen[bytes]]:
    """The worker's process for as long as the block lasts; its log stays in the folder of the world."""
    data = world.folder / world.app_id
    data.mkdir()
    settings = {"LEADLOOP_STORE": subject.store, "LEADLOOP_DATA_DIR": str(data), "PYTHONPATH": str(ROOT), **more}
    with (data / "log").open("wb") as log:
        process = Popen(
            [subject.python, "-m", subject.module, *subject.arguments],
            env={**os.environ, **world.env(**EVEN), **settings},
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
