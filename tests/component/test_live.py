"""Live operation: the wall clock breaks promises on idle partitions, and only those that are broken."""

import os
import re
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from schemas.events import LeadStalled
from schemas.topics import partition_of
from tests.builders import a_created, a_reply
from tests.kafka import Broker
from tests.waiting import LOAD_FACTOR, wait_for
from tests.world import CODEC, Streams, World

PROMISED_MS = 5_000
GRACE_MS = 500
POLICY = f"""
version: seconds
promises: {{never_contacted: {PROMISED_MS // 1000} seconds, no_follow_up: off, no_progress: off, max_attempts: off}}
"""

pytestmark = pytest.mark.kafka


@pytest.fixture
def world(real_kafka: Broker, tmp_path: Path) -> Iterator[World]:
    world = World.on_real(real_kafka.bootstrap, tmp_path, partitions=2)
    yield world
    world.close()


@pytest.fixture
def worker(world: World) -> Streams:
    path = world.folder / "policy.yml"
    path.write_text(POLICY, encoding="utf-8")
    worker = world.streams(
        LEADLOOP_CLOCK="wall",
        LEADLOOP_GRACE_SECONDS=str(GRACE_MS / 1000),
        LEADLOOP_POLICY_FILE=str(path),
        LEADLOOP_SESSION_SECONDS="30",
    )
    worker.wait_ready(90)
    return worker


def now() -> int:
    return time.time_ns() // 1_000_000


def neighbours(count: int) -> list[str]:
    """Leads of one partition: their time is the same."""
    return [name for name in (f"lead-{n}" for n in range(100)) if partition_of(name.encode(), 2) == 0][:count]


def stalls(world: World) -> dict[str, tuple[LeadStalled, int]]:
    """By lead: the stall, and when Kafka got it."""
    found = {}
    for message in world.read("lead-stalled"):
        found[message.key().decode()] = (CODEC.decode(message.value(), LeadStalled), message.timestamp()[1])
    return found


def stages(world: World) -> dict[str, str]:
    return {each.lead_id: each.stage for each in world.decoded("lead-snapshots")}


def gauge(worker: Streams, name: str) -> float:
    found = re.search(rf"^leadloop_{name} (\S+)$", worker.metrics(), re.MULTILINE)
    assert found is not None, name
    return float(found[1])


@pytest.mark.usefixtures("worker")
def test_on_an_idle_partition_a_stall_is_published_when_the_wall_clock_passes_the_deadline(world: World) -> None:
    created_at, (lead,) = now(), neighbours(1)
    world.send(a_created(lead, created_at))
    wait_for(lambda: lead in stalls(world), 30, "the stall is published")
    stall, published_at = stalls(world)[lead]
    due = created_at + PROMISED_MS
    assert (stall.occurred_at, stall.idle_since, stall.reason) == (due, created_at, "never_contacted")
    assert published_at >= due + GRACE_MS


@pytest.mark.usefixtures("worker")
def test_a_touch_before_the_deadline_prevents_the_stall(world: World) -> None:
    neglected, touched = neighbours(2)
    created_at = now()
    world.send(a_created(neglected, created_at), a_created(touched, created_at), a_reply(touched, now()))
    wait_for(lambda: neglected in stalls(world), 30, "the stall of the other lead is published")
    assert touched not in stalls(world)
    wait_for(lambda: stages(world) == {neglected: "nurture", touched: "working"}, 30, "both snapshots are published")


def test_a_worker_suspended_past_the_deadline_processes_the_touch_that_was_published_meanwhile(
    world: World, worker: Streams
) -> None:
    created_at, neglected, touched = _suspended_before_the_deadline(world, worker)
    try:
        world.send(a_reply(touched, created_at + PROMISED_MS - 1))
        resumes_at = created_at + PROMISED_MS + GRACE_MS + 3_000
        wait_for(lambda: now() > resumes_at, 30, "the deadline has passed")
        assert {neglected, touched}.isdisjoint(stalls(world))
    finally:
        os.kill(worker.process.pid, signal.SIGCONT)
    wait_for(lambda: neglected in stalls(world), 60, "the stall of the other lead is published")
    assert touched not in stalls(world)
    assert worker.is_alive()


def _knows(world: World, *leads: str) -> bool:
    return set(leads) <= stages(world).keys()


def _suspended_before_the_deadline(world: World, worker: Streams) -> tuple[int, str, str]:
    """Suspend the worker when it knows two new leads, and before their deadline; on a slow machine, try other leads."""
    leads = iter(neighbours(20))
    for neglected, touched in zip(leads, leads, strict=True):
        created_at = now()
        world.send(a_created(neglected, created_at), a_created(touched, created_at))
        wait_for(partial(_knows, world, neglected, touched), 30, "both are known")
        os.kill(worker.process.pid, signal.SIGSTOP)
        if now() < created_at + PROMISED_MS:
            return created_at, neglected, touched
        os.kill(worker.process.pid, signal.SIGCONT)
    raise AssertionError("this machine is too slow for a promise of so few seconds")


def test_consumed_heartbeats_are_measured_as_freshness_and_the_worker_is_ready(worker: Streams) -> None:
    wait_for(lambda: gauge(worker, "freshness_seconds_count") > 0, 30, "a heartbeat is consumed")
    assert gauge(worker, "freshness_seconds_sum") < 10 * LOAD_FACTOR * gauge(worker, "freshness_seconds_count")
    assert gauge(worker, "ready") == 1
    assert worker.is_ready()


def test_a_worker_exits_0_on_sigterm(worker: Streams) -> None:
    assert worker.term() == 0
