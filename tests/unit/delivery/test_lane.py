"""One endpoint's lane: what goes together, what waits, and what is put back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.unit.delivery.builders import a_delivery
from workers.delivery.attempts import Accepted, DeliveryRequest, Gone, NoOp, Outcome, Rejected, Retry
from workers.delivery.core.breaker import Breaker, BreakerRule, Circuit
from workers.delivery.limits.limiter import Allowance, Grant
from workers.delivery.runtime.lane import SLOT_PATIENCE, Lane, NoCapacity

FREE = Allowance("nurture", per_second=1_000, burst=100, concurrency=2)


@dataclass
class FakeConnector:
    """Answers by recycle_id, else accepts; while it `hangs`, not at all."""

    batch_size: int = 1
    answers: dict[str, Outcome] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    hangs: bool = False
    fault: Exception | None = None

    def __post_init__(self) -> None:
        self.let_go = asyncio.Event()

    async def deliver(self, parcels: Sequence[DeliveryRequest]) -> Sequence[Outcome]:
        self.calls.append([parcel.event.recycle_id for parcel in parcels])
        if self.hangs:
            await self.let_go.wait()
        if self.fault:
            raise self.fault
        return [self.answers.get(parcel.event.recycle_id, Accepted(200)) for parcel in parcels]

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class FakeLimiter:
    """Gives what is asked for, or the same refusal each time; `asked` is called meanwhile."""

    refusal: Grant | None = None
    asked: Callable[[], None] = lambda: None
    leases: list[str] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)

    async def acquire(self, allowance: Allowance, want: int) -> Grant:
        del allowance
        self.asked()
        if self.refusal is not None:
            return self.refusal
        given = tuple(f"lease{len(self.leases) + number}" for number in range(want))
        self.leases += given
        return Grant(given)

    def release(self, allowance: Allowance, lease: str) -> None:
        del allowance
        self.leases.remove(lease)

    def block(self, allowance: Allowance, seconds: float) -> None:
        del allowance
        self.blocks.append(seconds)


class Driven:
    """A lane that runs, on a clock that is moved by hand, and the deliveries that want a permit of it.

    `unwanted`: deliveries that decline. `sent_away`: those without a permit, with the wait and its reason.
    """

    def __init__(self, connector: FakeConnector, limiter: FakeLimiter | None = None, seconds: float = 0.0) -> None:
        self.now = 1_000.0
        self.connector, self.limiter = connector, limiter or FakeLimiter()
        self.unwanted: set[str] = set()
        self.is_member = True
        self.sent_away: list[tuple[str, float, str]] = []
        self.outcomes: dict[str, Outcome] = {}
        self.faults: list[BaseException] = []
        self.attempted: list[int] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.lane = Lane(
            connector=connector,
            allowance=FREE,
            limiter=self.limiter,
            breaker=Breaker(BreakerRule(at_least=4, open_for=30.0)),
            batch_seconds=seconds,
            share=lambda: 1.0,
            may_send=lambda: self.is_member,
            attempted=lambda count, _: self.attempted.append(count),
            clock=lambda: self.now,
        )

    @asynccontextmanager
    async def runs(self) -> AsyncIterator[None]:
        task = asyncio.get_running_loop().create_task(self.lane.run())
        yield
        self.cancel()
        task.cancel()
        await asyncio.wait([task, *self._tasks], timeout=1)

    async def offer(self, *numbers: int) -> None:
        """Let them ask for permits; they have, when this returns."""
        self._tasks += [asyncio.get_running_loop().create_task(self._deliver(number)) for number in numbers]
        await asyncio.sleep(0)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _deliver(self, number: int) -> None:
        delivery = a_delivery(event={"recycle_id": f"r{number}"})
        name, permit = delivery.event.recycle_id, await self.lane.acquire()
        if isinstance(permit, NoCapacity):
            self.sent_away.append((name, permit.wait, permit.why))
        elif name in self.unwanted:
            permit.decline()
        else:
            try:
                self.outcomes[name] = await permit.call(DeliveryRequest(delivery.event, delivery.message_id, 1))
            except RuntimeError as fault:
                self.faults.append(fault)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  what is waited for is no event
            await asyncio.sleep(0.005)


async def turned() -> None:
    """The lane has looked at what queues, more than once."""
    await asyncio.sleep(0.15)


async def test_deliveries_that_queue_together_are_one_batch_and_each_has_its_own_outcome() -> None:
    mixed: dict[str, Outcome] = {"r1": Rejected(404, "unknown"), "r2": NoOp(200, "was there"), "r3": Retry("busy", 503)}
    driven = Driven(FakeConnector(batch_size=5, answers=mixed))
    await driven.offer(0, 1, 2, 3, 4)
    async with driven.runs():
        await until(lambda: len(driven.outcomes) == 5)
    assert driven.connector.calls == [["r0", "r1", "r2", "r3", "r4"]]
    assert driven.outcomes == {"r0": Accepted(200), "r4": Accepted(200)} | mixed
    assert driven.limiter.leases == []
    assert driven.lane.circuit is Circuit.CLOSED


async def test_a_batch_that_is_not_full_waits_as_long_as_it_may_and_no_longer() -> None:
    driven = Driven(FakeConnector(batch_size=3), seconds=0.2)
    await driven.offer(0, 1)
    async with driven.runs():
        await turned()
        assert driven.connector.calls == []
        driven.now += 0.2
        await until(lambda: driven.connector.calls)
    assert driven.connector.calls == [["r0", "r1"]]


async def test_full_batches_go_at_once_and_the_rest_stays() -> None:
    driven = Driven(FakeConnector(batch_size=2), seconds=60.0)
    await driven.offer(0, 1, 2, 3, 4)
    async with driven.runs():
        await until(lambda: len(driven.connector.calls) == 2)
        await turned()
    assert driven.connector.calls == [["r0", "r1"], ["r2", "r3"]]
    assert driven.lane.queued == 1


async def test_a_delivery_that_declines_leaves_its_batch() -> None:
    driven = Driven(FakeConnector(batch_size=3))
    driven.unwanted = {"r1"}
    await driven.offer(0, 1, 2)
    async with driven.runs():
        await until(lambda: len(driven.outcomes) == 2)
    assert driven.connector.calls == [["r0", "r2"]]


async def test_a_batch_in_which_all_decline_makes_no_call_and_releases_its_lease() -> None:
    driven = Driven(FakeConnector(batch_size=2))
    driven.unwanted = {"r0", "r1"}
    await driven.offer(0, 1)
    async with driven.runs():
        await until(lambda: driven.lane.queued == 0)
        await turned()
    assert driven.connector.calls == []
    assert driven.limiter.leases == []


async def test_one_of_a_batch_that_is_throttled_blocks_the_endpoint_for_all() -> None:
    slow = Retry("slow down", 429, 40.0, throttled=True)
    driven = Driven(FakeConnector(batch_size=2, answers={"r1": slow}))
    await driven.offer(0, 1)
    async with driven.runs():
        await until(lambda: len(driven.outcomes) == 2)
    assert driven.limiter.blocks == [40.0]
    await driven.offer(2)
    assert driven.sent_away == [("r2", 40.0, "rate")]
    assert driven.lane.is_crowded


async def test_concurrency_is_limited_and_a_delivery_that_queues_too_long_is_sent_away() -> None:
    driven = Driven(FakeConnector(hangs=True))
    await driven.offer(0, 1, 2)
    async with driven.runs():
        await until(lambda: len(driven.connector.calls) == 2)
        await turned()
        assert (driven.lane.in_flight, driven.lane.queued, driven.sent_away) == (2, 1, [])
        driven.now += SLOT_PATIENCE + 0.01
        await until(lambda: driven.sent_away)
        assert driven.sent_away == [("r2", 0.0, "busy")]
        driven.connector.let_go.set()
        await until(lambda: len(driven.outcomes) == 2)
    assert driven.lane.in_flight == 0


async def test_a_delivery_that_the_rate_delays_is_sent_away_with_the_wait() -> None:
    driven = Driven(FakeConnector(), FakeLimiter(refusal=Grant((), 7.0, "rate")))
    await driven.offer(0, 1)
    async with driven.runs():
        await until(lambda: len(driven.sent_away) == 2)
    assert {(wait, why) for _, wait, why in driven.sent_away} == {(7.0, "rate")}
    assert driven.connector.calls == []
    await driven.offer(2)
    assert driven.sent_away[-1] == ("r2", 7.0, "rate")


async def test_an_open_circuit_sends_away_what_queues_and_a_half_open_one_lets_probes_through() -> None:
    down: dict[str, Outcome] = {f"r{number}": Retry("down", 500) for number in range(4)}
    driven = Driven(FakeConnector(batch_size=1, answers=down))
    async with driven.runs():
        await driven.offer(0, 1, 2, 3)
        await until(lambda: driven.lane.circuit is Circuit.OPEN)
        await driven.offer(4)
        await until(lambda: driven.sent_away)
        assert driven.sent_away == [("r4", 0.0, "circuit_open")]
        driven.now += 30.0
        driven.connector.hangs = True
        await driven.offer(5, 6, 7)
        await until(lambda: len(driven.connector.calls) == 6)  # two probes
        await turned()
        assert len(driven.connector.calls) == 6
        driven.connector.let_go.set()


@pytest.mark.parametrize("answer", [Gone(410, "gone"), Retry("slow down", 429, 0.0, throttled=True)])
async def test_neither_410_nor_429_opens_the_circuit(answer: Outcome) -> None:
    driven = Driven(FakeConnector(batch_size=4, answers={f"r{number}": answer for number in range(4)}))
    await driven.offer(0, 1, 2, 3)
    async with driven.runs():
        await until(lambda: len(driven.outcomes) == 4)
    assert driven.lane.circuit is Circuit.CLOSED


async def test_a_worker_that_is_not_sure_of_its_partitions_sends_nothing() -> None:
    driven = Driven(FakeConnector())
    driven.is_member = False
    await driven.offer(0)
    async with driven.runs():
        await turned()
        assert driven.connector.calls == []
        driven.now += SLOT_PATIENCE + 0.01
        await until(lambda: driven.sent_away)
    assert driven.limiter.leases == []


async def test_a_worker_that_was_paused_during_the_request_to_its_limiter_sends_nothing_and_releases_the_lease() -> (
    None
):
    driven = Driven(FakeConnector())

    def stopped() -> None:
        driven.is_member = False

    driven.limiter.asked = stopped
    await driven.offer(0)
    async with driven.runs():
        await turned()
    assert driven.connector.calls == []
    assert driven.limiter.leases == []
    assert driven.lane.queued == 1


async def test_an_exception_of_a_connector_is_raised_and_releases_its_lease() -> None:
    driven = Driven(FakeConnector(fault=RuntimeError("a bug")))
    await driven.offer(0)
    async with driven.runs():
        await until(lambda: driven.faults)
    assert driven.limiter.leases == []
    assert driven.lane.in_flight == 0


async def test_deliveries_are_not_sent_after_the_lane_is_cleared() -> None:
    driven = Driven(FakeConnector())
    await driven.offer(0, 1)
    driven.lane.clear()
    async with driven.runs():
        await turned()
    assert driven.connector.calls == []


async def test_the_others_of_a_batch_get_their_outcomes_when_the_last_of_it_declines_late() -> None:
    driven = Driven(FakeConnector(batch_size=3))
    driven.unwanted = {"r2"}
    await driven.offer(0, 1, 2)
    async with driven.runs():
        await until(lambda: len(driven.outcomes) == 2)
    assert driven.connector.calls == [["r0", "r1"]]
    assert driven.attempted == [2]


async def test_a_delivery_that_is_cancelled_with_its_permit_gives_back_slot_and_lease() -> None:
    driven = Driven(FakeConnector())
    task = asyncio.get_running_loop().create_task(driven.lane.acquire())
    await asyncio.sleep(0)
    driven.limiter.leases = ["lease0"]
    driven.lane._grant("lease0")  # noqa: SLF001  so that nothing runs between the grant and the cancellation
    assert driven.lane.in_flight == 1
    task.cancel()
    await asyncio.wait([task])
    assert driven.limiter.leases == []
    assert driven.lane.in_flight == 0


async def test_cancelled_batches_leave_no_call_in_flight() -> None:
    driven = Driven(FakeConnector(batch_size=2, hangs=True))
    await driven.offer(0, 1)
    async with driven.runs():
        await until(lambda: driven.connector.calls)
        driven.cancel()
        await turned()
        assert driven.lane.in_flight == 0
    assert driven.limiter.leases == []
