"""`leadloop deliver`: wires, runs, and leaves in order.

SIGTERM: nothing new is begun, what is under way is finished within a bound, offsets are committed, the group is left.
Anything unexpected: exit 70 with topic, partition and offset; what was not acked is repeated.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka.admin import AdminClient
from prometheus_client import CollectorRegistry

from schemas.codec import Codec
from schemas.errors import UserError
from schemas.events import EndpointState
from schemas.names import deliver_group, delivery_limits_key
from streams.runtime.process import outlive_broken_pipes
from workers.kafka import MISSING_TOPIC_HINT, AsyncProducer, Sender

from ..attempts import Connector
from ..core.breaker import Breaker, BreakerRule
from ..core.model import Availability, ConsumedRecord, Takeover
from ..core.schedule import Schedule
from ..core.wait_topics import WaitTopics
from ..limits.fallback import FallbackLimiter
from ..limits.limiter import Allowance, Limiter
from ..limits.local import LocalLimiter
from ..limits.shared import RedisScripts, SharedLimiter
from ..target import Endpoint
from .dispatch import Dispatch
from .endpoint_states import TOPIC as STATES
from .endpoint_states import EndpointStateFollower
from .lane import Lane
from .metrics import DeliveryMetrics
from .records import RecordFactory
from .recovery import IndexRecovery
from .source import KafkaSource, awake_seconds
from .waits import WaitScheduler

log = logging.getLogger("leadloop.deliver")

EX_SOFTWARE = 70
DRAIN_SECONDS = 8.0
PRODUCER = {"message.timeout.ms": 120_000, "linger.ms": 2}
"""Kafka may be away for so long; then the process ends, and repeats what was not acked."""
_TICK_SECONDS = 0.1
_STUCK_SECONDS = 120.0


@dataclass(frozen=True)
class WorkerConfig:
    """What a worker needs to know, and what may be different in a test."""

    kafka: Mapping[str, Any] = field(repr=False)  # may hold a password
    codec: Codec
    endpoints: Sequence[Endpoint]
    connector_of: Callable[[Endpoint, Sender], Connector]
    redis_url: str = field(repr=False)  # the same
    app_id: str = "leadloop"
    prefix: str = ""
    session_seconds: float = 30.0
    commit_seconds: float = 1.0
    drain_seconds: float = DRAIN_SECONDS
    schedule: Schedule = field(default_factory=Schedule)
    tiers: WaitTopics = field(default_factory=WaitTopics)
    breaker: BreakerRule = field(default_factory=BreakerRule)
    now: Callable[[], float] = time.time
    sender: Callable[[AsyncProducer], Sender] = lambda producer: producer
    limiter: Callable[[Limiter], Limiter] = lambda limiter: limiter


class Worker:
    """One process' part of all deliveries."""

    def __init__(self, plan: WorkerConfig, registry: CollectorRegistry) -> None:
        self._plan = plan
        self.metrics = DeliveryMetrics(registry, [one.name for one in plan.endpoints])
        self._registry = registry
        self._stopping = asyncio.Event()
        self._fault: tuple[BaseException, str] | None = None
        self._loop = asyncio.get_running_loop()
        self._turned_at = time.monotonic()
        self._intake: KafkaSource | None = None

    @property
    def is_ready(self) -> bool:
        return self._intake is not None and self._intake.is_settled and not self._reception.is_recovering

    @property
    def is_turning(self) -> bool:
        """Whether the event loop still turns."""
        return time.monotonic() - self._turned_at < _STUCK_SECONDS

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> int:
        """Until it is stopped, or something unexpected happens. Returns the exit code.

        Raises:
            UserError: the topics are not as they must be.
            KafkaException: the broker is out of reach.
        """
        self._partitions = await asyncio.to_thread(partitions_of, self._plan)
        async with AsyncExitStack() as stack:
            try:
                await self._start(stack)
            except Exception as fault:  # noqa: BLE001  told with the verdict
                self._fault = self._fault or (fault, "start")
                self._stopping.set()
            if self._intake is None:
                return self._verdict()
            ticking = self._loop.create_task(self._tick())
            stack.callback(ticking.cancel)
            lanes = [self._loop.create_task(lane.run()) for lane in self._dispatch.lanes.values()]
            for task in (ticking, *lanes):
                task.add_done_callback(self._ended)
                stack.callback(task.cancel)
            await self._stopping.wait()
            if self._fault is None:
                await self._intake.stop()
        return self._verdict()

    async def _start(self, stack: AsyncExitStack) -> None:
        plan = self._plan
        producer = AsyncProducer({**plan.kafka, **PRODUCER})
        producer.start()
        stack.push_async_callback(producer.close)
        self._sender = plan.sender(producer)
        self._records = RecordFactory(plan.codec, plan.prefix, plan.tiers)
        self._follower = EndpointStateFollower(
            plan.kafka, plan.codec, plan.prefix, self.failed, lambda: not self._stopping.is_set()
        )
        stack.push_async_callback(self._follower.stop)
        await self._follower.start()
        if self._stopping.is_set():
            return
        self._limiter = self._limits(stack)
        self._dispatch = self._dispatching()
        self._dispatch.lanes = {one.name: self._lane(one, stack) for one in plan.endpoints}
        self._reception = self._receiving()
        stack.callback(self._reception.close)
        topics = [f"{plan.prefix}lead-recycled", *self._reception.delays]
        intake = KafkaSource(plan.kafka, deliver_group(plan.app_id, plan.prefix), topics, plan.session_seconds, self)
        self._intake = self._reception.valve = intake
        intake.start()

    def _limits(self, stack: AsyncExitStack) -> Limiter:
        scripts = RedisScripts(self._plan.redis_url)
        shared = SharedLimiter(scripts, delivery_limits_key(self._plan.app_id, self._plan.prefix))
        local = LocalLimiter(time.monotonic, self._share)
        fallback = FallbackLimiter(scripts, shared, local, self.metrics.source)
        stack.push_async_callback(fallback.close)
        return self._plan.limiter(fallback)

    def _dispatching(self) -> Dispatch:
        plan = self._plan
        return Dispatch(
            endpoints={one.name: one for one in plan.endpoints},
            codec=plan.codec,
            records=self._records,
            sender=self._sender,
            schedule=plan.schedule,
            metrics=self.metrics,
            now=self._now,
            standing=self._follower.states.standing,
            disable=self._disable,
            share=self._share,
            is_ours=self._is_ours,
            failed=self.failed,
        )

    def _receiving(self) -> WaitScheduler:
        plan = self._plan
        delays = {plan.prefix + topic: ms for topic, ms in plan.tiers.waits}
        recovery = IndexRecovery(plan.kafka, plan.codec, f"{plan.prefix}delivery-results", list(delays))
        return WaitScheduler(
            dispatch=self._dispatch,
            delays=delays,
            recover=lambda takeovers, is_wanted: recovery.run(takeovers, self._now(), is_wanted),
            now=self._now,
            failed=self.failed,
            drain_seconds=plan.drain_seconds,
        )

    def _lane(self, endpoint: Endpoint, stack: AsyncExitStack) -> Lane:
        limits, target = endpoint.limits, endpoint.target
        connector = self._plan.connector_of(endpoint, self._sender)
        stack.push_async_callback(connector.close)
        lease = target.timeout_seconds * target.max_calls + 10.0
        return Lane(
            connector=connector,
            allowance=Allowance(endpoint.name, limits.per_second, limits.burst, limits.concurrency, lease),
            limiter=self._limiter,
            breaker=Breaker(self._plan.breaker),
            desk=self._dispatch,
            batch_seconds=target.batch_milliseconds / 1000 if connector.batch_size > 1 else 0.0,
            share=self._share,
        )

    # What the intake tells; see `intake.Receiver`.

    async def took_over(self, takeovers: Sequence[Takeover]) -> None:
        await self._reception.took_over(takeovers)

    async def came(self, batch: Sequence[ConsumedRecord]) -> None:
        await self._reception.came(batch)

    async def given_up(self) -> Mapping[tuple[str, int], int]:
        return await self._reception.given_up()

    async def taken_away(self) -> None:
        await self._reception.taken_away()

    def failed(self, fault: BaseException, place: str = "") -> None:
        """Something unexpected, from any thread: nothing more is acked."""

        def remember() -> None:
            self._fault = self._fault or (fault, place)
            self._stopping.set()

        self._loop.call_soon_threadsafe(remember)

    # What the parts ask.

    def _now(self) -> int:
        return int(self._plan.now() * 1000)

    def _share(self) -> float:
        return len(self._reception.routes) / self._partitions

    def _is_ours(self) -> bool:
        """A worker that was paused for long must first hear from its group."""
        renewed_at = self._intake.renewed_at if self._intake is not None else 0.0
        return awake_seconds() - renewed_at < self._plan.session_seconds / 2

    async def _disable(self, endpoint: str, why: str) -> None:
        if self._follower.states.standing(endpoint) is Availability.DISABLED:
            return
        state = EndpointState(endpoint=endpoint, state="disabled", occurred_at=self._now(), by="deliver", why=why[:200])
        self._follower.states.hear(state)
        await self._sender.send_all([self._records.state(state)])
        log.warning("%s is disabled: %s", endpoint, why)

    async def _tick(self) -> None:
        committed = told = 0.0
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self._reception.look_again()
            self._turned_at = now = time.monotonic()
            positions = self._reception.positions()
            if self._intake is not None and positions and now - committed >= self._plan.commit_seconds:
                committed = now
                self._intake.commit(positions)
            if self._intake is not None and now - told >= 1.0:
                told = now
                self._tell(self._intake.behind)

    def _tell(self, lag: Mapping[str, int]) -> None:
        metrics, routes = self.metrics, list(self._reception.routes.values())
        for name, lane in self._dispatch.lanes.items():
            metrics.stands(name, self._follower.states.standing(name), lane.circuit)
            metrics.queued.labels(name).set(lane.queued)
            metrics.in_flight.labels(name).set(lane.in_flight)
            metrics.waiting.labels(name).set(sum(route.waiting[name] for route in routes))
        metrics.not_settled(route.ledger.due.by_age(self._now()) for route in routes)
        for topic, behind in lag.items():
            metrics.lag.labels(topic.removeprefix(self._plan.prefix)).set(behind)
        sizes = [route.ledger.sizes for route in routes]
        metrics.ledger.labels("finished").set(sum(size[0] for size in sizes))
        metrics.ledger.labels("under_way").set(sum(size[1] for size in sizes))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            self.failed(fault, task.get_name())

    def _verdict(self) -> int:
        if self._fault is None:
            return 0
        fault, place = self._fault
        log.critical("unexpected, at %s: nothing of it is acked, it will be repeated", place or "start", exc_info=fault)
        return EX_SOFTWARE


def partitions_of(plan: WorkerConfig) -> int:
    """How many partitions there are.

    Raises:
        UserError: topics are missing, or have not equally many.
    """
    admin = AdminClient(dict(plan.kafka))
    known = {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=15).topics.items()}
    aligned = [plan.prefix + name for name in ("lead-recycled", "delivery-results", *plan.tiers.delays)]
    missing = [name for name in (*aligned, plan.prefix + STATES) if name not in known]
    if missing:
        raise UserError(f"there is no topic {', '.join(missing)}, or no right to see it: {MISSING_TOPIC_HINT}")
    counts = {name: known[name] for name in aligned}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise UserError(f"these topics must have equally many partitions, but have: {told}")
    return known[aligned[0]]


async def serve(worker: Worker) -> int:
    """Run until SIGTERM or SIGINT."""
    outlive_broken_pipes()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    return await worker.run()
