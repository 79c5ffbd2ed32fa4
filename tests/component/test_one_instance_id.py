"""Two streams workers have one LEADLOOP_INSTANCE_ID, on a real Kafka: the newer one goes on, the other one ends."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import T0, a_contact, a_created
from tests.kafka import Broker
from tests.waiting import TIMEOUT, wait_for
from tests.world import Streams, World

NAME = "streams-1"

pytestmark = pytest.mark.kafka


@pytest.fixture
def world(real_kafka: Broker, tmp_path: Path) -> Iterator[World]:
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    yield world
    world.close()


def start(world: World, directory: str) -> Streams:
    return world.streams(directory, LEADLOOP_INSTANCE_ID=NAME, LEADLOOP_CLOCK="wall")


def publish(world: World, since: int) -> None:
    for number in range(since, since + 200):
        lead_id = f"lead-{number}"
        world.send(a_created(lead_id, T0, event_id=f"{number} 0"), a_contact(lead_id, T0 + 1, event_id=f"{number} 1"))


def wait_ended(worker: Streams) -> None:
    worker.is_expected_dead = True
    wait_for(lambda: not worker.is_alive(), TIMEOUT, "the worker whose name was taken ends")
    assert not worker.is_ready()
    assert worker.process.returncode == os.EX_SOFTWARE
    assert f"LEADLOOP_INSTANCE_ID={NAME}" in worker.tail()


def check(world: World, worker: Streams, leads: int) -> None:
    """The worker goes on, and everything is processed."""
    worker.wait_ready()
    world.settle(topics=["lead-created", "lead-contacted"])
    assert worker.is_alive()
    assert len(world.published().stage_of) == leads


def test_of_two_workers_with_one_instance_id_the_older_one_ends_and_names_the_setting(world: World) -> None:
    first = start(world, "a")
    publish(world, 0)
    first.wait_ready()
    second = start(world, "b")
    publish(world, 200)
    wait_ended(first)
    check(world, second, leads=400)


def test_a_suspended_worker_whose_instance_id_was_taken_ends_when_it_wakes_up(world: World) -> None:
    first = start(world, "a")
    publish(world, 0)
    first.wait_ready()
    first.process.send_signal(signal.SIGSTOP)
    second = start(world, "b")
    second.wait_ready()
    publish(world, 200)
    first.process.send_signal(signal.SIGCONT)
    wait_ended(first)
    check(world, second, leads=400)
