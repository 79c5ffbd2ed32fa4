"""Escalations reach the endpoints that subscribe to them, over a real Kafka, with the guarantees of recycle events."""

import asyncio
import time
from typing import Any

import pytest

from schemas.events import LeadEscalated
from tests.component.delivery.harness import CODEC, World, a_recycle, an_escalation, of, stopped, until
from tests.component.delivery.test_replay import DIES_AT_ONCE, leadloop, rows
from tests.simulators.receiver import Behaviour
from tests.waiting import TIMEOUT

ESCALATIONS = "{actions: [ESCALATE, AT_RISK]}"
CRASHED = 99
SLACK = 0.01
"""Seconds: results are stamped in whole milliseconds."""


async def test_escalations_are_sent_to_those_who_subscribe_and_to_nobody_else(world: World) -> None:
    sales, marketing = await world.endpoint("sales", only=ESCALATIONS), await world.endpoint("marketing")
    world.others = {"topic": {"kind": "kafka", "topic": f"{world.prefix}out", "only": {"actions": ["ESCALATE"]}}}
    world.broker.make_topics({f"{world.prefix}out": 1})
    file = world.directory / "metrics"
    worker = world.start(world.job(metrics_file=str(file)))
    escalations = [an_escalation(1), an_escalation(2, "AT_RISK")]
    world.publish([*escalations, a_recycle(1)])
    await world.wait_finished(of(["sales"], escalations))
    await world.wait_finished([*of(["marketing"], [a_recycle(1)]), *of(["topic"], escalations[:1])])
    assert set(sales.messages) == {"escalation1_escalate", "escalation2_at_risk"}
    assert sales.messages["escalation1_escalate"]["data"]["owner_id"] == "ana"
    assert set(marketing.messages) == {"recycle1_recycle"}
    (record,) = world.read("out")
    assert CODEC.decode(record.value, LeadEscalated) == escalations[0]
    assert set(world.finished()) == {
        ("sales", "escalation1", "ESCALATE"),
        ("sales", "escalation2", "AT_RISK"),
        ("marketing", "recycle1", "RECYCLE"),
        ("topic", "escalation1", "ESCALATE"),
    }
    assert await stopped(worker) == 0
    text = file.read_text()
    for endpoint, action in (("sales", "ESCALATE"), ("sales", "AT_RISK"), ("marketing", "RECYCLE")):
        labels = f'endpoint="{endpoint}",outcome="accepted"'
        assert f'leadloop_deliveries_total{{action="{action}",{labels}}} 1.0' in text


async def test_an_escalation_is_retried_with_the_same_id_and_not_sent_again_after_its_acceptance(world: World) -> None:
    sales = await world.endpoint("sales", only=ESCALATIONS)
    sales.behave(Behaviour("status", 500, times=2))
    first = world.start()
    world.publish([an_escalation(1)])
    await world.wait_finished(of(["sales"], [an_escalation(1)]))
    first.kill()
    world.start()
    world.publish([an_escalation(1), an_escalation(2)])  # published twice, as streams may
    await world.wait_finished(of(["sales"], [an_escalation(2)]))
    assert [one.message_id for one in sales.tries] == ["escalation1_escalate"] * 3 + ["escalation2_escalate"]


async def test_an_escalation_whose_time_is_over_is_not_sent(world: World) -> None:
    sales = await world.endpoint("sales", only=ESCALATIONS)
    world.set_state("sales", "paused")
    now = int(time.time() * 1000)
    soon, over = an_escalation(1, until=now + 4_000), an_escalation(2, until=now - 1)
    world.start()
    world.publish([soon, over, an_escalation(3)])
    await world.wait_finished(of(["sales"], [soon, over]))
    world.set_state("sales", "active")
    await world.wait_finished(of(["sales"], [an_escalation(3)]))
    assert world.finished()["sales", "escalation1", "ESCALATE"] == ["expired"]
    assert world.finished()["sales", "escalation2", "ESCALATE"] == ["expired"]
    assert [one.message_id for one in sales.tries] == ["escalation3_escalate"]


async def test_a_dead_escalation_is_a_dead_letter_and_both_ways_of_replaying_bring_it_back(world: World) -> None:
    sales = await world.endpoint("sales", only=ESCALATIONS)
    sales.behave(Behaviour("status", 500, times=2))
    world.start(world.job(delays=DIES_AT_ONCE, breaker={"at_least": 1000}))
    events = [an_escalation(1), an_escalation(2)]
    world.publish(events)
    await world.wait_finished(of(["sales"], events))
    letters = rows(await leadloop(world, "dead-letters", "list", "--reason", "delivery_dead"))
    assert len(letters) == 2
    assert "replayed 1" in await leadloop(world, "dead-letters", "replay", "--place", letters[0]["place"])
    await sales.wait_for(1)
    await until(lambda: sum(one.outcome == "accepted" for one in world.results()) == 1)
    (dead,) = rows(await leadloop(world, "deliveries", "list", "--state", "dead"))
    assert (dead["escalation"], dead["recycle_id"]) == ("ESCALATE", "")
    assert "replayed 1" in await leadloop(world, "deliveries", "replay")
    await sales.wait_for(2)
    assert set(sales.messages) == {"escalation1_escalate", "escalation2_escalate"}


async def test_an_undecodable_escalation_is_a_dead_letter_and_does_not_block_its_partition(world: World) -> None:
    sales = await world.endpoint("sales", only=ESCALATIONS)
    world.start()
    world.publish([an_escalation(1, "UNKNOWN"), an_escalation(1)])
    await sales.wait_for(1)
    (letter,) = world.read("lead-dead-letters")
    assert dict(letter.headers)["dl_reason"] == b"bad_escalation"


@pytest.mark.parametrize("point", ["http", "result", "wait"])
async def test_a_crash_loses_no_escalation_and_repeats_none_that_was_recorded_as_accepted(
    point: str, world: World
) -> None:
    sales, flaky = await world.endpoint("sales", only=ESCALATIONS), await world.endpoint("flaky", only=ESCALATIONS)
    flaky.behave(Behaviour("status", 503, times=3))
    events = [an_escalation(1), an_escalation(2, "AT_RISK"), an_escalation(3)]
    world.publish(events)
    for when in ("before", "after"):
        crash: Any = (when, point, 1)
        assert await asyncio.to_thread(world.start(world.job(crash=crash)).wait, TIMEOUT) == CRASHED
    world.start()
    await world.wait_finished(of(["sales", "flaky"], events))
    assert all(ends == ["accepted"] for ends in world.finished().values())
    recorded = [one for one in world.results() if one.outcome == "accepted"]
    accepted = {(one.endpoint, one.escalation_id): one.occurred_at / 1000 for one in recorded}
    for name, receiver in (("sales", sales), ("flaky", flaky)):
        assert set(receiver.messages) == {"escalation1_escalate", "escalation2_at_risk", "escalation3_escalate"}
        assert all(one.at <= accepted[name, one.message_id.partition("_")[0]] + SLACK for one in receiver.tries)
    assert await asyncio.to_thread(world.audit) == []
