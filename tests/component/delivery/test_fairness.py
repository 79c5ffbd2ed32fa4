"""One endpoint that hangs, throttles or is down is nobody else's trouble."""

import asyncio
import statistics
import time

from tests.component.delivery.harness import World, a_recycle, until
from tests.simulators.receiver import Behaviour, Receiver

PER_SECOND, SECONDS = 25, 12
REAL_WAITS = (1_000, 10_000, 60_000, 600_000, 3_600_000, 21_600_000)
REAL_SCHEDULE = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)


async def test_endpoints_that_hang_throttle_or_are_down_leave_the_others_alone(world: World) -> None:
    good = await world.endpoint("good", limits="{per_second: 1000, burst: 100, concurrency: 20}")
    bad = {name: await world.endpoint(name, timeout_seconds=5) for name in ("hangs", "throttles", "down", "cuts")}
    world.start(world.job(tiers=REAL_WAITS, delays=REAL_SCHEDULE))
    world.tell([a_recycle(-1)])
    await good.wait_for(1)
    well = await _load(world, good, 0)
    bad["hangs"].behave(Behaviour("hang"))
    bad["throttles"].behave(Behaviour("status", 429, retry_after="600"))
    bad["down"].behave(Behaviour("status", 500))
    bad["cuts"].behave(Behaviour("cut"))
    ill = await _load(world, good, 10_000)
    print(f"p99 {_p99(well):.3f} s while all are well, {_p99(ill):.3f} s while four of five are not")  # noqa: T201
    assert _p99(ill) < _p99(well) + 1.0
    assert len(bad["throttles"].tries) < PER_SECOND * SECONDS + 60  # told once to come back in ten minutes


async def _load(world: World, good: Receiver, start: int) -> list[float]:
    """Seconds from telling to arrival at the endpoint that works."""
    told: dict[str, float] = {}
    for second in range(SECONDS * 5):
        numbers = range(start + second * PER_SECOND // 5, start + (second + 1) * PER_SECOND // 5)
        now = time.time()
        told |= {f"recycle{number}_recycle": now for number in numbers}
        await asyncio.to_thread(world.tell, [a_recycle(number) for number in numbers])
        await asyncio.sleep(0.2)  # the pace of the load
    await until(lambda: set(told) <= set(good.messages), within=30)
    arrived = {one.message_id: one.at for one in reversed(good.tries)}
    return [arrived[name] - at for name, at in told.items()]


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]
