"""One suite for every limiter: in any window at most burst + rate * window begin, and few enough are under way."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from tests.component.delivery.windows import Granted, most_over
from tests.redis import RealRedis
from workers.delivery.limits.fallback import FallbackLimiter
from workers.delivery.limits.limiter import Allowance, Grant, Limiter
from workers.delivery.limits.local import LocalLimiter
from workers.delivery.limits.shared import GRACE_SECONDS, RedisScripts, SharedLimiter

WORKERS = 3
Make = Callable[[], Limiter]


@pytest.fixture(params=["redis", "local"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Makes the limiter of one of three workers, over one Redis or each with its share."""
    async with AsyncExitStack() as stack:
        if request.param == "local":
            yield lambda: LocalLimiter(time.monotonic, lambda: 1 / WORKERS)
            return
        redis: RealRedis = request.getfixturevalue("redis")

        def shared() -> Limiter:
            scripts = RedisScripts(redis.url)
            stack.push_async_callback(scripts.close)
            limiter = SharedLimiter(scripts, "test")
            stack.push_async_callback(limiter.close)
            return limiter

        yield shared


async def take(limiter: Limiter, allowance: Allowance, until: float, taken: list[Granted], hold: float = 0.0) -> None:
    """Take whatever can be had."""
    ended = []
    while time.monotonic() < until:
        asked = time.monotonic()
        grant = await limiter.acquire(allowance, 5)
        if grant.leases:
            taken.append(Granted(asked, time.monotonic(), len(grant.leases)))
        ended += [asyncio.create_task(_end(limiter, allowance, lease, hold)) for lease in grant.leases]
        await asyncio.sleep(min(grant.wait, 0.05))
    await asyncio.gather(*ended)


async def _end(limiter: Limiter, allowance: Allowance, lease: str, hold: float) -> None:
    await asyncio.sleep(hold)
    limiter.release(allowance, lease)


def begun(taken: list[Granted]) -> int:
    return sum(one.deliveries for one in taken)


async def test_three_workers_exceed_the_rate_in_no_time_window(make: Make) -> None:
    allowance, taken = Allowance("a", per_second=120, burst=12, concurrency=90), list[Granted]()
    until = time.monotonic() + GRACE_SECONDS + 2.0
    await asyncio.gather(*(take(make(), allowance, until, taken) for _ in range(WORKERS)))
    assert most_over(taken, allowance) <= 0.01
    assert begun(taken) > 120  # and it is used


async def test_three_workers_do_not_exceed_the_concurrency(make: Make) -> None:
    allowance = Allowance("a", per_second=3_000, burst=300, concurrency=6)
    under_way = most = 0

    async def work(limiter: Limiter) -> None:
        nonlocal under_way, most
        until = time.monotonic() + GRACE_SECONDS + 1.0
        while time.monotonic() < until:
            grant = await limiter.acquire(allowance, 4)
            under_way += len(grant.leases)
            most = max(most, under_way)
            await asyncio.sleep(0.01)
            under_way -= len(grant.leases)
            for lease in grant.leases:
                limiter.release(allowance, lease)

    await asyncio.gather(*(work(make()) for _ in range(WORKERS)))
    assert 1 < most <= 6


async def test_the_leases_of_a_killed_worker_expire(make: Make) -> None:
    allowance = Allowance("a", per_second=1_000, burst=100, concurrency=3, lease_seconds=0.3)
    killed, other = make(), make()
    await granted(killed, allowance)
    assert await granted(other, allowance)


async def test_a_blocked_endpoint_is_granted_nothing(make: Make) -> None:
    allowance = Allowance("a", per_second=1_000, burst=100, concurrency=30)
    limiter = make()
    await granted(limiter, allowance)
    limiter.block(allowance, 2.0)
    grant = Grant(())
    async with asyncio.timeout(1):
        while grant.why != "blocked":
            grant = await limiter.acquire(allowance, 1)
    assert 1.0 < grant.wait <= 2.0


async def test_each_endpoint_has_its_own_limits(make: Make) -> None:
    limiter = make()
    slow = Allowance("slow", per_second=0.001, burst=1, concurrency=1)
    await limiter.acquire(slow, 1)
    assert await granted(limiter, Allowance("fast", per_second=1_000, burst=100, concurrency=30))


async def granted(limiter: Limiter, allowance: Allowance) -> Grant:
    """The first grant that gives anything."""
    async with asyncio.timeout(10):
        while True:
            grant = await limiter.acquire(allowance, 1)
            if grant.leases:
                return grant
            await asyncio.sleep(min(grant.wait, 0.05))


async def test_each_worker_uses_its_share_while_redis_is_unavailable_and_redis_again_afterwards(
    redis: RealRedis,
) -> None:
    allowance, taken = Allowance("a", per_second=90, burst=9, concurrency=90), list[Granted]()
    sources: list[str] = []

    def fallback() -> FallbackLimiter:
        scripts = RedisScripts(redis.url)
        local = LocalLimiter(time.monotonic, lambda: 1 / WORKERS)
        return FallbackLimiter(scripts, SharedLimiter(scripts, "test"), local, sources.append)

    limiters = [fallback() for _ in range(WORKERS)]
    until = time.monotonic() + 12
    work = [asyncio.create_task(take(limiter, allowance, until, taken)) for limiter in limiters]
    await asyncio.sleep(3)
    before = begun(taken)
    await asyncio.to_thread(redis.kill)
    await asyncio.sleep(4)
    count = begun(taken)
    assert {limiter.source for limiter in limiters} == {"local"}
    await asyncio.to_thread(redis.start)
    await asyncio.gather(*work)
    assert {limiter.source for limiter in limiters} == {"redis"}
    assert most_over(taken, allowance) <= 0.01
    assert count > before + 90  # it went on without
    assert begun(taken) > count + 90
    for limiter in limiters:
        await limiter.close()


class Asked(SharedLimiter):
    """Counts how often it was."""

    times = 0

    async def acquire(self, allowance: Allowance, want: int) -> Grant:
        self.times += 1
        return await super().acquire(allowance, want)


async def test_an_unavailable_redis_delays_one_request_and_not_each(redis: RealRedis) -> None:
    redis.kill()
    scripts = RedisScripts(redis.url)
    shared = Asked(scripts, "test")
    limiter = FallbackLimiter(scripts, shared, LocalLimiter(time.monotonic, lambda: 1.0), lambda _: None)
    allowance = Allowance("a", per_second=10_000, burst=1_000, concurrency=1_000)
    for _ in range(200):
        await limiter.acquire(allowance, 1)
    assert (shared.times, limiter.source) == (1, "local")
    await limiter.close()


async def test_a_redis_without_scripting_counts_as_unavailable(redis: RealRedis) -> None:
    with redis.client() as client:
        client.execute_command("ACL", "SETUSER", "plain", "on", ">word", "~*", "+@all", "-@scripting")
    scripts = RedisScripts(redis.url.replace("redis://", "redis://plain:word@"))
    local, sources = LocalLimiter(time.monotonic, lambda: 1.0), list[str]()
    limiter = FallbackLimiter(scripts, SharedLimiter(scripts, "test"), local, sources.append)
    allowance, taken = Allowance("a", per_second=100, burst=10, concurrency=9), list[Granted]()
    await take(limiter, allowance, time.monotonic() + 3.0, taken)
    await limiter.close()
    assert sources == ["redis", "local"]
    assert begun(taken)
