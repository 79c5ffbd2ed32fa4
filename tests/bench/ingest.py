"""Ingest: events per second per core over HTTP, single and in batches, beside a bare FastAPI with a producer.

The core is that of the server: its own CPU time is counted, not that of the clients or the broker.
"""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.bench.measure import a_kafka, a_world, cpu_seconds
from tests.component.ingest.served import Keys, Served
from tests.waiting import wait_for
from tests.world import World

SECONDS = 8.0
SINGLE_CLIENTS, BATCH_CLIENTS, BATCH = 32, 4, 500


@dataclass(frozen=True)
class Load:
    """How one server did under one load."""

    per_second: float
    per_core: float
    p50_ms: float
    p99_ms: float


def an_event(number: int) -> dict[str, object]:
    return {
        "kind": "lead-contacted",
        "event_id": f"call-{number}",
        "lead_id": f"L-{number % 5000}",
        "occurred_at": "2026-03-02T09:14:00Z",
        "by": "sales",
        "activity": "call",
        "direction": "outbound",
        "outcome": "no_answer",
        "owner_id": "owner-7",
    }


async def _client(url: str, key: str, body: bytes, until: float, waits: list[float]) -> None:
    """One connection, as cheap as it can be: it shares the machine with what is measured."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    while (begun := time.perf_counter()) < until:
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 202"):
            raise RuntimeError(answer.decode())
        length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        waits.append(time.perf_counter() - begun)
    writer.close()


async def _clients(url: str, key: str, bodies: list[bytes], seconds: float) -> list[float]:
    waits: list[float] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_client(url, key, body, until, waits) for body in bodies))
    return sorted(waits)


def measured(url: str, key: str, pid: int, batch: int) -> Load:
    """One load on one server, after a second of the same."""
    if batch:
        bodies = [json.dumps([an_event(c * batch + n) for n in range(batch)]).encode() for c in range(BATCH_CLIENTS)]
    else:
        bodies = [json.dumps(an_event(c)).encode() for c in range(SINGLE_CLIENTS)]
    asyncio.run(_clients(url, key, bodies, 1.0))
    cpu, begun = cpu_seconds(pid), time.perf_counter()
    waits = asyncio.run(_clients(url, key, bodies, SECONDS))
    events = len(waits) * max(batch, 1)
    used, took = cpu_seconds(pid) - cpu, time.perf_counter() - begun
    return Load(events / took, events / used, waits[len(waits) // 2] * 1000, waits[len(waits) * 99 // 100] * 1000)


@contextmanager
def _bare(world: World) -> Iterator[tuple[str, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "tests.bench.bare_ingest",
        world.bootstrap,
        f"{world.prefix}lead-contacted",
        str(port),
    ]
    with subprocess.Popen(command) as process:
        try:
            wait_for(lambda: _answers(f"http://127.0.0.1:{port}/docs"), within=30)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def _acked_share(served: Served, before: tuple[float, float]) -> float:
    """The part of a request's time in which it waits for the broker."""
    acked, whole = _times(served)
    return (acked - before[0]) / (whole - before[1])


def _times(served: Served) -> tuple[float, float]:
    whole = served.metric('leadloop_http_request_seconds_sum{route="/v1/events"}')
    return served.metric("leadloop_ingest_ack_seconds_sum"), whole


def main() -> None:
    """Print the figures, ours and the peer's, turn by turn on the same broker."""
    with a_kafka() as (bootstrap, folder), a_world(bootstrap, Path(folder)) as world:
        served = Served(world, Keys.in_folder(Path(folder))).ready()
        try:
            with _bare(world) as (url, pid):
                print("ingest over HTTP (server's own CPU)")
                for name, batch in (("single", 0), (f"batches of {BATCH}", BATCH)):
                    before = _times(served)
                    ours = measured(served.url, served.key, served.process.pid, batch)
                    share = _acked_share(served, before)
                    theirs = measured(url, "", pid, batch)
                    _tell(name, ours, theirs, share)
        finally:
            served.stop()


def _tell(name: str, ours: Load, theirs: Load, share: float) -> None:
    for who, load in (("leadloop", ours), ("bare peer", theirs)):
        print(
            f"  {name:15} {who:10} {load.per_core:9,.0f} events/s per core   {load.per_second:9,.0f} events/s"
            f"   p50 {load.p50_ms:6.1f} ms   p99 {load.p99_ms:6.1f} ms"
        )
    print(f"  {name:15} ratio {ours.per_core / theirs.per_core:.2f}; {share:.0%} of a request is the broker's ack")


if __name__ == "__main__":
    main()
