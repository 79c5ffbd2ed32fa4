"""Builds a worker's parts in the order of their dependencies: each gets what it needs when it is made.

producer → endpoint states → limiter and daily budgets → lanes → recorder → deliverer → waits → assignment → source
"""

import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from schemas.names import deliver_group, delivery_limits_key
from workers.kafka import AsyncProducer, Sender

from ..core.breaker import Breaker
from ..core.expansion import Expansion
from ..core.health import FailureLimit
from ..core.owned_partition import OwnedPartition
from ..events import TOPICS
from ..limits.daily import DailyAllowance, DailyBudget
from ..limits.failures import FailureCounts
from ..limits.fallback import FallbackLimiter
from ..limits.limiter import Allowance, Limiter
from ..limits.local import LocalLimiter
from ..limits.shared import RedisScripts, SharedDayCounts, SharedLimiter
from ..target import Endpoint
from .assignment import Assignment
from .config import WorkerConfig
from .deliverer import Deliverer
from .endpoint_health import EndpointHealth
from .endpoint_log import EndpointLog, LimiterLog
from .endpoint_states import EndpointStateFollower, EndpointStates
from .flow import ConsumerCommands, FlowControl
from .lane import Lane
from .membership import GroupMembership
from .metrics import DeliveryMetrics
from .operator_notices import OperatorNotices
from .recorder import Recorder
from .records import RecordFactory
from .recovery import IndexRecovery
from .shutdown import Shutdown
from .source import KafkaSource
from .tasks import SupervisedTasks
from .waits import WaitScheduler

PRODUCER = {"message.timeout.ms": 120_000, "linger.ms": 2}
"""Kafka may be away for so long; then the process ends, and repeats what was not acked."""


@dataclass(frozen=True, eq=False)
class Runtime:
    """The parts of a worker that its process works with."""

    source: KafkaSource
    commands: ConsumerCommands
    assignment: Assignment
    lanes: Mapping[str, Lane]
    budgets: Mapping[str, DailyBudget]
    states: EndpointStates
    logs: Mapping[str, EndpointLog]
    health: Mapping[str, EndpointHealth]


