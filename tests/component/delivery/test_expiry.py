"""From the end of a consent on nothing is sent, whatever a RECYCLE waited for; its REVOKE is, if it may have been."""

import time
from typing import Any

from tests.component.delivery.harness import World, a_recycle, of, stopped, until
from tests.component.delivery.job import WAITS
from tests.component.delivery.test_replay import leadloop, rows
from tests.simulators.receiver import Behaviour

SOON_LOOKED_AT: dict[str, Any] = {"delays": (0.0, 1_000.0), "tiers": (100, 200, 300, 400, 500, 600)}
"""The second attempt is due long after the consent has ended: that is known when the delivery is looked at next."""


def now_ms() -> int:
    return int(time.time() * 1000)


async def test_a_recycle_that_has_expired_when_it_is_consumed_is_not_sent_and_neither_is_its_revoke(
    world: World,
) -> None:
    nurture = await world.endpoint("nurture")
    file = world.directory / "metrics"
    worker = world.start(world.job(metrics_file=str(file)))
    world.publish([a_recycle(1, expires_at=now_ms() - 1), a_recycle(2)])
    await world.wait_finished(of(["nurture"], [a_recycle(1), a_recycle(2)]))
    world.publish([a_recycle(1, "REVOKE")])
    await world.wait_finished(of(["nurture"], [a_recycle(1, "REVOKE")]))
    (row,) = rows(await leadloop(world, "deliveries", "list", "--state", "expired"))
    assert (row["recycle_id"], row["attempts"], row["detail"][:20]) == ("recycle1", 0, "the consent ends at ")
    assert world.finished()["nurture", "recycle1", "REVOKE"] == ["no_op"]
    assert [one.message_id for one in nurture.tries] == ["recycle2_recycle"]
    assert await stopped(worker) == 0
    assert 'leadloop_deliveries_total{action="RECYCLE",endpoint="nurture",outcome="expired"} 1.0' in file.read_text()


async def test_a_recycle_that_expires_before_its_next_attempt_is_not_sent_again_and_its_revoke_is_sent(
    world: World,
) -> None:
    nurture = await world.endpoint("nurture")
    nurture.behave(Behaviour("status", 500, times=1))
    world.start(world.job(**SOON_LOOKED_AT))
    world.publish([a_recycle(1, expires_at=now_ms() + 600_000)])
    await nurture.wait_for(1, messages=False)
    await world.wait_finished(of(["nurture"], [a_recycle(1)]))
    world.publish([a_recycle(1, "REVOKE")])
    await world.wait_finished(of(["nurture"], [a_recycle(1, "REVOKE")]))
    assert world.finished()["nurture", "recycle1", "RECYCLE"] == ["expired"]
    assert [one.message_id for one in nurture.tries] == ["recycle1_recycle", "recycle1_revoke"]


async def test_a_recycle_that_expires_while_its_endpoint_is_paused_is_not_sent_after_the_resume(world: World) -> None:
    nurture = await world.endpoint("nurture")
    world.set_state("nurture", "paused")
    world.start()
    world.publish([a_recycle(1, expires_at=now_ms() + 5_000), a_recycle(2)])
    await world.wait_finished(of(["nurture"], [a_recycle(1)]))
    world.set_state("nurture", "active")
    await world.wait_finished(of(["nurture"], [a_recycle(2)]))
    assert world.finished()["nurture", "recycle1", "RECYCLE"] == ["expired"]
    assert [one.message_id for one in nurture.tries] == ["recycle2_recycle"]


async def test_a_recycle_that_expires_while_no_worker_runs_is_not_sent_afterwards(world: World) -> None:
    nurture = await world.endpoint("nurture")
    expires_at = now_ms() + 6_000
    first = world.start()
    world.publish([a_recycle(1, not_before=expires_at - 10, expires_at=expires_at)])
    await until(lambda: any(world.read(name) for name in (*WAITS, "delivery-results")))
    assert await stopped(first) == 0
    await until(lambda: now_ms() > expires_at)
    world.start()
    await world.wait_finished(of(["nurture"], [a_recycle(1)]))
    assert world.finished()["nurture", "recycle1", "RECYCLE"] == ["expired"]
    assert not nurture.tries
