"""A worker of deliver as a process, with short waits, and crashes on request.

Configured by a JSON document in LEADLOOP_TEST_JOB: see `Job`. A crash `("after", "http", 3)` ends the process, as in a
power cut, right after the third HTTP call; `("bug", "http", 3)` raises an unexpected exception there. Crash points are
around every side effect of deliver (the HTTP client, the producer, the consumer's commits, the scripts and writes of
Redis), and where endpoint states are read.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from confluent_kafka import Consumer, Message, TopicPartition
from prometheus_client import CollectorRegistry, generate_latest

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import EndpointState
from workers.delivery.configuration import connecting
from workers.delivery.core.breaker import BreakerRule
from workers.delivery.core.schedule import Schedule
from workers.delivery.core.takeover import LEFT
from workers.delivery.core.wait_topics import WaitTopics
from workers.delivery.endpoints import parse_endpoints
from workers.delivery.limits import shared
from workers.delivery.limits.limiter import Allowance, Grant, Limiter
from workers.delivery.limits.shared import RedisScripts
from workers.delivery.runtime import build, endpoint_states, recovery, source
from workers.delivery.runtime.config import WorkerConfig
from workers.delivery.runtime.worker import Worker, serve
from workers.delivery.target import Endpoint
from workers.kafka import Outgoing, Sender
from workers.outbound import Client, HttpResult
from workers.outbound.addresses import Network

NO_RESPONSE = "no response to consume"
T = TypeVar("T")
WAITS = tuple(WaitTopics().delays)
KINDS = {"delivery-results": "result", "endpoint-states": "state", **dict.fromkeys(WAITS, "wait")}


@dataclass(frozen=True)
class Job:
    """`tiers`: the waits in ms, shortest first. `crash`: before, during or after, which crash point, at which pass.

    `unresponsive_modules`: modules whose consumers receive nothing, as when a network drops responses.
    `unresponsive`: calls to URLs with this prefix never end. `new_redis_seconds`: how long a new Redis grants nothing.
    `grants_file`: gets a line `requested_at granted_at deliveries` for each grant, in seconds of the monotonic clock.
    `points_file`: gets the crash points that were passed, at the end.
    """

    bootstrap: str
    prefix: str
    redis_url: str
    endpoints: str
    delays: tuple[float, ...] = (0.0, 0.3, 0.3, 0.3, 0.3)
    tiers: tuple[int, ...] = (100, 300, 1_000, 3_000, 10_000, 30_000)
    breaker: Mapping[str, Any] = field(default_factory=dict)
    crash: tuple[str, str, int] | None = None
    drain_seconds: float = 3.0
    session_seconds: float = 6.0
    new_redis_seconds: float = 0.0
    commit_seconds: float = 0.2
    metrics_file: str = ""
    grants_file: str = ""
    points_file: str = ""
    unresponsive: str = ""
    is_plain: bool = False
    unresponsive_modules: tuple[str, ...] = ()

    def environment(self) -> dict[str, str]:
        return {**os.environ, "LEADLOOP_TEST_JOB": json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> "Job":
        return cls(**json.loads(os.environ["LEADLOOP_TEST_JOB"]))

    def plan(self, client: Client, points: "CrashPoints") -> tuple[WorkerConfig, tuple[Endpoint, ...]]:
        _, endpoints = parse_endpoints(self.endpoints, "endpoints.yml")
        codec = Codec(Catalogue.bundled())
        if self.is_plain:
            return self._plain(codec, endpoints, client), endpoints
        plan = WorkerConfig(
            kafka={"bootstrap.servers": self.bootstrap, "log_level": 0},
            codec=codec,
            endpoints=endpoints,
            connector_of=connecting(client, codec),
            redis_url=self.redis_url,
            prefix=self.prefix,
            session_seconds=self.session_seconds,
            commit_seconds=self.commit_seconds,
            drain_seconds=self.drain_seconds,
            schedule=Schedule(tuple(self.delays), (500, 2_000), (500, 2_000), (100, 2_000)),
            wait_topics=WaitTopics(tuple(zip(WAITS, self.tiers, strict=True))),
            breaker=BreakerRule(**self.breaker),
            sender=lambda producer: CrashingSender(producer, points, self.prefix),
            limiter=lambda limiter: NotingLimiter(limiter, self.grants_file),
        )
        return plan, endpoints

    def _plain(self, codec: Codec, endpoints: tuple[Endpoint, ...], client: Client) -> WorkerConfig:
        """As a user has it, for figures."""
        return WorkerConfig(
            kafka={"bootstrap.servers": self.bootstrap, "log_level": 0},
            codec=codec,
            endpoints=endpoints,
            connector_of=connecting(client, codec),
            redis_url=self.redis_url,
            prefix=self.prefix,
        )


class CrashPoints:
    """Counts how often each point is passed, and ends the process at one of them."""

    def __init__(self, crash: Sequence[Any] | None) -> None:
        self._crash = tuple(crash) if crash else None
        self._passed: dict[tuple[str, str], int] = {}

    @property
    def passed(self) -> list[str]:
        return sorted({what for _, what in self._passed})

    def passing(self, when: str, what: str) -> None:
        count = self._passed[when, what] = self._passed.get((when, what), 0) + 1
        if self._crash == (when, what, count):
            os._exit(99)
        if self._crash == ("bug", what, count):
            raise RuntimeError("a bug")

    async def around(self, what: str, work: Coroutine[Any, Any, T]) -> T:
        try:
            self.passing("before", what)
        except BaseException:
            work.close()
            raise
        if self._crash is not None and self._crash[:2] == ("during", what):
            begun = asyncio.get_running_loop().create_task(work)
            await asyncio.sleep(0)  # it is started: produced and not acked, requested without a response
            self.passing("during", what)
            done = await begun
        else:
            done = await work
        self.passing("after", what)
        return done


class CrashingClient(Client):
    def __init__(self, points: CrashPoints, allow_networks: Iterable[Network], unresponsive: str = "") -> None:
        super().__init__(allow_networks)
        self._points = points
        self._unresponsive = unresponsive

    async def request(self, method: str, url: str, **call: Any) -> HttpResult:
        if self._unresponsive and url.startswith(self._unresponsive):
            await asyncio.Event().wait()
        return await self._points.around("http", super().request(method, url, **call))


class CrashingSender:
    def __init__(self, inner: Sender, points: CrashPoints, prefix: str) -> None:
        self._inner = inner
        self._points = points
        self._prefix = prefix

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[tuple[int, int]]:
        places: list[tuple[int, int]] = []
        for record in records:  # one after the other, so that a crash may fall between them
            places += await self._points.around(self._kind(record), self._send(record))
        return places

    async def _send(self, record: Outgoing) -> Sequence[tuple[int, int]]:
        return await self._inner.send_all([record])

    def _kind(self, record: Outgoing) -> str:
        topic = record.topic.removeprefix(self._prefix)
        if topic == "lead-dead-letters":
            return "dead" if ("dl_reason", b"delivery_dead") in record.headers else "poison"
        return KINDS.get(topic, "handed over")


class CrashingScripts(RedisScripts):
    def __init__(self, url: str, points: CrashPoints) -> None:
        super().__init__(url)
        self._points = points

    async def take(self, keys: list[str], arguments: list[str]) -> list[Any]:
        return await self._points.around("redis", super().take(keys, arguments))

    async def count(self, key: str, arguments: list[str]) -> list[Any]:
        return await self._points.around("budget", super().count(key, arguments))

    async def drop(self, key: str, leases: list[str]) -> None:
        await self._points.around("release", super().drop(key, leases))

    async def block(self, key: str, until_us: int, milliseconds: int) -> None:
        await self._points.around("block", super().block(key, until_us, milliseconds))


class NotingLimiter:
    def __init__(self, inner: Limiter, grants_file: str) -> None:
        self._inner = inner
        self._grants_file = grants_file

    async def acquire(self, allowance: Allowance, want: int) -> Grant:
        requested_at = time.monotonic()
        grant = await self._inner.acquire(allowance, want)
        if self._grants_file and grant.leases:
            self._note(Path(self._grants_file), f"{requested_at} {time.monotonic()} {len(grant.leases)}\n")
        return grant

    @staticmethod
    def _note(path: Path, line: str) -> None:
        with path.open("a", encoding="ascii") as file:  # one small write: workers share it
            file.write(line)

    def release(self, allowance: Allowance, lease: str) -> None:
        self._inner.release(allowance, lease)

    def block(self, allowance: Allowance, seconds: float) -> None:
        self._inner.block(allowance, seconds)


def committing_with(points: CrashPoints) -> type[Consumer]:
    class Crashing(Consumer):
        def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> Any:  # type: ignore[override]
            what = "commit" if asynchronous else "left" if offsets[0].metadata == LEFT else "held"
            points.passing("before", what)
            done = super().commit(offsets=offsets, asynchronous=asynchronous)  # type: ignore[call-overload]
            points.passing("after", what)
            return done

    return Crashing


def next_with(points: CrashPoints) -> Callable[[endpoint_states._Reader], list[EndpointState]]:
    plain = endpoint_states._Reader.next  # noqa: SLF001  where the topic is read

    def following(reader: endpoint_states._Reader) -> list[EndpointState]:
        points.passing("before", "follow")
        return plain(reader)

    return following


class UnresponsiveConsumer(Consumer):
    """Receives nothing, and logs every call."""

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Message]:
        del num_messages
        print(NO_RESPONSE, flush=True)  # noqa: T201  its output is its log
        time.sleep(max(timeout, 0.01))
        return []


def arm(job: Job, points: CrashPoints) -> None:
    """Let all that this process does pass the points."""
    setattr(source, "Consumer", committing_with(points))  # noqa: B010  a module tells nobody what it imports
    setattr(build, "RedisScripts", lambda url: CrashingScripts(url, points))  # noqa: B010
    shared.GRACE_SECONDS = job.new_redis_seconds
    endpoint_states._Reader.next = next_with(points)  # type: ignore[assignment,method-assign]  # noqa: SLF001
    for module in (endpoint_states, recovery):
        if module.__name__.rpartition(".")[2] in job.unresponsive_modules:
            setattr(module, "Consumer", UnresponsiveConsumer)  # noqa: B010


async def run(job: Job) -> int:
    points, registry = CrashPoints(job.crash), CollectorRegistry()
    document, _ = parse_endpoints(job.endpoints, "endpoints.yml")
    if job.is_plain:
        client = Client(document.allow_networks)
    else:
        arm(job, points)
        client = CrashingClient(points, document.allow_networks, job.unresponsive)
    plan, _ = job.plan(client, points)
    try:
        return await serve(Worker(plan, registry))
    finally:
        await client.close()
        if job.metrics_file:
            await asyncio.to_thread(Path(job.metrics_file).write_bytes, generate_latest(registry))
        if job.points_file:
            await asyncio.to_thread(Path(job.points_file).write_text, json.dumps(points.passed))


if __name__ == "__main__":
    sys.exit(asyncio.run(run(Job.from_environment())))
