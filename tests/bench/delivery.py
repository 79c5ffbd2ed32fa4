"""Deliveries per second of one worker to an endpoint that answers at once, beside bare loops that only post.

The worker reads from Kafka, judges, asks Redis for its limit, signs, posts, and has each result acked by the broker
before it commits. The bare loops post the same bodies with as many calls at a time, and do none of this. All in one
run, to the same endpoint in a process of its own; a rate is from the first to the last request that it saw.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import aiohttp
import httpx

from tests.bench.measure import a_kafka
from tests.component.delivery.harness import World, a_recycle
from tests.kafka import Broker
from tests.redis import RealRedis
from tests.waiting import wait_for

PARCELS = 6_000
AT_A_TIME = 32
BODY = (
    b'{"type": "lead.recycled", "timestamp": "2026-03-16T09:30:00Z", "data": {"lead_id": "lead-1", "track": "x"}}' * 4
)
RUNS = 3


def main() -> None:
    """Print the rates, and what of the bare loops' rate the worker has."""
    with a_kafka() as (bootstrap, folder), an_endpoint() as port, a_redis() as redis:
        rates = {
            name: max(measure(port, work) for _ in range(RUNS))
            for name, work in (
                ("bare aiohttp", lambda: asyncio.run(_post_aiohttp(port))),
                ("bare httpx", lambda: asyncio.run(_post_httpx(port))),
                ("deliver", lambda: asyncio.run(_deliver(bootstrap, folder, redis, port))),
            )
        }
    print(f"delivery: {PARCELS} deliveries to a fast endpoint, {AT_A_TIME} at a time, best of {RUNS}")
    for name, rate in rates.items():
        print(f"  {name:13} {rate:8,.0f} a second")
    for name in ("bare aiohttp", "bare httpx"):
        print(f"  deliver / {name}: {rates['deliver'] / rates[name]:.2f}")


@contextmanager
def an_endpoint() -> Iterator[int]:
    command = [sys.executable, "-m", "tests.bench.fast_endpoint"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


@contextmanager
def a_redis() -> Iterator[str]:
    with TemporaryDirectory(prefix="leadloop-bench-") as folder:
        server = RealRedis(Path(folder))
        server.start()
        yield server.url
        server.kill()


def measure(port: int, work: Callable[[], None]) -> float:
    """Requests a second, as the endpoint saw them."""
    seen(port)
    work()
    count, first, last = seen(port)
    assert count >= PARCELS
    return count / (last - first)


def seen(port: int) -> tuple[int, float, float]:
    """What the endpoint counted since it was asked last."""
    with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        count, first, last = answer.read().split()
    return int(count), float(first), float(last)


async def _post_aiohttp(port: int) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def post() -> None:
            async with session.post(f"http://127.0.0.1:{port}/", data=BODY) as answer:
                await answer.read()

        await _all(post)


async def _post_httpx(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:

        async def post() -> None:
            await client.post(f"http://127.0.0.1:{port}/", content=BODY)

        await _all(post)


async def _all(post: Callable[[], Awaitable[None]]) -> None:
    left = PARCELS

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await post()

    await asyncio.gather(*(work() for _ in range(AT_A_TIME)))


async def _deliver(bootstrap: str, folder: Path, redis: str, port: int) -> None:
    directory = folder / str(time.time_ns())
    directory.mkdir()
    async with World(Broker(bootstrap, "real"), directory, redis, partitions=4) as world:
        limits = f"{{per_second: 100000, burst: 10000, concurrency: {AT_A_TIME}}}"
        document = (
            "allow_networks: [127.0.0.0/8]\nendpoints:\n  fast:\n    kind: webhook\n"
            f"    url: http://127.0.0.1:{port}/\n    allow_http: true\n    ports: [{port}]\n"
            f"    secrets: [{{env: LEADLOOP_TEST_SECRET}}]\n    limits: {limits}\n"
        )
        await asyncio.to_thread(world.publish, [a_recycle(number) for number in range(PARCELS)])
        world.start(world.job(endpoints=document, is_plain=True))
        await asyncio.to_thread(wait_for, lambda: len(world.results()) >= PARCELS, 180, every=1.0)


if __name__ == "__main__":
    main()
