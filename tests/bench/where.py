"""Where the microseconds of a fact go: a worker on a real Kafka, its stacks sampled, its CPU shared out among stages.

A sample belongs to the innermost of its frames that a stage names, so what a stage calls in libraries is its own:
RocksDB and Kafka's batches count where they are used. By itself: `python -m tests.bench.where`
"""

import signal
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

from schemas.events import FactRecord
from schemas.topics import INPUTS
from tests.bench.loop import history
from tests.bench.measure import Figures, a_kafka, a_world, watch
from tests.bench.peers import LIMIT, Subject, send, started
from tests.bench.small_job import TOPIC, touches
from tests.waiting import TIMEOUT

LEADS = 60_000
TOUCHES = 600_000
RATE = 200  # samples a second

STAGES: Mapping[str, Sequence[str]] = {
    "fetch and unpack": ("aiokafka/consumer/", "engine/fetched_records.py"),
    "decode": ("agents/inbound.py", "Codec.decode ", "Small.decoded "),
    "merge": ("engine/input_fetcher.py", "engine/merge.py"),
    "state, read": ("RocksStore.get ", "Chunk.get ", "History.decode ", "Leads.load "),
    "state, encode": ("History.encode ", "Leads.save ", "Chunk.put "),
    "dedupe, fold": ("Ledger.add ", "domain/history.py", "domain/lead.py", "touched (small_job.py"),
    "deadlines": (
        "engine/timer_wheel.py",
        "domain/deadlines.py",
        "Ledger.deadline ",
        "Ledger._was_emitted ",
        "Ledger.tick ",
    ),
    "decide": ("domain/decisions.py", "domain/ids.py", "domain/ledger.py"),
    "outputs: records": ("agents/records.py", "milestones "),
    "outputs: bytes": ("Codec.encode ", "agents/loopback_cache.py"),
    "outputs: headers": ("schemas/headers.py",),
    "funnel, counts": ("domain/funnel.py", "agents/metrics.py", "agents/chunk_stats.py"),
    "batches for Kafka": ("BatchBuilder.", "engine/sink.py", "Chunk.send", "agents/outbound.py"),
    "changelog, store": ("Chunk.save_changes ", "engine/store.py"),
    "network": ("aiokafka/",),
    "the loop itself": ("agents/", "small_engine.py"),
    "engine, Faust, asyncio": ("",),
}
"""What is named first wins within one frame; the last takes what nothing else names."""

STARTING = ("importlib",)
IDLE = ("BaseServer.serve_forever ",)  # of the probes: waits in poll, which a sampler takes for work


class NoSampler(Exception):
    """py-spy could not look into the worker."""


def main() -> None:
    """Print, for the whole job and the small one, what a fact costs in each stage."""
    with a_kafka() as (bootstrap, folder):
        _show("the whole job", *_sampled(bootstrap, folder, Subject("Leadloop", "streams"), history(LEADS), INPUTS))
        small = Subject("Leadloop's engine", "tests.bench.small_engine")
        _show("the small job", *_sampled(bootstrap, folder, small, touches(TOUCHES), (TOPIC,)))


def _sampled(
    bootstrap: str, folder: Path, subject: Subject, facts: Sequence[FactRecord], inputs: Collection[str]
) -> tuple[Figures, Counter[str]]:
    with a_world(bootstrap, folder) as world:
        send(world, facts)
        world.heartbeat(facts[-1].occurred_at + 1)
        stacks = folder / f"{world.app_id}.stacks"
        with started(world, subject, {}) as process, _sampler(process.pid, stacks):
            figures = watch(world, process, [*inputs], LIMIT)
        return figures, stages_of(stacks.read_text(encoding="utf-8").splitlines())


@contextmanager
def _sampler(pid: int, stacks: Path) -> Iterator[None]:
    command = ["py-spy", "record", "--pid", str(pid), "--rate", str(RATE), "--format", "raw", "--output", str(stacks)]
    program = str(Path(sys.executable).with_name(command[0]))
    with Popen([program, *command[1:]], stdout=DEVNULL, stderr=PIPE, text=True) as sampler:
        try:
            yield
        finally:
            sampler.send_signal(signal.SIGINT)
            try:
                _, complaint = sampler.communicate(timeout=TIMEOUT)
            except TimeoutExpired:
                sampler.kill()
                raise
        if not stacks.is_file():
            raise NoSampler(f"py-spy needs the right to trace its own children (ptrace): {complaint[-300:]}")


def stages_of(lines: Collection[str]) -> Counter[str]:
    """Samples by stage. A line is a stack from the outermost frame to the innermost, `;` between, and how often."""
    found: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        if not any(mark in stack for mark in (*STARTING, *IDLE)):
            found[_stage(stack.split(";"))] += int(count)
    return found


def _stage(frames: Sequence[str]) -> str:
    *named, rest = STAGES
    for frame in reversed(frames):
        for stage in named:
            if any(mark in frame for mark in STAGES[stage]):
                return stage
    return rest


def _show(job: str, figures: Figures, found: Counter[str]) -> None:
    total = found.total()
    print(f"{job}: {figures.cpu_us:.1f} µs of CPU a fact, {figures.facts:,} facts, {total:,} samples")
    for stage in STAGES:
        if found[stage]:
            share = found[stage] / total
            print(f"  {stage:24}{share:6.1%}{share * figures.cpu_us:8.1f} µs", flush=True)


if __name__ == "__main__":
    main()
