"""What a worker finds when it starts: a compacted changelog, an old store, a lost one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.component.engine.harness import Job
from tests.kafka_records import Record, produce, read_all
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kafka import Broker

COMPACTING = {
    "segment.bytes": "1048576",
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.0001",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "100",
    "min.compaction.lag.ms": "0",
}


@pytest.fixture
def job(real_kafka: Broker, tmp_path: Path) -> Iterator[Job]:
    job = Job(real_kafka, tmp_path, 1, changelog=COMPACTING)
    yield job
    job.end()


def write(job: Job, count: int, deleted: int = 0) -> None:
    """Values of 1,000 keys, over and over; then some of them are deleted."""
    padding = "y" * 100
    values = [Record(b"lead-%d" % (n % 1000), json.dumps([f"e{n}", padding]).encode()) for n in range(count)]
    gone = [Record(b"lead-%d" % n, None) for n in range(deleted)]
    produce(job.broker.bootstrap, f"{job.name}-changelog", [*values, *gone])


def keys_found(job: Job, name: str, **settings: object) -> int:
    """The number of keys with which a worker comes out of recovery."""
    before = len(job.recovered(name))
    worker = job.worker(name, tick=600, **settings)
    seen = wait_for(lambda: job.recovered(name)[before:], 30)
    assert worker.stop() == 0
    return int(seen[0]["keys"])


def test_a_compacted_changelog_gives_every_store_the_same_state(job: Job) -> None:
    write(job, 5_000)
    assert keys_found(job, "old", rocks=True) == 1000
    write(job, 20_000, deleted=400)

    def is_compacted() -> bool:
        write(job, 0, deleted=1)
        return len(read_all(job.broker.bootstrap, f"{job.name}-changelog")) < 4_000

    wait_for(is_compacted, 60, every=1)
    assert keys_found(job, "memory") == 600
    assert keys_found(job, "wiped", rocks=True) == 600
    assert keys_found(job, "wiped", rocks=True) == 600
    assert keys_found(job, "old", rocks=True, max_age=1) == 600


@pytest.mark.soak
@pytest.mark.parametrize("rocks", [False, True], ids=["memory", "rocks"])
def test_a_million_records_are_recovered_in_seconds(real_kafka: Broker, tmp_path: Path, rocks: bool) -> None:
    job = Job(real_kafka, tmp_path, 4)
    values = (Record(b"lead-%d" % (n % 250_000), b'["e%d", "%s"]' % (n, b"x" * 60)) for n in range(1_000_000))
    produce(job.broker.bootstrap, f"{job.name}-changelog", values)
    worker = job.worker("w", rocks=rocks, tick=600)
    wait_for(lambda: len(job.recovered("w")) == 4, 30)
    assert worker.stop() == 0