@dataclass(frozen=True, eq=False)
class _Builder:
    """`stack` closes in reverse order. `owned` is filled and emptied by the assignment."""

    config: WorkerConfig
    metrics: DeliveryMetrics
    partitions: int
    shutdown: Shutdown
    stack: AsyncExitStack
    membership: GroupMembership
    owned: dict[int, OwnedPartition] = field(default_factory=dict)
    logs: dict[str, EndpointLog] = field(default_factory=dict)

    def share(self) -> float:
        """Return this worker's part of all partitions, and so of every limit."""
        return len(self.owned) / self.partitions

    def sender(self) -> Sender:
        producer = AsyncProducer({**self.config.kafka, **PRODUCER})
        producer.start()
        self.stack.push_async_callback(producer.close)
        return self.config.sender(producer)

    async def states(self) -> EndpointStates:
        config, shutdown = self.config, self.shutdown
        follower = EndpointStateFollower(
            config.kafka, config.codec, config.prefix, shutdown.failed, lambda: not shutdown.is_requested
        )
        self.stack.push_async_callback(follower.stop)
        await follower.start()
        return follower.states

    @property
    def zones(self) -> dict[str, ZoneInfo]:
        """The time zone of each endpoint with a daily budget."""
        return {one.name: one.limits.timezone for one in self.config.endpoints if one.limits.per_day is not None}

    def limiter(self, scripts: RedisScripts) -> Limiter:
        shared = SharedLimiter(scripts, self.limits_key)
        local = LocalLimiter(time.monotonic, self.share)
        fallback = FallbackLimiter(scripts, shared, local, LimiterLog(self.metrics.source).source)
        self.stack.push_async_callback(fallback.close)
        return self.config.limiter(fallback)

    def budgets(self, scripts: RedisScripts) -> dict[str, DailyBudget]:
        shared = SharedDayCounts(scripts, self.limits_key, self.partitions)
        daily = [(one, one.limits.per_day) for one in self.config.endpoints]
        return {one.name: self._budget(one, most, shared) for one, most in daily if most is not None}

    def _budget(self, endpoint: Endpoint, most: int, shared: SharedDayCounts) -> DailyBudget:
        name, limits = endpoint.name, endpoint.limits
        return DailyBudget(
            DailyAllowance(name, most, limits.timezone, limits.per_second),
            shared,
            counts=lambda day: {number: one.begun.of(name, day) for number, one in self.owned.items()},
            share=self.share,
            now=self.config.now_ms,
            on_left=self.metrics.budget_left.labels(name).set,
        )

    @property
    def limits_key(self) -> str:
        return delivery_limits_key(self.config.app_id, self.config.prefix)

    def lane(self, endpoint: Endpoint, limiter: Limiter, sender: Sender) -> Lane:
        limits, target = endpoint.limits, endpoint.target
        connector = self.config.connector_of(endpoint, sender)
        self.stack.push_async_callback(connector.close)
        lease = target.timeout_seconds * target.max_calls + 10.0
        return Lane(
            connector=connector,
            allowance=Allowance(endpoint.name, limits.per_second, limits.burst, limits.concurrency, lease),
            limiter=limiter,
            breaker=Breaker(self.config.breaker),
            batch_seconds=target.batch_milliseconds / 1000 if connector.batch_size > 1 else 0.0,
            share=self.share,
            may_send=lambda: self.membership.is_confirmed,
            attempted=lambda requests, seconds: self.metrics.attempted(endpoint.name, requests, seconds),
        )

    def operators(self, sender: Sender, states: EndpointStates) -> OperatorNotices:
        config = self.config
        return OperatorNotices(
            states, sender, RecordFactory(config.codec, config.prefix, config.wait_topics), self.metrics
        )

    def health(self, scripts: RedisScripts, operators: OperatorNotices) -> dict[str, EndpointHealth]:
        counts = FailureCounts(scripts, self.limits_key)
        return {one.name: self._health(one, counts, operators) for one in self.config.endpoints}

    def _health(self, endpoint: Endpoint, counts: FailureCounts, operators: OperatorNotices) -> EndpointHealth:
        name, failures = endpoint.name, endpoint.target.failures
        return EndpointHealth(
            name,
            FailureLimit(failures.in_a_row, failures.disable),
            counts,
            publish=operators.publish,
            disable=lambda why, at: operators.disable(name, why, at),
            ratio=self.metrics.failures.labels(name).set,
            resumed_at=lambda: operators.resumed_at(name),
            now=self.config.now_ms,
        )

    def deliverer(
        self,
        operators: OperatorNotices,
        lanes: Mapping[str, Lane],
        budgets: Mapping[str, DailyBudget],
        health: Mapping[str, EndpointHealth],
    ) -> Deliverer:
        config = self.config
        return Deliverer(
            expansion=Expansion({one.name: one for one in config.endpoints}, config.codec, config.now_ms),
            lanes=lanes,
            budgets=budgets,
            declared=operators.states.availability,
            disable=operators.disable,
            recorder=Recorder(
                operators.factory, operators.sender, self.metrics, frozenset(lanes), config.now_ms, self.logs
            ),
            schedule=config.schedule,
            tasks=SupervisedTasks(self.shutdown.failed),
            now=config.now_ms,
            tracing=config.tracing,
            health=health,
        )

    def assignment(self, deliverer: Deliverer, commands: ConsumerCommands) -> Assignment:
        config, failed, flow = self.config, self.shutdown.failed, FlowControl(commands)
        delays = {config.prefix + topic: ms for topic, ms in config.wait_topics.waits}
        results = f"{config.prefix}delivery-results"
        recovery = IndexRecovery(config.kafka, config.codec, results, list(delays), self.zones)
        assignment = Assignment(
            owned=self.owned,
            deliveries=deliverer,
            waits=WaitScheduler(delays, flow, config.now_ms, deliverer.accept_wait, failed),
            flow=flow,
            recover=lambda takeovers, is_wanted: recovery.run(takeovers, config.now_ms(), is_wanted),
            failed=failed,
            drain_seconds=config.drain_seconds,
        )
        self.stack.callback(assignment.close)
        return assignment

    def source(self, assignment: Assignment, commands: ConsumerCommands) -> KafkaSource:
        config, waits = self.config, list(assignment.waits.delays)
        return KafkaSource(
            config.kafka,
            deliver_group(config.app_id, config.prefix),
            [*(config.prefix + topic for topic in TOPICS), *waits],
            config.session_seconds,
            written_topics=[f"{config.prefix}delivery-results", *waits],
            later_topics=[f"{config.prefix}lead-escalated"],
            receiver=assignment,
            commands=commands,
            membership=self.membership,
            failed=self.shutdown.failed,
        )


async def build(
    config: WorkerConfig, metrics: DeliveryMetrics, partitions: int, shutdown: Shutdown, stack: AsyncExitStack
) -> Runtime | None:
    """Build everything; nothing is consumed before the source is started. None where the shutdown came first.

    Raises:
        KafkaException: the broker is unavailable, or denies access.
    """
    builder = _Builder(config, metrics, partitions, shutdown, stack, GroupMembership(config.session_seconds))
    builder.logs.update({one.name: EndpointLog(one.name) for one in config.endpoints})
    sender = builder.sender()
    states = await builder.states()
    if shutdown.is_requested:
        return None
    scripts = RedisScripts(config.redis_url)
    limiter, budgets = builder.limiter(scripts), builder.budgets(scripts)
    lanes = {one.name: builder.lane(one, limiter, sender) for one in config.endpoints}
    commands = ConsumerCommands()
    operators = builder.operators(sender, states)
    health = builder.health(scripts, operators)
    assignment = builder.assignment(builder.deliverer(operators, lanes, budgets, health), commands)
    source = builder.source(assignment, commands)
    return Runtime(source, commands, assignment, lanes, budgets, states, builder.logs, health)
