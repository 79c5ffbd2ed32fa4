"""Workers come and go under load, whole processes on a real Kafka: nothing is lost, and the same is decided.

The reference model says what: it runs the facts of each lead as if nothing had ever failed.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.events import FactRecord
from streams.domain.fact_of_record import fact_of
from streams.policy_file import parse_policy
from tests.builders import DAY, T0, a_contact, a_created, a_loss, a_reply, a_stall, a_win
from tests.kafka import Broker
from tests.loads import Load
from tests.unit.domain.reference_model import MODEL, policy_to_model, to_model
from tests.waiting import wait_for
from tests.world import World

LEADS = 3_000
END = T0 + 400 * DAY
# Limits count published recycles, so they are off: the outputs must not depend on when workers are killed.
POLICY = """
version: no limits
promises: {never_contacted: 3 days, no_follow_up: 7 days, grace: 1 day, no_progress: 30 days, max_attempts: 4}
reasons: {price: {track: offer, delay: 5 days}, invalid: never}
limits: {max_recycles: off, max_age: off, cooldown: 0 days}
"""

pytestmark = pytest.mark.kafka


@pytest.fixture
def world(real_kafka: Broker, tmp_path: Path) -> Iterator[World]:
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    yield world
    world.close()


def histories(seed: int = 3) -> dict[str, list[FactRecord]]:
    """Leads that are touched, neglected, lost, won, and created again."""
    dice = random.Random(seed)
    return {lead_id: list(_history(lead_id, dice)) for lead_id in (f"lead-{n}" for n in range(LEADS))}


def _history(lead_id: str, dice: random.Random) -> Iterator[FactRecord]:
    at = T0 + dice.randrange(100 * DAY)
    yield a_created(lead_id, at, event_id=f"{lead_id} 0", origin=dice.choice(["web", "fair", "partner"]))
    for n in range(1, dice.choice([1, 2, 3, 5, 8])):
        at += dice.randrange(1, 12 * DAY)
        make: Callable[..., Any] = dice.choice([a_contact] * 4 + [a_reply] * 2 + [a_loss, a_stall, a_created])
        yield make(lead_id, at, event_id=f"{lead_id} {n}")
    if dice.random() < 0.2:
        yield a_win(lead_id, at + dice.randrange(1, 50 * DAY), event_id=f"{lead_id} won")


def by_the_model(history: dict[str, list[FactRecord]]) -> dict[str, Any]:
    policy = policy_to_model(parse_policy(POLICY, "policy").for_history())
    return {
        lead_id: MODEL.run(lead_id, [to_model(fact_of(fact)) for fact in facts], policy, END)
        for lead_id, facts in history.items()
    }


def emitted(ledgers: dict[str, Any], *kinds: str) -> set[str]:
    return {fact.event_id for ledger in ledgers.values() for fact in ledger.emitted if fact.kind in kinds}


def test_no_fact_is_lost_while_workers_join_stop_and_are_killed_under_load(world: World) -> None:
    history = histories()
    load = Load(world, history, 6, END)
    policy = world.folder / "policy.yml"
    policy.write_text(POLICY, encoding="utf-8")

    def start(name: str) -> Any:
        return world.streams(name, LEADLOOP_POLICY_FILE=str(policy), LEADLOOP_CHUNK_RECORDS="100")

    first, second = start("a"), start("b")
    load.publish()
    first.wait_ready(60)
    second.wait_ready(60)

    load.publish()
    wait_for(lambda: world.lag() > 0, 20, "the workers have something to do")
    first.kill()
    third = start("c")  # joins while a member is missing
    load.publish()

    third.wait_ready(60)
    load.publish()
    assert second.term() == 0
    first = start("a")  # comes back to what its disk has
    load.publish()
    third.kill()
    load.publish_rest()

    world.settle(120)
    assert first.term() == 0
    _agrees(world, by_the_model(history))


def test_a_static_member_gets_its_partitions_back_without_a_rebalance(world: World) -> None:
    history = histories()
    load = Load(world, history, 3, END)
    policy = world.folder / "policy.yml"
    policy.write_text(POLICY, encoding="utf-8")
    session = {"LEADLOOP_SESSION_SECONDS": "300"}  # longer than anything here waits: only the name can bring them back

    def start(name: str) -> Any:
        return world.streams(name, LEADLOOP_INSTANCE_ID=name, LEADLOOP_POLICY_FILE=str(policy), **session)

    first, second = start("a"), start("b")
    load.publish()
    first.wait_ready(60)
    second.wait_ready(60)
    world.settle(60)
    assignments = _assignments(second)

    for leave in ("kill", "term"):
        getattr(first, leave)()
        load.publish()
        first = start("a")
        first.wait_ready(60)
        world.settle(60)
    assert _assignments(second) == assignments, "the other worker was not disturbed"
    _agrees(world, by_the_model(history))


def _assignments(worker: Any) -> float:
    [line] = [line for line in worker.metrics().splitlines() if line.startswith("leadloop_assignments_total ")]
    return float(line.split()[1])


def _agrees(world: World, ledgers: dict[str, Any]) -> None:
    published = world.published()
    assert published.stage_of == {lead_id: MODEL.stage(ledger.lead) for lead_id, ledger in ledgers.items()}
    assert published.conflicts == []
    assert published.ids["stalled"] == emitted(ledgers, "stalled")
    assert published.ids["RECYCLE"] == emitted(ledgers, "recycle")
    assert len(published.ids["REVOKE"]) == len(emitted(ledgers, "revoke"))
    assert published.ids["decided RETIRE"] == emitted(ledgers, "retire")
    assert world.lag() == 0
    assert world.dead_letters() == []
