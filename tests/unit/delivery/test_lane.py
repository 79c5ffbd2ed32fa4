"""The lane of an endpoint: batches, capacity, permits that are declined or refused, errors and cancellation."""

import asyncio

import pytest

from tests.unit.delivery.lane_harness import FakeConnector, FakeLimiter, LaneHarness, until
from workers.delivery.attempts import Accepted, Gone, NoOp, Outcome, Rejected, Retry
from workers.delivery.core.breaker import Circuit
from workers.delivery.limits.limiter import Grant
from workers.delivery.runtime.lane import SLOT_PATIENCE


async def test_deliveries_that_queue_together_are_one_batch_and_each_has_its_own_outcome() -> None:
    mixed: dict[str, Outcome] = {"r1": Rejected(404, "unknown"), "r2": NoOp(200, "was there"), "r3": Retry("busy", 503)}
    harness = LaneHarness(FakeConnector(batch_size=5, outcomes=mixed))
    await harness.queue(0, 1, 2, 3, 4)
    async with harness.running():
        await until(lambda: len(harness.outcomes) == 5)
    assert harness.connector.calls == [["r0", "r1", "r2", "r3", "r4"]]
    assert harness.outcomes == {"r0": Accepted(200), "r4": Accepted(200)} | mixed
    assert harness.limiter.leases == []
    assert harness.lane.circuit is Circuit.CLOSED


async def test_an_incomplete_batch_is_sent_after_its_maximum_wait_and_not_before() -> None:
    harness = LaneHarness(FakeConnector(batch_size=3), seconds=0.2)
    await harness.queue(0, 1)
    async with harness.running():
        await harness.checked()
        assert harness.connector.calls == []
        harness.now += 0.2
        await until(lambda: harness.connector.calls)
    assert harness.connector.calls == [["r0", "r1"]]


async def test_full_batches_are_sent_at_once_and_the_remainder_stays_queued() -> None:
    harness = LaneHarness(FakeConnector(batch_size=2), seconds=60.0)
    await harness.queue(0, 1, 2, 3, 4)
    async with harness.running():
        await until(lambda: len(harness.connector.calls) == 2)
        await harness.checked()
    assert harness.connector.calls == [["r0", "r1"], ["r2", "r3"]]
    assert harness.lane.queued == 1


async def test_a_delivery_that_declines_its_permit_is_not_in_the_batch() -> None:
    harness = LaneHarness(FakeConnector(batch_size=3))
    harness.declining = {"r1"}
    await harness.queue(0, 1, 2)
    async with harness.running():
        await until(lambda: len(harness.outcomes) == 2)
    assert harness.connector.calls == [["r0", "r2"]]


async def test_a_batch_in_which_all_decline_makes_no_call_and_releases_its_lease() -> None:
    harness = LaneHarness(FakeConnector(batch_size=2))
    harness.declining = {"r0", "r1"}
    await harness.queue(0, 1)
    async with harness.running():
        await until(lambda: harness.lane.queued == 0)
        await harness.checked()
    assert harness.connector.calls == []
    assert harness.limiter.leases == []


async def test_a_throttled_delivery_of_a_batch_blocks_the_endpoint_for_all_deliveries() -> None:
    slow = Retry("slow down", 429, 40.0, throttled=True)
    harness = LaneHarness(FakeConnector(batch_size=2, outcomes={"r1": slow}))
    await harness.queue(0, 1)
    async with harness.running():
        await until(lambda: len(harness.outcomes) == 2)
    assert harness.limiter.blocks == [40.0]
    await harness.queue(2)
    assert harness.rejected == [("r2", 40.0, "rate")]
    assert harness.lane.is_crowded


async def test_concurrency_is_limited_and_a_delivery_that_queues_too_long_gets_no_permit() -> None:
    harness = LaneHarness(FakeConnector(hangs=True))
    await harness.queue(0, 1, 2)
    async with harness.running():
        await until(lambda: len(harness.connector.calls) == 2)
        await harness.checked()
        assert (harness.lane.in_flight, harness.lane.queued, harness.rejected) == (2, 1, [])
        harness.now += SLOT_PATIENCE + 0.01
        await until(lambda: harness.rejected)
        assert harness.rejected == [("r2", 0.0, "busy")]
        harness.connector.released.set()
        await until(lambda: len(harness.outcomes) == 2)
    assert harness.lane.in_flight == 0


async def test_a_delivery_that_exceeds_the_rate_gets_no_permit_and_the_time_to_wait() -> None:
    harness = LaneHarness(FakeConnector(), FakeLimiter(refusal=Grant((), 7.0, "rate")))
    await harness.queue(0, 1)
    async with harness.running():
        await until(lambda: len(harness.rejected) == 2)
    assert {(wait, why) for _, wait, why in harness.rejected} == {(7.0, "rate")}
    assert harness.connector.calls == []
    await harness.queue(2)
    assert harness.rejected[-1] == ("r2", 7.0, "rate")


