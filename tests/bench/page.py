"""The web page and `/v1` with many leads: time to the first byte and CPU for each view, and memory.

Leads are copies of generated lives under other names and times, written by the fold of `leadloop project` into a real
Redis; nine of ten have one of 100,000 campaigns, half one of 5,000 origins.
`python -m tests.bench.page [leads] [records of a lead]`.
"""

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import msgspec

from schemas.events import LeadCreated, LeadSnapshot
from schemas.topics import TOPICS
from tests.bench.projection import a_redis
from tests.builders import DAY, T0
from tests.projected import CODEC, a_log
from tests.redis import RealRedis
from tests.waiting import wait_for
from workers.http.keys import digest_of, new_key
from workers.projection.fold import DocumentFold
from workers.projection.record_decoder import LogEvent, RecordDecoder
from workers.projection.store import ModelStore, Pointers, Positions
from workers.read_model.generation import PartitionFreshness, PartitionId

LEADS, LIVES, CAMPAIGNS, ORIGINS, BATCH = 100_000, 500, 100_000, 5_000, 500
LATE_MS = 1_200_000
ROUNDS = 20
APP_ID = "bench"
PLACE = PartitionId("lead-snapshots", 0)
VIEWS = (
    *("/", "/leads", "/leads?origin=web&sort=-created", "/leads?stage=working&owner=ann&sort=due"),
    *("/leads?campaign=campaign-77", "/leads?step=won&origin=web&pass=1", "/leads?step=created&without=touched&pass=1"),
    *("/leads?campaign=(none)", "/leads?owner=(none)", "/leads?origin=web&reason=(none)&sort=-created"),
    *("/leads?human_delay_from=4h", "/leads?human_delay_from=100d", "/leads?system_delay_from=10m"),
    *("/lead?id=lead-0000777", "/sources", "/sources?order=name", "/promises", "/recycling"),
    *("/funnel", "/funnel?by=campaign", "/funnel?by=origin"),
    *("/delivery", "/agreement", "/v1/overview", "/v1/leads?limit=50", "/v1/funnel?by=campaign"),
    "/v1/leads?origin=fair&sort=-created&created_from=2026-01-01T00:00:00Z",
)


class PageTook(NamedTuple):
    """Of one address: ms to the first byte, CPU ms of report and of Redis for a request, kB."""

    p50: float
    p99: float
    report: float
    redis: float
    size: float


def lives(dice: random.Random) -> list[list[tuple[str, Any]]]:
    """Generated leads: the topic and the record of each event, in order."""
    log = a_log(dice, LIVES, partitions=1)
    found: dict[str, list[tuple[str, Any]]] = {}
    for place, records in log.records.items():
        kind = TOPICS[place.topic].record
        for one in records:
            record: Any = CODEC.decode(one.value or b"", kind)  # type: ignore[arg-type]
            found.setdefault(record.lead_id, []).append((place.topic, record))
    return [_newest_snapshot(records) for records in found.values()]


def _newest_snapshot(records: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    snapshots = [one for one in records if isinstance(one[1], LeadSnapshot)]
    return [one for one in records if not isinstance(one[1], LeadSnapshot)] + snapshots[-1:]


def events_of(life: list[tuple[str, Any]], number: int, shift: int) -> Iterator[LogEvent]:
    """The events of a copy of a lead: its name, campaign and origin, and its times moved by `shift` ms."""
    decode, lead_id = RecordDecoder(CODEC), f"lead-{number:07}"
    for topic, record in life:
        changed: dict[str, Any] = {"lead_id": lead_id}
        if hasattr(record, "campaign_id"):
            changed["campaign_id"] = f"campaign-{number % CAMPAIGNS}" if number % 10 else ""
        if hasattr(record, "origin") and number % 2:
            changed["origin"] = f"origin-{number % ORIGINS}"
        for name in record.__struct_fields__:
            value = getattr(record, name)
            if isinstance(value, int) and (name.endswith("_at") or name in {"until", "not_before", "idle_since"}):
                changed[name] = value + shift
        if isinstance(record, LeadSnapshot):
            changed["expected_amount"] = 100 * (number % 5000)
        if isinstance(record, LeadCreated) and number % 50 == 0:
            changed["recorded_at"] += LATE_MS
        moved = msgspec.structs.replace(record, **changed)
        yield decode(topic, lead_id.encode(), CODEC.encode(moved), T0 + 2000 * DAY)


def fill(redis: RealRedis, leads: int, most: int) -> float:
    """Write these many leads, of lives with at most so many records; returns seconds."""
    begun, store, fold = time.monotonic(), ModelStore(redis.client(), APP_ID), DocumentFold(CODEC)
    dice, templates = random.Random(1), [life for life in lives(random.Random(1)) if len(life) <= most]
    number = store.begin("bench", {}, time.time(), Pointers(None, None))
    generation, now = store.keys.generation(number), int(time.time() * 1000)
    numbers, position = iter(range(leads)), 0
    while some := list(islice(numbers, BATCH)):
        shift = now - T0 - 130 * DAY
        events = [one for n in some for one in events_of(dice.choice(templates), n, shift + dice.randrange(60) * DAY)]
        names = [f"lead-{n:07}" for n in some]
        positions = Positions({PLACE: position or None}, {PLACE: some[-1] + 1})
        store.write(generation, names, positions, lambda stored, events=events: fold(events, stored))  # type: ignore[misc]
        position = some[-1] + 1
    store.write_freshness(generation, {PLACE: PartitionFreshness(0, now)})
    store.flip(number, time.time())
    return time.monotonic() - begun


@contextmanager
def a_report(redis: RealRedis, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, str]]:
    """The real process: it, its address, and a key that may read."""
    key = new_key()
    keys = folder / "keys.yml"
    keys.write_text(f"sources:\n  page: {{keys: [{digest_of(key)}], scopes: [read]}}\n", encoding="utf-8")
    policy = Path(__file__).parents[2] / "deploy/config/policy.yml"
    env = {
        **os.environ,
        "REDIS_URL": redis.url,
        "LEADLOOP_APP_ID": APP_ID,
        "LEADLOOP_KEYS_FILE": str(keys),
        "LEADLOOP_REPORT_PORT": "0",
        "LEADLOOP_POLICY_FILE": str(policy),
        "LEADLOOP_HTTP_HOST": "127.0.0.1",
    }
    command = [sys.executable, "-m", "workers", "report"]
    log = folder / "report.log"  # a pipe that nobody reads would stop it once it is full
    with log.open("wb") as sink, subprocess.Popen(command, env=env, stdout=sink, stderr=sink) as process:
        try:
            (address,) = wait_for(lambda: re.findall(r"leadloop report: (http\S+)", log.read_text()), 60)
            wait_for(lambda: httpx.get(f"{address}/readyz").status_code == 200, 60)
            yield process, address, key
        finally:
            process.kill()


