"""The policy file of live workers on a real Kafka changes under load."""

import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from schemas.events import LeadDecided
from streams.policy_watch import read_policy
from tests.builders import a_created, a_stall
from tests.kafka import Broker
from tests.waiting import wait_for
from tests.world import CODEC, Streams, World

HOUR = 3_600_000
IDLE = [f"idle-{n}" for n in range(1_200)]  # more than one slice of a partition
PROMISES = "promises: {never_contacted: %s, no_follow_up: off, no_progress: off, max_attempts: off}\n"
BEFORE = 'version: "before"\n' + PROMISES % "10 hours" + "reasons: {bad_timing: {track: one}}\n"
AFTER = 'version: "after"\n' + PROMISES % "2 hours" + "reasons: {bad_timing: {track: two}}\n"

pytestmark = pytest.mark.kafka


@pytest.fixture
def world(real_kafka: Broker, tmp_path: Path) -> Iterator[World]:
    world = World.on_real(real_kafka.bootstrap, tmp_path, partitions=2)
    yield world
    world.close()


@pytest.fixture
def file(world: World) -> Path:
    path = world.folder / "policy.yml"
    path.write_text(BEFORE, encoding="utf-8")
    return path


@pytest.fixture
def worker(world: World, file: Path) -> Streams:
    worker = world.streams(
        LEADLOOP_CLOCK="wall",
        LEADLOOP_GRACE_SECONDS="0.2",
        LEADLOOP_POLICY_FILE=str(file),
        LEADLOOP_POLICY_SECONDS="0.2",
        LEADLOOP_SESSION_SECONDS="30",
    )
    worker.wait_ready(90)
    return worker


def now() -> int:
    return time.time_ns() // 1_000_000


def decisions(world: World) -> dict[int, list[tuple[int, str, LeadDecided]]]:
    """By partition, in the order of offsets: offset, lead and decision."""
    found = defaultdict(list)
    for message in world.read("lead-decisions"):
        decision = CODEC.decode(message.value(), LeadDecided)
        found[message.partition()].append((message.offset(), message.key().decode(), decision))
    return found


def readiness(worker: Streams) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{worker.port()}/readyz", timeout=5) as answer:
        return str(answer.read().decode())


class Load:
    """Sales reports one lead after the other as stalled, until it is stopped."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.002):
            lead, at = f"busy-{self.sent}", now()
            self._world.send(a_created(lead, at - 1), a_stall(lead, at, reason="bad_timing"))
            self.sent += 1


def test_a_changed_policy_is_in_force_from_a_chunk_on_and_deadlines_follow(
    world: World, file: Path, worker: Streams
) -> None:
    created_at = now() - 3 * HOUR
    world.send(*(a_created(lead, created_at) for lead in IDLE))
    with Load(world) as load:
        wait_for(lambda: len(world.decoded("lead-decisions")) > 50, 60, "the load is decided")
        file.write_text(AFTER, encoding="utf-8")
        wait_for(lambda: "after" in worker.metrics(), 60, "the policy is adopted")
        begun = load.sent
        wait_for(lambda: load.sent > begun + 100, 60, "the load goes on")
    wait_for(lambda: {one.lead_id for one in world.decoded("lead-stalled")} >= set(IDLE), 120, "all deadlines moved")
    wait_for(
        lambda: sum(map(len, decisions(world).values())) == len(IDLE) + load.sent, 60, "everything is decided once"
    )
    digests = {"before": "", "after": read_policy(file).digest}
    for number, found in decisions(world).items():
        versions = [decision.policy_version for _, _, decision in found]
        switch = versions.index("after")
        assert set(versions[:switch]) == {"before"}, number
        assert set(versions[switch:]) == {"after"}, number
        assert {one.policy_digest for _, _, one in found if one.policy_version == "after"} == {digests["after"]}
    tracks = {one.lead_id: one.track for one in world.decoded("lead-recycled")}
    version_of = {lead: one.policy_version for found in decisions(world).values() for _, lead, one in found}
    busy = [lead for lead in tracks if lead.startswith("busy")]
    assert {(version_of[lead], tracks[lead]) for lead in busy} == {("before", "one"), ("after", "two")}


def test_an_invalid_policy_changes_nothing_and_is_reported_until_it_is_corrected(
    world: World, file: Path, worker: Streams
) -> None:
    file.write_text(AFTER.replace("2 hours", "soon"), encoding="utf-8")
    wait_for(lambda: "not valid" in readiness(worker), 60, "the fault is reported")
    assert "promises.never_contacted" in readiness(worker) or "line 2" in readiness(worker)
    assert "leadloop_policy_invalid 1.0" in worker.metrics()
    world.send(a_created("ada", now() - 1), a_stall("ada", now(), reason="bad_timing"))
    wait_for(lambda: world.decoded("lead-decisions"), 60, "the worker still decides")
    assert [one.policy_version for one in world.decoded("lead-decisions")] == ["before"]
    file.write_text(AFTER, encoding="utf-8")
    wait_for(lambda: "after" in worker.metrics(), 60, "the corrected policy is adopted")
    assert readiness(worker) == "ready\n"
