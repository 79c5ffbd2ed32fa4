"""A generated history gives the same decisions with any number of partitions, workers that are killed included.

What is expected is what the domain decides in memory, without Kafka. At the end the audit balances, and no lead is
forgotten.
"""

from __future__ import annotations

import signal
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pytest

from streams.policy_file import parse_policy
from tests.audited import audit_of
from tests.component.engine.crash import EXIT, POINTS
from tests.component.scenarios.generated_leads import END, generated_leads, takes_back
from tests.component.scenarios.in_memory import decided_in_memory
from tests.component.scenarios.waiting_leads import EVERYTHING, forgotten, waits_for
from tests.loads import Load
from tests.waiting import wait_for
from tests.world import Streams, World

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kafka import Broker
    from tests.published import Published

POLICY = """
version: generated
calendars:
  office: {timezone: Europe/Berlin, hours: {mon-fri: "09:00-17:00"}}
promises:
  never_assigned: 2 days
  never_contacted: {within: 4 business hours, from: assigned, warn: 1 business hour before}
  no_follow_up: {within: 7 days, warn: 1 day before}
  grace: 1 day
  no_progress: 30 days
  no_next_step: 10 days
  max_attempts: 4
counts: {touch: [sales, lead, agent], ignore: [bounced]}
rules:
  - when: {segment: enterprise}
    promises: {never_contacted: 1 business hour, no_follow_up: 3 business days}
  - when: {origin: fair, pass: "2+"}
    promises: {never_contacted: 5 days, no_progress: off}
reasons:
  never_assigned: {track: introduce-again}
  never_contacted: {track: introduce-again, escalate: 8 business hours}
  no_follow_up: {track: keep-warm, escalate: 1 day}
  no_next_step: {track: keep-warm}
  no_progress: {track: re-engage, delay: 7 days}
  attempts_exhausted: {track: re-engage, delay: 14 days}
  bad_timing: {track: right-time, delay: 60 days}
  price: {track: offer, delay: 30 days, cooldown: 20 days}
  competitor: {track: switch, disposition: triggered}
  poor_fit: never
  invalid: never
  duplicate: never
limits: {max_recycles: 3, cooldown: 14 days, holdout: {percent: 10, salt: generated}}
"""
pytestmark = pytest.mark.kafka


class Case(NamedTuple):
    """A number of partitions, and how often streams is killed at work."""

    partitions: int
    kills: int

    def __str__(self) -> str:
        return f"{self.partitions}p-{self.kills}k"


@cache
def expected(leads: int) -> Published:
    return decided_in_memory(generated_leads(leads), parse_policy(POLICY, "policy"), END)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yml").write_text(POLICY, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("case", [Case(1, 0), Case(4, 1)], ids=str)
def test_500_generated_leads_give_the_same_decisions(real_kafka: Broker, folder: Path, case: Case) -> None:
    holds(real_kafka, folder, 500, case)


@pytest.mark.soak
@pytest.mark.parametrize("case", [Case(partitions, kills) for kills in (0, 3) for partitions in (1, 4, 12)], ids=str)
def test_5000_generated_leads_give_the_same_decisions(real_kafka: Broker, folder: Path, case: Case) -> None:
    holds(real_kafka, folder, 5_000, case)


@pytest.mark.soak
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_any_step_changes_no_decision(real_kafka: Broker, folder: Path, point: str) -> None:
    holds(real_kafka, folder, 500, Case(4, 1), point)


def exact(count: int, case: Case) -> set[str]:
    """The leads of which every record is known beforehand.

    A RECYCLE that follows from a retraction bears the time of its stall. If the worker is killed between its output and
    its state, it is read back before the retraction, and replaced by another.
    """
    return {lead_id for lead_id, facts in generated_leads(count).items() if not (case.kills and takes_back(facts))}


def holds(broker: Broker, folder: Path, count: int, case: Case, point: str = "") -> None:
    world = World.on_real(broker.bootstrap, folder, case.partitions)
    try:
        run(world, count, case.kills, point)
        published, in_memory, leads = world.published(), expected(count), exact(count, case)
        assert published.conflicts == []
        assert published.values_of(leads) == in_memory.values_of(leads)
        assert published.stage_of.keys() == in_memory.stage_of.keys()
        assert {lead: published.stage_of[lead] for lead in leads} == {lead: in_memory.stage_of[lead] for lead in leads}
        assert world.dead_letters() == []
        audit_of(world, folder / "policy.yml").assert_balanced(count)
        snapshots = {snapshot.lead_id: snapshot for snapshot in world.decoded("lead-snapshots")}
        assert forgotten(snapshots.values(), END) == []
        assert {waits_for(lead, END) for lead in snapshots.values()} == EVERYTHING, "the history has leads of all kinds"
    finally:
        world.close()


def run(world: World, leads: int, kills: int, point: str) -> None:
    """Publish a slice, and let a worker work on it; all but the last one are killed at work, or crash at the point."""
    load = Load(world, generated_leads(leads), kills + 1, END)
    for _ in range(kills):
        load.publish()
        if point:
            crash(world, leads, point)
        else:
            kill_at_work(world, start(world, leads))
    load.publish()
    worker = start(world, leads)
    world.settle(600)
    assert worker.term() == 0


def start(world: World, leads: int, module: str = "streams", **more: str) -> Streams:
    """Chunks are small, so that there are many of them; a static member, for whose end nobody waits."""
    return world.streams(
        module=module,
        **more,
        LEADLOOP_INSTANCE_ID="one",
        LEADLOOP_POLICY_FILE=str(world.folder / "policy.yml"),
        LEADLOOP_CHUNK_RECORDS=str(leads // 50),
        LEADLOOP_COMMIT_SECONDS="0.05",
    )


def kill_at_work(world: World, worker: Streams) -> None:
    left = world.lag()
    wait_for(lambda: world.lag() < left, 60, "the worker is at work")
    worker.kill()
    assert world.lag() > 0, "it was done before it was killed"


def crash(world: World, leads: int, point: str) -> None:
    if "recovery" in point:
        kill_at_work(world, start(world, leads))
    left, worker = world.lag(), start(world, leads, "tests.component.scenarios.crashing_streams", LEADLOOP_CRASH=point)
    worker.is_expected_dead = True
    if "drain" in point:
        wait_for(lambda: world.lag() < left, 60, "the worker is at work")
        worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(60) == EXIT, worker.tail()
