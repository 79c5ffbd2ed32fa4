"""Daily budgets: the counts in a real Redis, and a worker on a real Kafka whose endpoint takes so many a day."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.events import LeadRecycled
from tests.component.delivery.days import noon
from tests.component.delivery.harness import CODEC, World, a_recycle, of, stopped, until
from tests.component.delivery.job import WAITS
from tests.redis import RealRedis
from workers.delivery.core.model import RetryState
from workers.delivery.limits.calendar_days import day_of, edges_around
from workers.delivery.limits.daily import DailyAllowance, DailyBudget, Spent, Taken
from workers.delivery.limits.shared import RedisScripts, SharedDayCounts

DAY = 86_400_000
WORKERS = 3
MOST = 40


def now_ms() -> int:
    return int(time.time() * 1000)


class Owner:
    """A worker that owns the partition with its number, and knows what it began there."""

    def __init__(self, number: int, scripts: RedisScripts, zone: ZoneInfo) -> None:
        self.number, self.began = number, 0
        self.budget = DailyBudget(
            DailyAllowance("crm", MOST, zone, per_second=50),
            SharedDayCounts(scripts, "test", WORKERS),
            counts=lambda _: {number: self.began},
            share=lambda: 1 / WORKERS,
            now=now_ms,
        )

    async def take(self, *, is_urgent: bool = False) -> Taken | Spent:
        taken = await self.budget.take(self.number, is_urgent=is_urgent)
        self.began += isinstance(taken, Taken)
        return taken

    async def take_all(self) -> None:
        """Begin as many as possible."""
        while True:
            taken = await self.take()
            if isinstance(taken, Spent):
                if taken.is_day_over:
                    return
                await self.reported()

    async def reported(self) -> None:
        """Report until Redis has taken it."""
        async with asyncio.timeout(60):
            await self.budget.report()
            while not self.budget.is_shared:
                await self.budget.report()


@pytest.fixture
async def owner(redis: RealRedis) -> AsyncIterator[Callable[[int], Owner]]:
    """Makes the owner of a partition."""
    zone = noon()
    async with AsyncExitStack() as stack:

        def make(number: int) -> Owner:
            scripts = RedisScripts(redis.url)
            stack.push_async_callback(scripts.close)
            return Owner(number, scripts, zone)

        yield make


async def test_all_workers_together_begin_as_many_as_the_budget_of_the_day_has(owner: Callable[[int], Owner]) -> None:
    owners = [owner(number) for number in range(WORKERS)]
    async with asyncio.timeout(120):
        await asyncio.gather(*(one.take_all() for one in owners))
    assert sum(one.began for one in owners) == MOST
    assert isinstance(await owners[0].take(is_urgent=True), Taken)
    assert sum(one.began for one in owners) == MOST + 1


async def test_a_redis_that_lost_its_memory_grants_nothing_until_all_have_reported_what_they_began(
    owner: Callable[[int], Owner], redis: RealRedis
) -> None:
    owners = [owner(number) for number in range(WORKERS)]
    for one in owners:
        await one.budget.report()
    for _ in range(10):
        for one in owners:
            assert isinstance(await one.take(), Taken)
    redis.kill()
    redis.start()
    first, second, third = owners
    await first.reported()
    await second.reported()
    unknown = await first.take()
    assert isinstance(unknown, Spent)
    assert not unknown.is_day_over
    assert isinstance(await first.take(is_urgent=True), Taken)  # counted, and not held back
    await third.reported()
    async with asyncio.timeout(120):
        await asyncio.gather(*(one.take_all() for one in owners))
    assert sum(one.began for one in owners) == MOST


async def test_the_budget_is_whole_again_when_the_day_of_redis_is_over(redis: RealRedis) -> None:
    scripts = RedisScripts(redis.url)
    counts, allowance = SharedDayCounts(scripts, "test", 1), DailyAllowance("crm", 1, ZoneInfo("UTC"), 50)
    start, end = now_ms() - 60_000, now_ms() + 3_000
    edges = (start - 60_000, start, end, end + 600_000)

    async def take(known: Mapping[int, int], day: int = start) -> Any:
        answer = await counts.request(allowance, edges, known, day, takes=True, is_urgent=False)
        return answer.verdict, answer.day.start

    try:
        assert await take({0: 0}) == ("taken", start)
        assert await take({0: 1}) == ("spent", start)
        async with asyncio.timeout(120):
            while (answer := await take({0: 1})) == ("spent", start):
                pass
        assert answer == ("unknown", end)  # by a clock that is behind, the day of yesterday was reported
        assert await take({0: 0}, end) == ("taken", end)
        assert await take({0: 1}, end) == ("spent", end)
    finally:
        await scripts.close()


async def test_another_time_zone_begins_with_what_all_partitions_began_on_its_day(redis: RealRedis) -> None:
    scripts = RedisScripts(redis.url)
    counts = SharedDayCounts(scripts, "test", 2)

    async def answer(start: int, known: Mapping[int, int], *, takes: bool) -> str:
        """Of a worker in whose time zone the day begins at `start`."""
        edges = (start - DAY, start, start + DAY, start + 2 * DAY)
        allowance = DailyAllowance("crm", 5, ZoneInfo("UTC"), 50)
        return (await counts.request(allowance, edges, known, start, takes=takes, is_urgent=False)).verdict

    before = now_ms() - DAY // 2
    try:
        await answer(before, {0: 3, 1: 2}, takes=False)
        assert await answer(before, {0: 3}, takes=True) == "spent"
        after = now_ms()
        assert await answer(after, {0: 3}, takes=True) == "unknown"
        await answer(after, {1: 2}, takes=False)
        assert await answer(after, {0: 3}, takes=True) == "spent"
    finally:
        await scripts.close()


def waiting(world: World) -> list[tuple[str, RetryState]]:
    """What waits for the next day, with its recycle_id."""
    tomorrow = day_of(now_ms(), noon()).end
    records = [record for name in WAITS for record in world.read(name)]
    found = [(CODEC.decode(record.value, LeadRecycled), RetryState.of(record.headers)) for record in records]
    return [(event.recycle_id, retry) for event, retry in found if retry.due_at >= tomorrow]


async def test_what_exceeds_the_budget_of_the_day_waits_in_kafka_also_after_a_crash_and_without_the_memory_of_redis(
    world: World, redis: RealRedis
) -> None:
    zone = noon()
    crm = await world.endpoint("crm", limits=f"{{per_day: 5, timezone: {zone.key}, per_second: 50}}")
    workers = [world.start(), world.start()]
    events = [a_recycle(number) for number in range(12)]
    world.publish(events)
    await until(lambda: len(crm.messages) == 5 and len({name for name, _ in waiting(world)}) == 7)
    day = day_of(now_ms(), zone)
    for _, retry in waiting(world):
        assert (retry.why, retry.attempts, retry.held_until) == ("day", 0, retry.due_at)
        assert day.end <= retry.due_at <= day.end + 3_600_000

    sent = min(crm.messages).removesuffix("_recycle")
    (revoked,) = [event for event in events if event.recycle_id == sent]
    revoke = a_recycle(int(sent.removeprefix("recycle")), "REVOKE")
    assert revoke.lead_id == revoked.lead_id
    world.publish([revoke])
    await world.wait_finished(of(["crm"], [revoke]))
    assert len(crm.messages) == 6

    for worker in workers:
        worker.kill()
    redis.kill()
    redis.start()
    last = world.start()
    late = [a_recycle(number) for number in range(20, 24)]
    world.publish(late)
    await until(lambda: {event.recycle_id for event in late} <= {name for name, _ in waiting(world)}, within=60)
    assert await stopped(last) == 0
    assert len(crm.messages) == 6
    assert len([ends for ends in world.finished().values() if ends == ["accepted"]]) == 6


def test_noon_is_far_from_midnight_and_has_a_name() -> None:
    zone = noon()
    edges = edges_around(now_ms(), zone)
    far = timedelta(hours=9).total_seconds() * 1000
    assert edges[1] + far < now_ms() < edges[2] - far
