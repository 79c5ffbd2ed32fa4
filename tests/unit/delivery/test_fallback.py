"""A Redis that greets and yet gives nothing: read-only after a failover, out of memory, too slow for a script."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest
from redis.exceptions import ReadOnlyError

from workers.delivery.limits import fallback
from workers.delivery.limits.limiter import Allowance, Grant
from workers.delivery.limits.local import LocalLimiter

ALLOWANCE = Allowance("nurture", per_second=10, burst=1, concurrency=5)


class Greets:
    async def hello(self) -> None:
        """It is there."""

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class Shared:
    gives: bool = False
    asked: int = 0

    async def acquire(self, allowance: Allowance, want: int) -> Grant:
        del allowance, want
        self.asked += 1
        if not self.gives:
            raise ReadOnlyError("You can't write against a read only replica.")
        return Grant(("shared",))

    async def close(self) -> None:
        """Nothing is under way."""


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def limiting(
    shared: Shared, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[fallback.FallbackLimiter]:
    monkeypatch.setattr(fallback, "ASK_AGAIN_SECONDS", 0.0)
    local = LocalLimiter(clock, lambda: 1.0)
    limiter = fallback.FallbackLimiter(cast("Any", Greets()), cast("Any", shared), local, lambda _: None)
    yield limiter
    await limiter.close()


async def taken(limiter: fallback.FallbackLimiter, clock: Clock, seconds: float) -> int:
    """How many began, asked ten times a second."""
    count = 0
    for _ in range(int(seconds * 10)):
        grant = await limiter.acquire(ALLOWANCE, 1)
        count += len(grant.leases)
        for lease in grant.leases:
            if lease.startswith("local:"):
                limiter.release(ALLOWANCE, lease)
        await asyncio.sleep(0.001)  # it looks whether Redis is back, and it greets
        clock.now += 0.1
    return count


async def test_deliveries_continue_with_the_local_share(monkeypatch: pytest.MonkeyPatch) -> None:
    shared, clock = Shared(), Clock()
    async with limiting(shared, clock, monkeypatch) as limiter:
        count = await taken(limiter, clock, 12.0)
    assert shared.asked > 50  # it was tried again and again
    assert 90 <= count <= 120


async def test_grants_of_redis_reset_the_local_share(monkeypatch: pytest.MonkeyPatch) -> None:
    shared, clock = Shared(), Clock()
    async with limiting(shared, clock, monkeypatch) as limiter:
        await taken(limiter, clock, 3.0)
        shared.gives = True
        assert await taken(limiter, clock, 1.0) >= 9
        shared.gives = False
        assert await taken(limiter, clock, 1.2) <= 1  # a bucket that is new gives nothing at first
