"""Recycle events reach endpoints once in effect, over a real Kafka and a real Redis."""

import asyncio
import os
import re
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.component.delivery.harness import World, a_recycle, of, stopped, until
from tests.simulators.receiver import Behaviour
from tests.waiting import TIMEOUT


async def test_a_recycle_is_sent_with_a_signature_and_its_result_is_recorded(world: World) -> None:
    nurture = await world.endpoint("nurture")
    worker = world.start()
    events = [a_recycle(number) for number in range(20)]
    world.publish(events)
    await world.wait_finished(of(["nurture"], events))
    assert {outcome for (outcome,) in world.finished().values()} == {"accepted"}
    assert set(nurture.messages) == {f"recycle{number}_recycle" for number in range(20)}
    assert not any(one.error for one in nurture.tries)
    assert await stopped(worker) == 0


async def test_a_finished_delivery_is_not_sent_again_after_a_restart(world: World) -> None:
    nurture = await world.endpoint("nurture")
    worker = world.start()
    events = [a_recycle(number) for number in range(10)]
    world.publish(events)
    await world.wait_finished(of(["nurture"], events))
    worker.kill()
    world.start()
    world.publish([*events, a_recycle(99)])  # published twice, as streams may
    await world.wait_finished([("nurture", "recycle99", "RECYCLE")])
    assert len(nurture.tries) == 11


async def test_a_failed_delivery_is_retried_with_the_same_id_until_it_is_accepted(world: World) -> None:
    nurture = await world.endpoint("nurture")
    nurture.behave(Behaviour("status", 500, times=3))
    world.start()
    world.publish([a_recycle(1)])
    await world.wait_finished([("nurture", "recycle1", "RECYCLE")])
    assert [one.message_id for one in nurture.tries] == ["recycle1_recycle"] * 4
    assert [(one.outcome, one.attempts) for one in world.results()] == [
        ("retry", 1),
        ("retry", 2),
        ("retry", 3),
        ("accepted", 4),
    ]


async def test_a_delivery_is_dead_and_a_dead_letter_after_its_last_attempt(world: World) -> None:
    nurture = await world.endpoint("nurture")
    nurture.behave(Behaviour("status", 500))
    world.start(world.job(breaker={"at_least": 1000}))
    world.publish([a_recycle(1)])
    await world.wait_finished([("nurture", "recycle1", "RECYCLE")])
    assert [one.outcome for one in world.results()] == ["retry"] * 4 + ["dead"]
    (letter,) = world.read("lead-dead-letters")
    headers = dict(letter.headers)
    assert headers["dl_reason"] == b"delivery_dead"
    assert headers["dl_endpoint"] == b"nurture"
    assert len(nurture.tries) == 5


async def test_a_revoke_follows_its_recycle(world: World) -> None:
    nurture = await world.endpoint("nurture")
    world.start()
    world.publish([a_recycle(1)])
    await nurture.wait_for(1)
    world.publish([a_recycle(1, "REVOKE")])
    await world.wait_finished([("nurture", "recycle1", "REVOKE")])
    assert [one.message_id for one in nurture.tries] == ["recycle1_recycle", "recycle1_revoke"]


async def test_a_recycle_that_was_revoked_before_it_was_consumed_is_not_sent(world: World) -> None:
    nurture = await world.endpoint("nurture")
    world.publish([a_recycle(1), a_recycle(1, "REVOKE"), a_recycle(2)])
    world.start()
    await world.wait_finished(of(["nurture"], [a_recycle(1), a_recycle(1, "REVOKE"), a_recycle(2)]))
    assert world.finished()["nurture", "recycle1", "RECYCLE"] == ["no_op"]
    assert world.finished()["nurture", "recycle1", "REVOKE"] == ["no_op"]
    assert [one.message_id for one in nurture.tries] == ["recycle2_recycle"]


async def test_a_recycle_revoked_before_its_not_before_is_not_sent(world: World) -> None:
    nurture = await world.endpoint("nurture")
    first = world.start()
    later = a_recycle(1)
    later = a_recycle(1, not_before=later.occurred_at + 15_000)
    world.publish([later, a_recycle(2, not_before=later.occurred_at + 4_000)])
    await until(lambda: any(world.read(f"delivery-wait-{name}") for name in ("1m", "10s", "1s")))
    assert await stopped(first) == 0
    world.start()  # what waits is known after a restart
    world.publish([a_recycle(1, "REVOKE")])
    await world.wait_finished([("nurture", "recycle1", "RECYCLE"), ("nurture", "recycle2", "RECYCLE")])
    assert world.finished()["nurture", "recycle1", "RECYCLE"] == ["no_op"]
    assert world.finished()["nurture", "recycle1", "REVOKE"] == ["no_op"]
    (only,) = nurture.tries
    assert only.message_id == "recycle2_recycle"
    assert only.at * 1000 >= later.occurred_at + 4_000