async def test_an_open_circuit_refuses_permits_and_a_half_open_circuit_grants_probes() -> None:
    down: dict[str, Outcome] = {f"r{number}": Retry("down", 500) for number in range(4)}
    harness = LaneHarness(FakeConnector(batch_size=1, outcomes=down))
    async with harness.running():
        await harness.queue(0, 1, 2, 3)
        await until(lambda: harness.lane.circuit is Circuit.OPEN)
        await harness.queue(4)
        await until(lambda: harness.rejected)
        assert harness.rejected == [("r4", 0.0, "circuit_open")]
        harness.now += 30.0
        harness.connector.hangs = True
        await harness.queue(5, 6, 7)
        await until(lambda: len(harness.connector.calls) == 6)  # two probes
        await harness.checked()
        assert len(harness.connector.calls) == 6
        harness.connector.released.set()


@pytest.mark.parametrize("ending", ["declined", "cancelled", "throttled", "an exception"])
async def test_a_probe_that_says_nothing_about_the_endpoint_lets_another_probe_through(ending: str) -> None:
    outcomes: dict[str, Outcome] = {f"r{number}": Retry("down", 500) for number in range(4)}
    outcomes |= {f"r{number}": Retry("slow down", 429, 0.0, throttled=True) for number in (4, 5)}
    harness = LaneHarness(FakeConnector(outcomes=outcomes))
    async with harness.running():
        await harness.queue(0, 1, 2, 3)
        await until(lambda: harness.lane.circuit is Circuit.OPEN)
        harness.now += 30.0
        harness.connector.hangs = ending == "cancelled"
        harness.connector.error = RuntimeError("a bug") if ending == "an exception" else None
        harness.declining = {"r4", "r5"} if ending == "declined" else set()
        await harness.queue(4, 5)
        if ending == "cancelled":
            await until(lambda: len(harness.connector.calls) == 6)
            harness.cancel()
        await until(lambda: harness.lane.queued == 0 and harness.lane.in_flight == 0)
        assert harness.lane.breaker.capacity(harness.now) == harness.lane.breaker.rule.probes


@pytest.mark.parametrize("answer", [Gone(410, "gone"), Retry("slow down", 429, 0.0, throttled=True)])
async def test_neither_410_nor_429_opens_the_circuit(answer: Outcome) -> None:
    harness = LaneHarness(FakeConnector(batch_size=4, outcomes={f"r{number}": answer for number in range(4)}))
    await harness.queue(0, 1, 2, 3)
    async with harness.running():
        await until(lambda: len(harness.outcomes) == 4)
    assert harness.lane.circuit is Circuit.CLOSED


async def test_a_worker_that_is_not_sure_of_its_partitions_sends_nothing() -> None:
    harness = LaneHarness(FakeConnector())
    harness.is_member = False
    await harness.queue(0)
    async with harness.running():
        await harness.checked()
        assert harness.connector.calls == []
        harness.now += SLOT_PATIENCE + 0.01
        await until(lambda: harness.rejected)
    assert harness.limiter.leases == []


async def test_a_worker_that_was_paused_during_the_request_to_its_limiter_sends_nothing_and_releases_the_lease() -> (
    None
):
    harness = LaneHarness(FakeConnector())

    def paused() -> None:
        harness.is_member = False

    harness.limiter.on_request = paused
    await harness.queue(0)
    async with harness.running():
        await harness.checked()
    assert harness.connector.calls == []
    assert harness.limiter.leases == []
    assert harness.lane.queued == 1


async def test_an_exception_of_a_connector_is_raised_and_releases_its_lease() -> None:
    harness = LaneHarness(FakeConnector(error=RuntimeError("a bug")))
    await harness.queue(0)
    async with harness.running():
        await until(lambda: harness.errors)
    assert harness.limiter.leases == []
    assert harness.lane.in_flight == 0


async def test_deliveries_are_not_sent_after_the_lane_is_cleared() -> None:
    harness = LaneHarness(FakeConnector())
    await harness.queue(0, 1)
    harness.lane.clear()
    async with harness.running():
        await harness.checked()
    assert harness.connector.calls == []


async def test_a_batch_is_sent_without_its_last_delivery_when_that_declines() -> None:
    harness = LaneHarness(FakeConnector(batch_size=3))
    harness.declining = {"r2"}
    await harness.queue(0, 1, 2)
    async with harness.running():
        await until(lambda: len(harness.outcomes) == 2)
    assert harness.connector.calls == [["r0", "r1"]]
    assert harness.attempted == [2]


async def test_a_delivery_that_is_cancelled_with_its_permit_releases_slot_and_lease() -> None:
    harness = LaneHarness(FakeConnector())
    task = asyncio.get_running_loop().create_task(harness.lane.acquire())
    await asyncio.sleep(0)
    harness.limiter.leases = ["lease0"]
    harness.lane._grant("lease0")  # noqa: SLF001  so that nothing runs between the grant and the cancellation
    assert harness.lane.in_flight == 1
    task.cancel()
    await asyncio.wait([task])
    assert harness.limiter.leases == []
    assert harness.lane.in_flight == 0


async def test_cancelled_batches_leave_no_call_in_flight() -> None:
    harness = LaneHarness(FakeConnector(batch_size=2, hangs=True))
    await harness.queue(0, 1)
    async with harness.running():
        await until(lambda: harness.connector.calls)
        harness.cancel()
        await harness.checked()
        assert harness.lane.in_flight == 0
    assert harness.limiter.leases == []
