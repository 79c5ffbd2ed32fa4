"""The life of a delivery: what is called, what is written, and what may be committed, whenever it is interrupted."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import DeliveryResult
from tests.unit.delivery.builders import NOW, a_partition, a_record, a_recycle
from tests.unit.delivery.lane_harness import ALLOWANCE, FakeConnector, FakeLimiter, until
from workers.delivery.attempts import Gone, Outcome, Retry
from workers.delivery.core.breaker import Breaker, BreakerRule
from workers.delivery.core.expansion import Expansion
from workers.delivery.core.model import Availability, RetryState
from workers.delivery.core.owned_partition import OwnedPartition
from workers.delivery.core.schedule import Schedule
from workers.delivery.core.wait_topics import WaitTopics
from workers.delivery.events import RECYCLES
from workers.delivery.runtime.deliverer import Deliverer
from workers.delivery.runtime.lane import SLOT_PATIENCE, Lane
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
            declared=lambda _: self.declared,
            disable=self._disable,
            recorder=Recorder(factory, self.sender, metrics, frozenset(lanes), lambda: self.now_ms),
            schedule=Schedule(),
            tasks=SupervisedTasks(lambda error, _: self.errors.append(error)),
            now=lambda: self.now_ms,
        )

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
        event = a_recycle(action, **fields)
        self.deliverer.accept_event(self.partition, a_record(offset=offset, value=CODEC.encode(event)))

    @property
    def position(self) -> int:
        return dict(self.partition.positions())["lead-recycled"]


async def idle() -> None:
    """Whatever can go on without the outside has done so."""
    for _ in range(20):
        await asyncio.sleep(0)


def unfinished(partition: OwnedPartition) -> int:
    return partition.trackers["lead-recycled"].outstanding


async def test_an_offset_moves_only_when_everything_below_it_is_recorded() -> None:
    delivering = Delivering(FakeConnector(hangs=True))
    async with delivering.runs():
        delivering.accept(0)
        await until(lambda: delivering.connector.calls)
        delivering.accept(1, lead_id="lead-2", recycle_id="r2", not_before=NOW + 5_000)
        await until(lambda: delivering.sender.waits)
        await idle()
        assert (delivering.position, unfinished(delivering.partition)) == (0, 1)
        delivering.connector.released.set()
        await until(lambda: delivering.position == 2)
    assert delivering.sender.results == [("RECYCLE", "accepted")]


async def test_an_offset_does_not_move_before_the_broker_acks() -> None:
    delivering = Delivering(FakeConnector())
    delivering.sender.is_unavailable = True
    async with delivering.runs():
        delivering.accept(0)
        await until(lambda: delivering.connector.calls)
        await idle()
        assert (delivering.position, delivering.partition.in_progress) == (0, 1)


async def test_a_revoke_is_sent_after_the_call_of_its_recycle_has_ended() -> None:
    delivering = Delivering(FakeConnector(hangs=True))
    async with delivering.runs():
        delivering.accept(0)
        await until(lambda: delivering.connector.calls)
        delivering.accept(1, "REVOKE")
        await idle()
        assert delivering.connector.calls == [["r1"]]
        delivering.connector.released.set()
        await until(lambda: delivering.position == 2)
    assert delivering.sender.results == [("RECYCLE", "accepted"), ("REVOKE", "accepted")]


async def test_neither_is_sent_when_a_revoke_is_known_before_its_recycle_gets_a_permit() -> None:
    delivering = Delivering(FakeConnector())
    delivering.accept(0)
    await idle()
    assert delivering.lane.queued == 1
    delivering.accept(1, "REVOKE")
    async with delivering.runs():
        await until(lambda: delivering.position == 2)
    assert delivering.connector.calls == []
    assert delivering.sender.results == [("RECYCLE", "no_op"), ("REVOKE", "no_op")]


async def test_a_recycle_whose_consent_ends_while_it_queues_is_not_sent() -> None:
    delivering = Delivering(FakeConnector())
    delivering.accept(0, expires_at=NOW + 1)
    await idle()
    assert delivering.lane.queued == 1
    delivering.now_ms = NOW + 1
    async with delivering.runs():
        await until(lambda: delivering.position == 1)
    assert delivering.connector.calls == []
    assert delivering.sender.results == [("RECYCLE", "expired")]


async def test_a_delivery_whose_endpoint_is_paused_while_it_queues_is_not_sent() -> None:
    delivering = Delivering(FakeConnector())
    delivering.accept(0)
    await idle()
    delivering.declared = Availability.PAUSED
    async with delivering.runs():
        await until(lambda: delivering.position == 1)
    assert delivering.connector.calls == []
    assert [(wait.why, wait.attempts, wait.may_have_arrived) for wait in delivering.sender.waits] == [
        ("paused", 0, False)
    ]


async def test_410_disables_the_endpoint_and_the_delivery_waits_without_using_an_attempt() -> None:
    delivering = Delivering(FakeConnector(outcomes={"r1": Gone(410, "gone")}))
    async with delivering.runs():
        delivering.accept(0)
        await until(lambda: delivering.position == 1)
    assert delivering.disabled == ["nurture"]
    assert [(wait.why, wait.attempts, wait.may_have_arrived) for wait in delivering.sender.waits] == [("gone", 0, True)]


async def test_429_without_retry_after_blocks_the_endpoint_for_a_second() -> None:
    throttled: Outcome = Retry("slow down", 429, None, throttled=True)
    delivering = Delivering(FakeConnector(outcomes={"r1": throttled}))
    async with delivering.runs():
        delivering.accept(0)
        await until(lambda: delivering.position == 1)
    assert delivering.limiter.blocks == [1.0]
    assert [(wait.why, wait.attempts) for wait in delivering.sender.waits] == [("throttled", 0)]


async def test_what_is_cut_off_by_a_release_stays_in_progress_and_is_not_committed() -> None:
    delivering = Delivering(FakeConnector(hangs=True))
    async with delivering.runs():
        delivering.accept(0)
        await until(lambda: delivering.connector.calls)
        await delivering.deliverer.release([delivering.partition], 0.05)
        assert (delivering.position, delivering.partition.in_progress) == (0, 1)
    assert delivering.sender.written == []


async def test_a_call_that_ends_within_the_bound_of_a_release_is_recorded_and_what_queued_is_left() -> None:
    delivering = Delivering(FakeConnector(hangs=True))
    async with delivering.runs():
        for number in range(3):
            delivering.accept(number, lead_id=f"lead-{number}", recycle_id=f"r{number}")
        await until(lambda: len(delivering.connector.calls) == ALLOWANCE.concurrency)
        asyncio.get_running_loop().call_soon(delivering.connector.released.set)
        await delivering.deliverer.release([delivering.partition], 20.0)
        assert (delivering.position, delivering.partition.in_progress) == (2, 0)
    assert len(delivering.sender.results) == ALLOWANCE.concurrency


async def test_a_delivery_without_a_permit_is_not_written_to_a_waiting_topic_after_its_partition_is_released() -> None:
    delivering = Delivering(FakeConnector(hangs=True))
    async with delivering.runs():
        for number in range(3):
            delivering.accept(number, lead_id=f"lead-{number}", recycle_id=f"r{number}")
        await until(lambda: len(delivering.connector.calls) == ALLOWANCE.concurrency)
        delivering.now += SLOT_PATIENCE + 0.01
        assert not await delivering.lane._step()  # noqa: SLF001  sends it away; nothing runs until the release
        await delivering.deliverer.release([delivering.partition], 0.05)
    assert delivering.sender.written == []
    assert delivering.partition.in_progress == ALLOWANCE.concurrency