async def test_a_410_disables_the_endpoint_for_all_workers_until_it_is_resumed(world: World) -> None:
    nurture = await world.endpoint("nurture")
    nurture.behave(Behaviour("status", 410, times=1))
    world.start(world.job(delays=(0.0, 1000.0)))
    world.publish([a_recycle(1)])
    await until(lambda: world.read("endpoint-states"))
    world.publish([a_recycle(2)])
    await until(lambda: any(world.read(f"delivery-wait-{name}") for name in ("1m", "10m", "1h")))
    assert len(nurture.tries) == 1
    world.set_state("nurture", "active")
    await world.wait_finished(of(["nurture"], [a_recycle(1), a_recycle(2)]))
    assert {one.message_id for one in nurture.tries[1:]} == {"recycle1_recycle", "recycle2_recycle"}


async def test_a_paused_endpoint_receives_nothing_until_it_is_resumed(world: World) -> None:
    nurture = await world.endpoint("nurture")
    other = await world.endpoint("other")
    world.set_state("nurture", "paused")
    world.start()
    world.publish([a_recycle(1)])
    await other.wait_for(1)
    assert not nurture.tries
    world.set_state("nurture", "active")
    await world.wait_finished(of(["nurture", "other"], [a_recycle(1)]))
    assert len(nurture.tries) == 1


async def test_an_undecodable_record_is_a_dead_letter_and_does_not_block_its_partition(world: World) -> None:
    nurture = await world.endpoint("nurture")
    world.start()
    world.publish([a_recycle(1, "UNKNOWN"), a_recycle(1)])
    await nurture.wait_for(1)
    (letter,) = world.read("lead-dead-letters")
    assert dict(letter.headers)["dl_reason"] == b"bad_recycle"


async def test_an_exception_ends_the_process_names_the_record_and_the_delivery_is_repeated(world: World) -> None:
    nurture = await world.endpoint("nurture")
    world.publish([a_recycle(1)])
    first = world.start(world.job(crash=("bug", "result", 1)))
    assert await asyncio.to_thread(first.wait, TIMEOUT) == 70
    assert "a bug" in world.logs()
    assert re.search(r"at topic \S+, partition \d, offset 0: nothing of it is acked", world.logs())
    world.start()
    await world.wait_finished([("nurture", "recycle1", "RECYCLE")])
    assert [one.message_id for one in nurture.tries] == ["recycle1_recycle"] * 2


async def test_the_command_runs_until_sigterm(world: World) -> None:
    nurture = await world.endpoint("nurture")
    file = world.directory / "endpoints.yml"
    file.write_text(world.document())
    env = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": world.broker.bootstrap,
        "LEADLOOP_TOPIC_PREFIX": world.prefix,
        "LEADLOOP_ENDPOINTS_FILE": str(file),
        "LEADLOOP_METRICS_PORT": "0",
        "REDIS_URL": world.redis_url,
    }
    log = world.directory / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220  it runs beside the test
            [sys.executable, "-m", "workers.cli", "deliver"], env=env, stdout=output, stderr=output
        )
    world.workers.append(process)
    await until(lambda: "/metrics" in log.read_text())
    url = log.read_text().split("metrics at ")[1].split("/metrics")[0]
    await until(lambda: _answer(f"{url}/readyz") == 200)
    world.publish([a_recycle(1)])
    await nurture.wait_for(1)
    await until(
        lambda: (
            b'leadloop_deliveries_total{action="RECYCLE",endpoint="nurture",outcome="accepted"} 1.0'
            in _body(f"{url}/metrics")
        )
    )
    assert await stopped(process) == 0


def _answer(url: str) -> int:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310  our own
            return int(answer.status)
    except HTTPError as fault:
        return fault.code


def _body(url: str) -> bytes:
    with urlopen(url, timeout=5) as answer:  # noqa: S310  our own
        return bytes(answer.read())
