"""`leadloop audit` on a real Kafka: what streams wrote balances after crashes; what does not balance is named."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.events import FactRecord, LeadUpdated
from schemas.headers import cloudevents_headers
from tests.audited import audit_of
from tests.builders import DAY, T0, a_contact, a_created, a_loss, a_reply, a_stall, a_win
from tests.kafka import Broker
from tests.waiting import TIMEOUT, wait_for
from tests.world import CODEC, TOPIC_OF, Streams, World

LEADS = 600
LAST = T0 + 400 * DAY
POLICY = """
version: audited
promises: {never_contacted: 3 days, no_follow_up: 7 days, grace: 1 day, no_progress: 30 days, max_attempts: 4}
reasons:
  never_contacted: {track: introduce-again, escalate: 5 days}
  price: {track: offer, delay: 5 days}
  bad_timing: {track: right-time, delay: 60 days}
  invalid: never
limits: {max_recycles: 3, max_age: off, cooldown: 60 days, holdout: {percent: 10, salt: a}}
"""

pytestmark = pytest.mark.kafka


@pytest.fixture
def world(real_kafka: Broker, tmp_path: Path) -> Iterator[World]:
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    yield world
    world.close()


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def facts(seed: int = 5) -> list[FactRecord]:
    """Of leads that are touched, neglected, lost, won, created again, and opt out, as they happened."""
    dice = random.Random(seed)
    of_all = [fact for n in range(LEADS) for fact in _history(f"lead-{n}", dice)]
    return sorted(of_all, key=lambda fact: fact.occurred_at)


def _history(lead_id: str, dice: random.Random) -> Iterator[FactRecord]:
    at = T0 + dice.randrange(100 * DAY)
    ends = at + dice.randrange(300 * DAY) if dice.random() < 0.3 else None
    origin = dice.choice(["web", "fair", "partner"])
    yield a_created(lead_id, at, event_id=f"{lead_id} 0", origin=origin, consent_expires_at=ends)
    makers: list[Callable[..., Any]] = [a_contact] * 4 + [a_reply] * 2 + [a_loss, a_stall, a_created, an_opt_out]
    for n in range(1, dice.choice([1, 2, 3, 5, 8])):
        at += dice.randrange(1, 30 * DAY)
        yield dice.choice(makers)(lead_id, at, event_id=f"{lead_id} {n}")
    if dice.random() < 0.2:
        yield a_win(lead_id, at + dice.randrange(1, 50 * DAY), event_id=f"{lead_id} won")
    elif dice.random() < 0.2:  # lost twice within the cooldown, shortly before the end
        yield a_loss(lead_id, LAST - 60 * DAY, event_id=f"{lead_id} lost")
        yield a_reply(lead_id, LAST - 40 * DAY, event_id=f"{lead_id} back")
        yield a_loss(lead_id, LAST - DAY, event_id=f"{lead_id} lost again")


def an_opt_out(lead_id: str, at: int, event_id: str) -> LeadUpdated:
    return LeadUpdated(lead_id=lead_id, event_id=event_id, occurred_at=at, do_not_contact="yes")


class Upstream:
    """Publishes the facts of all leads in slices, and that everything up to each slice is published."""

    def __init__(self, world: World, slices: int) -> None:
        self._world = world
        all_facts = facts()
        size = len(all_facts) // slices
        parts = [all_facts[n : n + size] for n in range(0, len(all_facts), size)]
        ends = [after[0].occurred_at - 1 for _, after in pairwise(parts)] + [all_facts[-1].occurred_at + 1]
        self._left = list(zip(parts, ends, strict=True))

    def publish(self) -> None:
        part, end = self._left.pop(0)
        for fact in part:
            topic = TOPIC_OF[type(fact)]
            headers = cloudevents_headers(fact, topic)
            self._world.send_raw(topic, fact.lead_id, CODEC.encode(fact), headers=headers)
        self._world.heartbeat(end)

    def publish_rest(self) -> None:
        while self._left:
            self.publish()


def start(world: World, name: str, policy: Path) -> Streams:
    return world.streams(name, LEADLOOP_POLICY_FILE=str(policy), LEADLOOP_CHUNK_RECORDS="100")


def test_everything_balances_after_workers_were_killed_under_load(world: World, policy: Path) -> None:
    upstream, first, second = Upstream(world, 5), start(world, "a", policy), start(world, "b", policy)
    upstream.publish()
    first.wait_ready()
    second.wait_ready()
    for victim in (first, second):
        upstream.publish()
        wait_for(lambda: world.lag() > 0, 20, "the workers have something to do")
        victim.kill()
    first = start(world, "a", policy)
    start(world, "c", policy)
    upstream.publish()
    first.wait_ready()
    first.kill()
    upstream.publish_rest()
    world.settle()

    found = audit_of(world, policy)
    found.assert_balanced(LEADS)
    assert {one.waits_for for one in found.open_stalls} == {"date", "gate"}
    assert dict(found.result.stages) == dict(world.published().stages)


def test_an_audit_of_a_system_that_works_finds_nothing_wrong(world: World, policy: Path) -> None:
    upstream, worker = Upstream(world, 8), start(world, "a", policy)
    worker.wait_ready()
    for _ in range(4):
        upstream.publish()
        assert [str(one) for one in audit_of(world, policy).differences] == []
    upstream.publish_rest()
    world.settle()
    audit_of(world, policy).assert_balanced(LEADS)


def test_a_difference_is_named_and_ends_the_command_with_1(world: World, policy: Path) -> None:
    worker = start(world, "a", policy)
    world.send(a_created("ada", T0, event_id="ada 1"), a_reply("ada", T0 + 1, event_id="ada 2"))
    world.send(a_created("bob", T0, event_id="bob 1"))
    world.heartbeat(T0 + 2)
    worker.wait_ready()
    world.settle()
    (snapshot,) = [one for one in world.decoded("lead-snapshots") if one.lead_id == "bob"][-1:]
    world.send_raw("lead-snapshots", "bob", CODEC.encode(replace(snapshot, stage="won")))
    world.flush()

    done = run(world, policy, "--json")
    assert done.returncode == 1, done.stderr
    *differences, result = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["kind"], one["lead_id"], one["found"], one["expected"]) for one in differences] == [
        ("stage", "bob", "won", "new")
    ]
    assert (result["leads"], result["balanced"], result["differing"]) == (2, 1, 1)

    world.send_raw("lead-snapshots", "bob", CODEC.encode(snapshot))
    world.flush()
    done = run(world, policy)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "everything balances"), done.stdout


def test_a_lead_that_was_created_before_the_given_time_is_not_checked(world: World, policy: Path) -> None:
    worker = start(world, "a", policy)
    world.send(a_created("ada", T0, event_id="ada 1"))
    world.heartbeat(T0 + 1)
    worker.wait_ready()
    world.settle()
    now = max(message.timestamp()[1] for message in world.read("lead-created"))
    world.send(a_contact("ada", T0 + 2, event_id="ada 2"))
    world.heartbeat(T0 + 3)
    world.settle()

    found = audit_of(world, policy, since=now + 1)
    assert found.differences == []
    assert dict(found.result.not_checkable) == {"expired": 1}


def run(world: World, policy: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LEADLOOP_", "KAFKA_", "REDIS_"))}
    env = {**clean, **world.env(LEADLOOP_POLICY_FILE=str(policy))}
    command = [sys.executable, "-m", "workers.cli", "audit", *options]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=TIMEOUT, check=False)
