"""How long deliveries to a healthy endpoint take while four others hang, throttle, fail or cut connections.

Both phases run in one process and on one worker: first with all five endpoints healthy, then with four of five failing.
"""

import asyncio
import statistics
import time

from tests.bench.delivery import a_redis
from tests.bench.measure import a_kafka
from tests.component.delivery.harness import REAL_SCHEDULE, REAL_WAITS, World, a_recycle, until
from tests.kafka import Broker
from tests.simulators.receiver import Behaviour, Receiver

PER_SECOND, SECONDS = 25, 12


def main() -> None:
    """Print the 99th percentile of both phases."""
    with a_kafka() as (bootstrap, folder), a_redis() as redis:
        healthy, failing = asyncio.run(_measure(World(Broker(bootstrap, "real"), folder, redis)))
    print(f"p99 from publish to arrival: {_p99(healthy):.3f} s with all endpoints healthy")
    print(f"                             {_p99(failing):.3f} s while four of five fail")


async def _measure(world: World) -> tuple[list[float], list[float]]:
    async with world:
        good = await world.endpoint("good", limits="{per_second: 1000, burst: 100, concurrency: 20}")
        bad = {name: await world.endpoint(name, timeout_seconds=5) for name in ("hangs", "throttles", "down", "cuts")}
        world.start(world.job(tiers=REAL_WAITS, delays=REAL_SCHEDULE))
        world.publish([a_recycle(-1)])
        await good.wait_for(1)
        healthy = await _load(world, good, 0)
        bad["hangs"].behave(Behaviour("hang"))
        bad["throttles"].behave(Behaviour("status", 429, retry_after="600"))
        bad["down"].behave(Behaviour("status", 500))
        bad["cuts"].behave(Behaviour("cut"))
        return healthy, await _load(world, good, 10_000)


async def _load(world: World, good: Receiver, start: int) -> list[float]:
    """Seconds from publishing to arrival at the healthy endpoint."""
    published: dict[str, float] = {}
    for second in range(SECONDS * 5):
        numbers = range(start + second * PER_SECOND // 5, start + (second + 1) * PER_SECOND // 5)
        now = time.time()
        published |= {f"recycle{number}_recycle": now for number in numbers}
        await asyncio.to_thread(world.publish, [a_recycle(number) for number in numbers])
        await asyncio.sleep(0.2)  # the pace of the load
    await until(lambda: set(published) <= set(good.messages), within=30)
    arrived = {one.message_id: one.at for one in reversed(good.tries)}
    return [arrived[name] - at for name, at in published.items()]


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]
