"""A deliverer with one endpoint whose lane runs on a clock that a test moves, and what it has written."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import DeliveryResult
from tests.unit.delivery.builders import NOW, a_partition, a_record, a_recycle
from tests.unit.delivery.fake_days import UTC, FakeDays
from tests.unit.delivery.lane_harness import ALLOWANCE, FakeConnector, FakeLimiter
from workers.delivery.core.breaker import Breaker, BreakerRule
from workers.delivery.core.daily_counts import DailyCounts
from workers.delivery.core.expansion import Expansion
from workers.delivery.core.model import Availability, RetryState
from workers.delivery.core.owned_partition import OwnedPartition
from workers.delivery.core.schedule import Schedule
from workers.delivery.core.wait_topics import WaitTopics
from workers.delivery.events import RECYCLES
from workers.delivery.limits.daily import DailyAllowance, DailyBudget
from workers.delivery.runtime.deliverer import Deliverer
from workers.delivery.runtime.lane import Lane
from workers.delivery.runtime.metrics import DeliveryMetrics
from workers.delivery.runtime.recorder import Recorder
from workers.delivery.runtime.records import RecordFactory
from workers.delivery.runtime.tasks import SupervisedTasks
from workers.delivery.target import Endpoint, Limits, Target
from workers.kafka import Outgoing

CODEC = Codec(Catalogue.bundled())


class NurtureTarget(Target):
    PRESET = Limits(per_second=1_000, burst=100, concurrency=2)


class FakeSender:
    """Acknowledges everything at once, or nothing while it `is_unavailable`."""

    def __init__(self) -> None:
        self.written: list[Outgoing] = []
        self.is_unavailable = False

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[Any]:
        if self.is_unavailable:
            await asyncio.Event().wait()
        self.written += records
        return []

    @property
    def results(self) -> list[tuple[str, str]]:
        """Action and outcome of each."""
        found = [CODEC.decode(one.value, DeliveryResult) for one in self.written if one.topic == "delivery-results"]
        return [(one.action, one.outcome) for one in found]

    @property
    def waits(self) -> list[RetryState]:
        return [RetryState.of(one.headers) for one in self.written if one.topic.startswith("delivery-wait-")]


class Delivering:
    """A deliverer with one endpoint, `nurture`, whose lane runs on a clock that is moved by hand."""

    def __init__(self, connector: FakeConnector) -> None:
        self.now, self.now_ms = 1_000.0, NOW
        self.connector, self.limiter, self.sender = connector, FakeLimiter(), FakeSender()
        self.errors: list[BaseException] = []
        self.declared = Availability.ACTIVE
        self.disabled: list[str] = []
        self.partition = a_partition()
        self.budgets: dict[str, DailyBudget] = {}
        self.lane = Lane(
            connector=connector,
            allowance=ALLOWANCE,
            limiter=self.limiter,
            breaker=Breaker(BreakerRule()),
            batch_seconds=0.0,
            share=lambda: 1.0,
            may_send=lambda: True,
            attempted=lambda _, __: None,
            clock=lambda: self.now,
        )
        self.deliverer = self._deliverer({"nurture": self.lane})

    def _deliverer(self, lanes: Mapping[str, Lane]) -> Deliverer:
        metrics = DeliveryMetrics(CollectorRegistry(), dict.fromkeys(lanes, RECYCLES))
        factory = RecordFactory(CODEC, "", WaitTopics())
        return Deliverer(
            expansion=Expansion({"nurture": Endpoint("nurture", NurtureTarget())}, CODEC, lambda: self.now_ms),
            lanes=lanes,
            budgets=self.budgets,
            declared=lambda _: self.declared,
            disable=self._disable,
            recorder=Recorder(factory, self.sender, metrics, frozenset(lanes), lambda: self.now_ms),
            schedule=Schedule(),
            tasks=SupervisedTasks(lambda error, _: self.errors.append(error)),
            now=lambda: self.now_ms,
        )

    def has_a_budget(self, days: FakeDays) -> None:
        """Of 500 a day, for which 250 seconds are needed."""
        allowance = DailyAllowance("nurture", 500, UTC, per_second=2)
        self.budgets["nurture"] = DailyBudget(allowance, days, lambda _: {0: 0}, lambda: 1.0, lambda: self.now_ms)
        self.partition.begun = DailyCounts({"nurture": UTC})

    async def _disable(self, endpoint: str, _: str, called_at: int) -> None:
        assert called_at == NOW
        self.declared = Availability.DISABLED
        self.disabled.append(endpoint)

    @asynccontextmanager
    async def runs(self) -> AsyncIterator[None]:
        task = asyncio.get_running_loop().create_task(self.lane.run())
        yield
        await self.deliverer.release([self.partition], 0.0)
        task.cancel()
        await asyncio.wait([task])
        assert self.errors == []
        assert self.limiter.leases == []
        assert self.lane.in_flight == 0

    def accept(self, offset: int, action: Any = "RECYCLE", **fields: Any) -> None:
        record = a_record(offset=offset, value=CODEC.encode(a_recycle(action, **fields)), written_at=self.now_ms)
        self.deliverer.accept_event(self.partition, record)

    def returns(self, number: int) -> None:
        """Consume what was written to a waiting topic as the `number`-th, from a topic `wait`."""
        written = [one for one in self.sender.written if one.topic.startswith("delivery-wait-")][number]
        record = a_record("wait", offset=number, value=written.value, headers=written.headers)
        self.deliverer.accept_wait(self.partition, record)

    def has_written_waits(self, count: int) -> bool:
        return len(self.sender.waits) == count

    def opens_its_circuit(self) -> None:
        """The last calls of the endpoint have failed."""
        for _ in range(20):
            self.lane.breaker.begun(self.now)
            self.lane.breaker.ended(self.now, is_success=False)

    @property
    def position(self) -> int:
        return dict(self.partition.positions())["lead-recycled"]


async def idle() -> None:
    """Whatever can go on without the outside has done so."""
    for _ in range(20):
        await asyncio.sleep(0)


def unfinished(partition: OwnedPartition) -> int:
    return partition.trackers["lead-recycled"].outstanding
