"""The life of a delivery: what is called, what is written, and what may be committed, whenever it is interrupted."""

import asyncio

from tests.unit.delivery.builders import NOW
from tests.unit.delivery.delivering import Delivering, idle, unfinished
from tests.unit.delivery.lane_harness import ALLOWANCE, FakeConnector, until
from workers.delivery.attempts import Gone, Outcome, Retry
from workers.delivery.core.model import Availability
from workers.delivery.runtime.lane import SLOT_PATIENCE


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
