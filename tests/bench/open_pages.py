"""Many open pages: what 200 streams of live updates cost, and how soon each learns of a change of the read model.

`python -m tests.bench.open_pages [pages]`.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.bench.page import APP_ID, PLACE, a_report, cpu_of, fill, memory_of
from tests.bench.projection import a_redis
from tests.redis import RealRedis
from workers.read_model.redis_keys import Keys

PAGES, LEADS, SECONDS, CHANGES = 200, 2_000, 20, 10
OPENED_SECONDS = 5


async def _watch(client: httpx.AsyncClient, seen: dict[str, list[float]]) -> None:
    """Read one stream to its end; note when each revision came."""
    async with client.stream("GET", "/live", timeout=None) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                revision = json.loads(line[5:])["revision"]
                times = seen.setdefault(revision, [])
                times.append(time.monotonic())


async def _opened(address: str, key: str, pages: int, redis: RealRedis, pid: int) -> None:
    limits = httpx.Limits(max_connections=pages + 10)
    async with httpx.AsyncClient(base_url=address, limits=limits) as client:
        await client.post("/sign-in", data={"key": key, "next": "/"}, headers={"Sec-Fetch-Site": "same-origin"})
        seen: dict[str, list[float]] = {}
        streams = [asyncio.create_task(_watch(client, seen)) for _ in range(pages)]
        await asyncio.sleep(OPENED_SECONDS)
        cpu, memory, began = cpu_of(pid), memory_of(pid), time.monotonic()
        changed = [await _change(redis) for _ in range(CHANGES)]
        await asyncio.sleep(2)
        share = (cpu_of(pid) - cpu) / (time.monotonic() - began)
        delays = _delays(seen, changed)
        known = len(delays) / (CHANGES * pages)
        print(f"open pages: {pages}; report takes {100 * share:.0f}% of a core and {memory:.0f} MB")
        print(f"  {known:.0%} of the changes seen by every page after {median(delays):.2f} s (median),", end=" ")
        print(f"{sorted(delays)[int(0.99 * len(delays))]:.2f} s (p99), {max(delays):.2f} s (longest)")
        for stream in streams:
            stream.cancel()


async def _change(redis: RealRedis) -> tuple[str, float]:
    """Change the read model as project does; returns the revision and when."""
    client: Any = redis.client()
    generation = Keys(APP_ID).generation(int(client.get(Keys(APP_ID).current)))
    position = int(client.incrby(generation.position(*PLACE), 1))
    at = time.monotonic()
    await asyncio.sleep(SECONDS / CHANGES)
    return f"{generation.number}-{position}", at


def _delays(seen: dict[str, list[float]], changed: list[tuple[str, float]]) -> list[float]:
    """For each change and page, the time until its revision came: the first that every stream sent."""
    delays: list[float] = []
    for revision, at in changed:
        delays += [came - at for came in sorted(seen.get(revision, []))[:PAGES]]
    return delays


def main(pages: int = PAGES) -> None:
    """Print the cost of these many open pages."""
    with TemporaryDirectory() as data, a_redis(Path(data) / "redis") as redis:
        fill(redis, LEADS, 6)
        with a_report(redis, Path(data)) as (process, address, key):
            print(f"report: {memory_of(process.pid):.0f} MB before")
            asyncio.run(_opened(address, key, pages, redis, process.pid))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
