"""What an operator reads about endpoints from a terminal: `endpoints list`, `deliveries waiting`, doctor, replays."""

import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Producer

from schemas.events import LeadRecycled
from tests.component.delivery.harness import CODEC, REAL_WAITS, World, a_recycle, until
from tests.component.delivery.test_replay import DIES_AT_ONCE, leadloop, rows
from tests.simulators.receiver import Behaviour

LATE_MS = 400_000
REFUSES = {"delays": (0.0, 600.0), "breaker": {"at_least": 3}, "tiers": REAL_WAITS}


def publish_late(world: World, events: Sequence[LeadRecycled]) -> None:
    """As if they had been published some minutes ago."""
    producer, at = Producer({"bootstrap.servers": world.broker.bootstrap}), int(time.time() * 1000) - LATE_MS
    for event in events:
        producer.produce(f"{world.prefix}lead-recycled", CODEC.encode(event), event.lead_id.encode(), timestamp=at)
    assert producer.flush(30) == 0


async def listed(world: World) -> dict[str, Any]:
    said = await leadloop(world, "endpoints", "list", "--json")
    (row,) = rows("\n".join(line for line in said.splitlines() if line.startswith("{")))  # without a remark
    return row


async def findings(world: World) -> dict[str, dict[str, str]]:
    """What doctor finds: code 1, because the world has only the topics of delivery."""
    return {row["about"]: row for row in rows(await leadloop(world, "doctor", "--json", code=1))}


async def an_outage(world: World) -> dict[str, Any]:
    """An endpoint that answers 500, until all of its eight deliveries wait."""
    # One call at a time: the circuit opens before all were attempted.
    nurture = await world.endpoint("nurture", limits={"per_second": 100, "concurrency": 1})
    nurture.behave(Behaviour("status", 500))
    world.start(world.job(**REFUSES))
    publish_late(world, [a_recycle(number) for number in range(8)])
    row: dict[str, Any] = {}
    for _ in range(20):
        row = await listed(world)
        if row["due"] == 8 and row["circuit"] == "open":
            return row
    raise AssertionError((row, world.logs()))


async def test_an_endpoint_that_fails_is_listed_with_its_cause_its_circuit_and_its_backlog(world: World) -> None:
    row = await an_outage(world)
    assert (row["state"], row["overdue"], row["accepted"], row["done"]) == ("active", 8, None, "when it answers")
    assert row["failing"]["status"] == 500
    assert row["failing"]["failures"] >= 3
    assert {one["on"] for one in row["blocked"]} <= {"retry", "circuit_open"}
    assert all(one["since"] for one in row["blocked"])

    table = await leadloop(world, "endpoints", "list")
    assert "open for" in table
    assert "nurture: failed" in table
    waiting = rows(await leadloop(world, "deliveries", "waiting", "--endpoint", "nurture"))
    assert {one["lead_id"] for one in waiting} == {a_recycle(number).lead_id for number in range(8)}
    assert all(one["blocked_on"] and one["blocked_since"] and one["due_since"] for one in waiting)


async def test_doctor_fails_while_deliveries_are_overdue_and_not_while_the_endpoint_is_paused(world: World) -> None:
    await an_outage(world)
    finding = (await findings(world))["deliveries to nurture"]
    assert finding["verdict"] == "fail"
    assert "8 overdue" in finding["found"]
    assert "500" in finding["found"]
    assert "leadloopendpointoutage" in finding["todo"]
    await leadloop(world, "endpoints", "pause", "nurture", "--why", "they migrate")
    finding = (await findings(world))["deliveries to nurture"]
    assert finding["verdict"] == "warn"
    assert "they migrate" in finding["found"]
    assert (await listed(world))["next_attempt"] is None


async def test_what_has_arrived_waits_no_more(world: World) -> None:
    nurture = await world.endpoint("nurture")
    world.start()
    publish_late(world, [a_recycle(1)])
    await nurture.wait_for(1)
    await until(lambda: any(one.outcome == "accepted" for one in world.results()))
    row = await listed(world)
    assert (row["due"], row["circuit"], row["failing"], row["done"]) == (0, "closed", None, "none")
    assert row["accepted"]
    assert (await findings(world))["deliveries to nurture"]["verdict"] == "ok"


async def test_doctor_counts_dead_letters_by_reason_and_names_the_version_of_workers(world: World) -> None:
    nurture = await world.endpoint("nurture")
    nurture.behave(Behaviour("status", 500, times=2))
    world.start(world.job(delays=DIES_AT_ONCE, breaker={"at_least": 1000}))
    publish_late(world, [a_recycle(1), a_recycle(2)])
    await until(lambda: sum(one.outcome == "dead" for one in world.results()) == 2)
    found = await findings(world)
    assert found["dead letters"]["found"] == "2 within a day: 2 delivery_dead"
    assert "1 member of version " in found["group of deliver"]["found"]


async def test_a_replay_is_watched_until_it_has_ended(world: World) -> None:
    nurture = await world.endpoint("nurture")
    nurture.behave(Behaviour("status", 500, times=3))
    world.start(world.job(delays=DIES_AT_ONCE, breaker={"at_least": 1000}))
    publish_late(world, [a_recycle(number) for number in range(3)])
    await until(lambda: sum(one.outcome == "dead" for one in world.results()) == 3)
    said = await leadloop(world, "deliveries", "replay", "--watch")
    assert "replayed 3 deliveries as replay-" in said
    assert said.splitlines()[-1] == "3 of 3 have ended: 3 accepted"