def cpu_of(pid: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """Resident memory of a process in MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def main(leads: int = LEADS, most: int = 1000) -> None:
    """Print the times of each view. `most`: records of a lead; short lives are written sooner."""
    with TemporaryDirectory() as data, a_redis(Path(data) / "redis") as redis:
        client: Any = redis.client()
        empty = client.info("memory")["used_memory"]
        seconds = fill(redis, leads, most)
        used = client.info("memory")["used_memory"] - empty
        print(f"page: {leads:,} leads, written in {seconds:.0f} s; {used / leads:,.0f} bytes of Redis a lead")
        for name, size in _by_kind(client, leads):
            print(f"  {name:40}{size:8.0f} bytes a lead")
        with a_report(redis, Path(data)) as (process, address, key):
            before = memory_of(process.pid)
            print(f"  {'':76}{'p50 ms':>8}{'p99 ms':>8}{'CPU ms':>8}{'Redis':>8}{'kB':>6}   to the first byte")
            with httpx.Client(base_url=address, timeout=60) as browser:
                browser.post("/sign-in", data={"key": key, "next": "/"}, headers={"Sec-Fetch-Site": "same-origin"})
                for path in VIEWS:
                    took = _took(browser, path, process.pid, client)
                    print(
                        f"  {path:76}{took.p50:8.0f}{took.p99:8.0f}{took.report:8.1f}{took.redis:8.1f}{took.size:6.0f}"
                    )
            print(f"  report: {before:.0f} MB before, {memory_of(process.pid):.0f} MB after these requests")


def _by_kind(client: Any, leads: int) -> Iterator[tuple[str, float]]:
    """Bytes a lead by the kind of key, estimated by MEMORY USAGE (lists whole, documents by a sample)."""
    sizes: dict[str, int] = {}
    documents: list[int] = []
    for key in client.scan_iter(count=5000):
        name = key.decode().split(":", 3)[-1]
        kind = ":".join(name.split(":")[:2]) if name.startswith("list:") else name.split(":")[0]
        if kind == "lead":
            if len(documents) < 1000:
                documents.append(client.memory_usage(key))
        else:
            samples = 100 if client.type(key) == b"zset" else 5
            sizes[kind] = sizes.get(kind, 0) + client.memory_usage(key, samples=samples)
    yield "documents", sum(documents) / max(1, len(documents))
    yield from sorted(((name, size / leads) for name, size in sizes.items()), key=lambda one: -one[1])[:24]


def _took(browser: httpx.Client, path: str, pid: int, redis: Any) -> PageTook:
    _first_byte(browser, path)
    cpu, stored = cpu_of(pid), _redis_cpu(redis)
    found = sorted(_first_byte(browser, path) for _ in range(ROUNDS))
    report, behind = cpu_of(pid) - cpu, _redis_cpu(redis) - stored
    each = 1000 / ROUNDS
    times = [one[0] for one in found]
    return PageTook(_at(times, 0.5), _at(times, 0.99), report * each, behind * each, found[0][1] / 1000)


def _at(times: Sequence[float], share: float) -> float:
    return 1000 * times[min(len(times) - 1, int(share * len(times)))]


def _first_byte(browser: httpx.Client, path: str) -> tuple[float, int]:
    begun = time.perf_counter()
    with browser.stream("GET", path) as answer:
        took, size = None, 0
        for some in answer.iter_raw():
            took = took or time.perf_counter() - begun
            size += len(some)
        if answer.status_code != 200:
            raise ValueError(f"{path}: {answer.status_code}")
    return took or 0.0, size


def _redis_cpu(client: Any) -> float:
    said = client.info("cpu")
    return float(said["used_cpu_user"]) + float(said["used_cpu_sys"])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
