"""`leadloop deliver`: starts, runs, and leaves in order.

SIGTERM: nothing new is begun, what is in progress is finished within a bound, offsets are committed, the group is left.
An unexpected error: exit 70 with topic, partition and offset; what was not acked is repeated.
"""

import asyncio
import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from prometheus_client import CollectorRegistry

from schemas.errors import UserError
from streams.runtime.process import outlive_broken_pipes
from streams.runtime.without_kafka import watch_brokers
from workers.kafka import MISSING_TOPIC_HINT

from ..endpoint_events import TOPIC as EVENTS
from ..events import TOPICS
from .build import Runtime, build
from .config import WorkerConfig
from .endpoint_states import TOPIC as STATES
from .flow import Commit
from .metrics import DeliveryMetrics
from .shutdown import Shutdown

_TICK_SECONDS = 0.1
_STUCK_SECONDS = 120.0
_REPORT_SECONDS = 1.0


class Worker:
    """One process' part of all deliveries. To be created in the event loop."""

    def __init__(self, config: WorkerConfig, registry: CollectorRegistry) -> None:
        self._config = config
        self._metrics = DeliveryMetrics(registry, {one.name: one.target.actions for one in config.endpoints})
        self._shutdown = Shutdown()
        self._ticked_at = time.monotonic()
        self._runtime: Runtime | None = None

    @property
    def is_ready(self) -> bool:
        runtime = self._runtime
        return runtime is not None and runtime.source.is_settled and not runtime.assignment.is_recovering

    @property
    def is_turning(self) -> bool:
        """Whether the event loop still turns."""
        return time.monotonic() - self._ticked_at < _STUCK_SECONDS

    @property
    def is_told_to_stop(self) -> bool:
        return self._shutdown.is_told

    @property
    def kafka(self) -> Mapping[str, Any]:
        """The connection settings."""
        return self._config.kafka

    def stop(self) -> None:
        self._shutdown.request()

    async def run(self) -> int:
        """Run until it is stopped, or something unexpected happens. Returns the exit code.

        Raises:
            UserError: topics are missing, or have different numbers of partitions.
            KafkaException: the broker is unavailable.
        """
        try:
            partitions = await asyncio.to_thread(partitions_of, self._config)
        except KafkaException:
            if self.is_told_to_stop:
                return 0
            raise
        async with AsyncExitStack() as stack:
            try:
                self._runtime = await build(self._config, self._metrics, partitions, self._shutdown, stack)
            except Exception as error:  # noqa: BLE001  reported with the exit code
                self._shutdown.fail(error, "start")
            if self._runtime is not None:
                await self._work(self._runtime, stack)
        return self._shutdown.exit_code()

    async def _work(self, runtime: Runtime, stack: AsyncExitStack) -> None:
        runtime.source.start()
        loop = asyncio.get_running_loop()
        lanes, budgets = runtime.lanes.values(), runtime.budgets.values()
        reports = (*(budget.run() for budget in budgets), *(health.run() for health in runtime.health.values()))
        works = (self._tick(runtime), *(lane.run() for lane in lanes), *reports)
        for work in works:
            task = loop.create_task(work)
            self._shutdown.watch(task)
            stack.callback(task.cancel)
        await self._shutdown.wait()
        if not self._shutdown.has_failed:
            await runtime.source.stop()

    async def _tick(self, runtime: Runtime) -> None:
        committed = reported = 0.0
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            runtime.assignment.resume_where_possible()
            self._ticked_at = now = time.monotonic()
            positions = runtime.assignment.positions()
            if positions and now - committed >= self._config.commit_seconds:
                committed = now
                runtime.commands.put(Commit(positions))
            if now - reported >= _REPORT_SECONDS:
                reported = now
                self._report(runtime, runtime.source.behind)

    def _report(self, runtime: Runtime, lag: Mapping[str, int]) -> None:
        metrics, partitions = self._metrics, list(runtime.assignment.owned.values())
        for name, lane in runtime.lanes.items():
            availability, waiting = runtime.states.availability(name), sum(one.waiting[name] for one in partitions)
            metrics.stands(name, availability, lane.circuit)
            runtime.logs[name].stands(availability, lane.circuit, runtime.states.latest(name), waiting)
            metrics.queued.labels(name).set(lane.queued)
            metrics.in_flight.labels(name).set(lane.in_flight)
            metrics.waiting.labels(name).set(waiting)
        now = self._config.now_ms()
        metrics.not_settled(one.index.due.by_age(now) for one in partitions)
        for topic, behind in lag.items():
            metrics.lag.labels(topic.removeprefix(self._config.prefix)).set(behind)
        sizes = [one.index.sizes for one in partitions]
        metrics.index.labels("finished").set(sum(size[0] for size in sizes))
        metrics.index.labels("under_way").set(sum(size[1] for size in sizes))


def partitions_of(config: WorkerConfig) -> int:
    """Return how many partitions there are.

    Raises:
        UserError: topics are missing, or have different numbers of partitions.
    """
    admin = AdminClient(dict(config.kafka))
    known = {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=15).topics.items()}
    aligned = [config.prefix + name for name in (*TOPICS, "delivery-results", *config.wait_topics.delays)]
    missing = [name for name in (*aligned, config.prefix + STATES, config.prefix + EVENTS) if name not in known]
    if missing:
        raise UserError(f"there is no topic {', '.join(missing)}, or no right to see it: {MISSING_TOPIC_HINT}")
    counts = {name: known[name] for name in aligned}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise UserError(f"these topics must have equally many partitions, but have: {found}")
    return known[aligned[0]]


async def serve(worker: Worker) -> int:
    """Run until SIGTERM or SIGINT."""
    outlive_broken_pipes()
    watch_brokers(lambda: worker.is_told_to_stop, worker.kafka)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    return await worker.run()
