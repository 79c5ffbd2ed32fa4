"""Three workers share the work and the limits, whatever is killed meanwhile."""

import asyncio
from pathlib import Path

from tests.component.delivery.harness import World, a_recycle, of, stopped, until
from tests.component.delivery.windows import Granted, most_over
from tests.redis import RealRedis
from workers.delivery.limits.limiter import Allowance
from workers.delivery.limits.shared import GRACE_SECONDS

LIMITS = Allowance("nurture", per_second=40, burst=8, concurrency=30)


def grants(path: Path) -> list[Granted]:
    """The grants of all workers."""
    lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    return [
        Granted(float(requested_at), float(granted_at), int(deliveries))
        for requested_at, granted_at, deliveries in lines
    ]


def test_the_measure_of_the_limit_detects_an_excess() -> None:
    steady = [Granted(n / 40, n / 40 + 0.001, 1) for n in range(40)]
    assert most_over([Granted(0.0, 0.001, 7), *steady], LIMITS) <= 0.01
    assert most_over([Granted(0.0, 0.001, 7), *steady, Granted(0.5, 0.501, 9)], LIMITS) > 0.01
    assert most_over([Granted(0.5, 0.51, 10)], LIMITS) > 0.01


async def test_three_workers_keep_the_limit_in_every_window_while_redis_restarts(
    world: World, redis: RealRedis, tmp_path: Path
) -> None:
    limits = f"{{per_second: {LIMITS.per_second}, burst: {LIMITS.burst}, concurrency: {LIMITS.concurrency}}}"
    nurture, file = await world.endpoint("nurture", limits=limits), tmp_path / "grants"
    job = world.job(grants_file=str(file), new_redis_seconds=GRACE_SECONDS)
    workers = [world.start(job) for _ in range(3)]
    events = [a_recycle(number) for number in range(800)]
    await until(lambda: all(worker.poll() is None for worker in workers))
    world.publish(events)
    await nurture.wait_for(100, seconds=40)
    await asyncio.to_thread(redis.kill)
    before = len(nurture.tries)
    await nurture.wait_for(before + 60, seconds=20)  # goes on, at most as fast
    await asyncio.to_thread(redis.start)
    await world.wait_finished(of(["nurture"], events), within=60)
    assert {tuple(ends) for ends in world.finished().values()} == {("accepted",)}
    assert len(nurture.tries) == len(events)  # nothing twice
    granted = grants(file)
    assert sum(one.deliveries for one in granted) >= len(events)  # nothing without
    assert most_over(granted, LIMITS) <= 0.01
    assert [await stopped(worker) for worker in workers] == [0, 0, 0]


async def test_no_delivery_is_lost_or_sent_after_its_acceptance_while_workers_are_killed_under_load(
    world: World,
) -> None:
    nurture = await world.endpoint("nurture", limits="{per_second: 1000, burst: 100, concurrency: 50}")
    workers = [world.start() for _ in range(3)]
    events = []
    for round_ in range(3):
        fresh = [a_recycle(number) for number in range(round_ * 200, round_ * 200 + 200)]
        events += fresh
        world.publish(fresh)
        await nurture.wait_for(len(events) - 150, seconds=40)
        workers[round_].kill()
        workers.append(world.start())
    await world.wait_finished(of(["nurture"], events), within=60)
    accepted = {one.recycle_id: one.occurred_at / 1000 for one in world.results() if one.outcome == "accepted"}
    late = [one for one in nurture.tries if one.at > accepted[one.message_id.removesuffix("_recycle")] + 0.01]
    assert not late
    assert set(nurture.messages) == {f"recycle{number}_recycle" for number in range(600)}
    assert await asyncio.to_thread(world.audit) == []


async def test_a_worker_that_stops_on_sigterm_leaves_no_delivery_to_repeat(world: World) -> None:
    nurture = await world.endpoint("nurture")
    events = [a_recycle(number) for number in range(100)]
    world.publish(events)
    first = world.start()
    await nurture.wait_for(10)
    assert await stopped(first) == 0
    assert world.members() == 0  # nobody waits for it
    world.start()
    await world.wait_finished(of(["nurture"], events))
    assert len(nurture.tries) == len(events)
