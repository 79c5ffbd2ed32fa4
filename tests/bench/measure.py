"""What a process has used, what a group has committed, what a topic holds: the ends of every figure with a Kafka."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.bench.job import UPSTREAM
from tests.kafka import NoKafka, found_broker
from tests.world import World

PARTITIONS = 4
START_SECONDS = 60.0
TOLD = ("lead-stalled", "lead-recycled", "lead-decisions", "lead-snapshots")


class Sample(NamedTuple):
    """Seconds of the clock, CPU seconds of the worker, facts of upstreams that its group has committed."""

    at: float
    cpu: float
    facts: int


class Figures(NamedTuple):
    """Of one run, from its first to its last commit."""

    facts: int
    cpu_us: float
    per_second: float
    outputs: float
    stalls: float


class Group:
    """The committed positions of a world's group, over some topics."""

    def __init__(self, world: World, topics: Iterable[str]) -> None:
        self._places = [TopicPartition(world.prefix + topic, n) for topic in topics for n in range(world.partitions)]
        settings = {"group.id": world.app_id, "enable.auto.commit": False, "log_level": 0}
        self._consumer = Consumer({"bootstrap.servers": world.bootstrap, **settings})

    def committed(self) -> int:
        """Records before the committed positions; 0 also while the group has no coordinator."""
        try:
            return sum(max(0, place.offset) for place in self._consumer.committed(self._places, timeout=30))
        except KafkaException:
            return 0

    def ends(self) -> int:
        """Records that the topics hold."""
        return sum(self._consumer.get_watermark_offsets(place, timeout=30)[1] for place in self._places)

    def close(self) -> None:
        self._consumer.close()


@contextmanager
def a_kafka() -> Iterator[tuple[str, Path]]:
    """A real Kafka, found or started, and a folder; both end with the block.

    Raises:
        NoKafka: there is none to be had; the mock would be measured instead.
    """
    with TemporaryDirectory(prefix="leadloop-bench-") as folder, found_broker(Path(folder) / "kafka") as broker:
        if broker.kind == "mock":
            raise NoKafka("no real Kafka: set KAFKA_BOOTSTRAP_SERVERS, or install java and mvn")
        yield broker.bootstrap, Path(folder)


@contextmanager
def a_world(bootstrap: str, folder: Path) -> Iterator[World]:
    """Topics for one run; they and its workers end with the block."""
    world = World.on_real(bootstrap, folder, PARTITIONS)
    try:
        yield world
    finally:
        world.close()
        admin = AdminClient({"bootstrap.servers": bootstrap})
        ours = [name for name in admin.list_topics(timeout=30).topics if world.prefix in name]
        for done in admin.delete_topics(ours).values():
            done.result(30)


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process so far. Out of /proc, so on Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int:
    """What a process has in memory now, its program included. Out of /proc, so on Linux only."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def disk_bytes(folder: Path) -> int:
    """What the files below a folder hold."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def watch(world: World, process: Popen[bytes], inputs: Sequence[str], limit: float) -> Figures:
    """Look on while a worker takes in what its inputs hold, from its first commit to its last.

    Own records that are read back must be taken too, but count for no facts. After `limit` seconds
    the figures are of what was committed by then.
    """
    facts, everything = Group(world, UPSTREAM), Group(world, inputs)

    def sample() -> Sample:
        if process.poll() is not None:
            raise RuntimeError(f"the worker ended with {process.returncode}")
        done = facts.committed()
        return Sample(time.monotonic(), cpu_seconds(process.pid), done)

    try:
        first, total = _first(sample), facts.ends()
        while (last := sample()).at < first.at + limit:
            if last.facts == total and everything.committed() >= everything.ends():
                break
            time.sleep(0.05)
    finally:
        facts.close()
        everything.close()
    return _figures(world, first, last)


def _first(sample: Callable[[], Sample]) -> Sample:
    end = time.monotonic() + START_SECONDS
    while not (first := sample()).facts:
        if first.at > end:
            raise TimeoutError(f"the worker has committed nothing within {START_SECONDS} s")
        time.sleep(0.02)
    return first


def _figures(world: World, first: Sample, last: Sample) -> Figures:
    facts = last.facts - first.facts
    if not facts:
        raise RuntimeError("all was taken with the first commit: more facts are needed to measure")
    cpu_us, per_second = (last.cpu - first.cpu) / facts * 1e6, facts / (last.at - first.at)
    outputs, stalls = (_held(world, topics) / last.facts for topics in (TOLD, TOLD[:1]))
    return Figures(facts, cpu_us, per_second, outputs, stalls)


def _held(world: World, topics: Iterable[str]) -> int:
    group = Group(world, topics)
    try:
        return group.ends()
    finally:
        group.close()
