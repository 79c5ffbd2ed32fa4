"""One suite for every limiter: at most burst + rate * window start in any time window, and concurrency is limited."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Self

import pytest

from tests.component.delivery.harness import until
from tests.component.delivery.windows import Granted, most_over
from tests.redis import RealRedis
from workers.delivery.limits.away import AWAY
from workers.delivery.limits.fallback import FallbackLimiter
from workers.delivery.limits.limiter import Allowance, Grant, Limiter
from workers.delivery.limits.local import LocalLimiter
from workers.delivery.limits.shared import RedisScripts, SharedLimiter

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


class Load:
    """Workers that start deliveries as fast as their limiters allow, for as long as the block lasts."""

    def __init__(self, allowance: Allowance, limiters: Sequence[Limiter]) -> None:
        self.granted: list[Granted] = []
        self._allowance = allowance
        self._limiters = limiters
        self._is_ending = False

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._start_deliveries(limiter)) for limiter in self._limiters]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_ending = True
        await asyncio.gather(*self._tasks)

    @property
    def started(self) -> int:
        """The number of deliveries so far."""
        return sum(one.deliveries for one in self.granted)

    async def wait_started(self, more: int) -> None:
        """Wait until so many more deliveries were started."""
        enough = self.started + more
        await until(lambda: self.started >= enough or any(task.done() for task in self._tasks))
        assert self.started >= enough, "a worker has ended"

    async def _start_deliveries(self, limiter: Limiter) -> None:
        while not self._is_ending:
            requested_at = time.monotonic()
            try:
                grant = await limiter.acquire(self._allowance, 5)
            except AWAY:  # no response within half a second on a loaded machine
                grant = Grant(())
            if grant.leases:
                self.granted.append(Granted(requested_at, time.monotonic(), len(grant.leases)))
            for lease in grant.leases:
                limiter.release(self._allowance, lease)
            await asyncio.sleep(min(grant.wait, 0.05))


async def test_three_workers_exceed_the_rate_in_no_time_window(make: Make) -> None:
    allowance = Allowance("a", per_second=120, burst=12, concurrency=90)
    async with Load(allowance, [make() for _ in range(WORKERS)]) as load:
        await load.wait_started(250)
    assert most_over(load.granted, allowance) <= 0.01


@pytest.mark.parametrize("per_second", [0.9, 7, 130])
async def test_a_burst_of_one_starts_deliveries_at_any_rate(make: Make, per_second: float) -> None:
    """Also where the interval is no whole number of microseconds."""
    allowance = Allowance("a", per_second=per_second, burst=1, concurrency=90)
    async with Load(allowance, [make()]) as load:
        await load.wait_started(2)
    assert most_over(load.granted, allowance) <= 0.01


async def test_three_workers_do_not_exceed_the_concurrency(make: Make) -> None:
    allowance = Allowance("a", per_second=3_000, burst=300, concurrency=6)
    in_flight = highest = started = 0

    async def work(limiter: Limiter) -> None:
        nonlocal in_flight, highest, started
        while started < 100:
            try:
                grant = await limiter.acquire(allowance, 4)
            except AWAY:
                continue
            started += len(grant.leases)
            in_flight += len(grant.leases)
            highest = max(highest, in_flight)
            await asyncio.sleep(0.01)
            in_flight -= len(grant.leases)
            for lease in grant.leases:
                limiter.release(allowance, lease)

    async with asyncio.timeout(120):
        await asyncio.gather(*(work(make()) for _ in range(WORKERS)))
    assert 1 < highest <= 6


async def test_the_leases_of_a_killed_worker_expire(make: Make) -> None:
    allowance = Allowance("a", per_second=1_000, burst=100, concurrency=3, lease_seconds=0.3)
    killed, other = make(), make()
    await granted(killed, allowance)
    assert await granted(other, allowance)


async def test_a_blocked_endpoint_is_granted_nothing(make: Make) -> None:
    allowance = Allowance("a", per_second=1_000, burst=100, concurrency=30)
    limiter = make()
    await granted(limiter, allowance)
    limiter.block(allowance, 600.0)
    grant = Grant(())
    async with asyncio.timeout(120):
        while grant.why != "blocked":
            with suppress(*AWAY):
                grant = await limiter.acquire(allowance, 1)
    assert 300 < grant.wait <= 600


async def test_each_endpoint_has_its_own_limits(make: Make) -> None:
    limiter = make()
    slow = Allowance("slow", per_second=0.001, burst=1, concurrency=1)
    await limiter.acquire(slow, 1)
    assert await granted(limiter, Allowance("fast", per_second=1_000, burst=100, concurrency=30))


async def granted(limiter: Limiter, allowance: Allowance) -> Grant:
    """The first grant with a lease."""
    async with asyncio.timeout(120):
        while True:
            with suppress(*AWAY):
                grant = await limiter.acquire(allowance, 1)
                if grant.leases:
                    return grant
                await asyncio.sleep(min(grant.wait, 0.05))


async def test_each_worker_uses_its_share_while_redis_is_unavailable_and_redis_again_afterwards(
    redis: RealRedis,
) -> None:
    allowance, sources = Allowance("a", per_second=90, burst=9, concurrency=90), list[str]()

    def fallback() -> FallbackLimiter:
        scripts = RedisScripts(redis.url)
        local = LocalLimiter(time.monotonic, lambda: 1 / WORKERS)
        return FallbackLimiter(scripts, SharedLimiter(scripts, "test"), local, sources.append)

    limiters = [fallback() for _ in range(WORKERS)]
    async with Load(allowance, limiters) as load:
        await load.wait_started(90)
        await asyncio.to_thread(redis.kill)
        await until(lambda: {limiter.source for limiter in limiters} == {"local"})
        await load.wait_started(120)
        assert {limiter.source for limiter in limiters} == {"local"}
        await asyncio.to_thread(redis.start)
        await until(lambda: {limiter.source for limiter in limiters} == {"redis"})
        await load.wait_started(120)
    assert most_over(load.granted, allowance) <= 0.01
    for limiter in limiters:
        await limiter.close()


async def test_a_request_whose_caller_is_cancelled_ends(redis: RealRedis) -> None:
    """Where redis-py limits the time of a request by itself, it swallows most of these cancellations."""
    scripts = RedisScripts(redis.url)

    async def repeat() -> None:
        while True:
            with suppress(*AWAY):
                await scripts.now_us()

    for milliseconds in range(50):
        tasks = [asyncio.create_task(repeat()) for _ in range(3)]
        await asyncio.sleep(milliseconds / 1000)
        for task in tasks:
            task.cancel()
        _, pending = await asyncio.wait(tasks, timeout=20)
        assert not pending
    await scripts.close()


class CountingLimiter(SharedLimiter):
    """Counts the requests."""

    requests = 0

    async def acquire(self, allowance: Allowance, want: int) -> Grant:
        self.requests += 1
        return await super().acquire(allowance, want)


async def test_an_unavailable_redis_delays_one_request_and_not_each(redis: RealRedis) -> None:
    redis.kill()
    scripts = RedisScripts(redis.url)
    shared = CountingLimiter(scripts, "test")
    limiter = FallbackLimiter(scripts, shared, LocalLimiter(time.monotonic, lambda: 1.0), lambda _: None)
    allowance = Allowance("a", per_second=10_000, burst=1_000, concurrency=1_000)
    for _ in range(200):
        await limiter.acquire(allowance, 1)
    assert (shared.requests, limiter.source) == (1, "local")
    await limiter.close()


async def test_a_redis_without_scripting_counts_as_unavailable(redis: RealRedis) -> None:
    with redis.client() as client:
        client.execute_command("ACL", "SETUSER", "plain", "on", ">word", "~*", "+@all", "-@scripting")
    scripts = RedisScripts(redis.url.replace("redis://", "redis://plain:word@"))
    local, sources = LocalLimiter(time.monotonic, lambda: 1.0), list[str]()
    limiter = FallbackLimiter(scripts, SharedLimiter(scripts, "test"), local, sources.append)
    async with Load(Allowance("a", per_second=100, burst=10, concurrency=9), [limiter]) as load:
        await load.wait_started(10)
    await limiter.close()
    assert sources == ["redis", "local"]
