"""Deliveries that exceed the daily budget of their endpoint."""

from tests.unit.delivery.builders import NOW, a_record, a_recycle, a_retry_state
from tests.unit.delivery.delivering import CODEC, Delivering
from tests.unit.delivery.fake_days import DAY, TODAY, FakeDays
from tests.unit.delivery.lane_harness import FakeConnector, until
from workers.delivery.core.offset_tracker import OffsetTracker


async def test_what_exceeds_the_daily_budget_waits_for_the_next_day_uses_no_attempt_and_is_not_overdue() -> None:
    delivering = Delivering(FakeConnector())
    delivering.has_a_budget(FakeDays("spent", 0))
    async with delivering.runs():
        delivering.accept(0)
        delivering.accept(1, lead_id="lead-2", recycle_id="r2")
        await until(lambda: delivering.position == 2)
    assert delivering.connector.calls == []
    due_at = TODAY.end + 250_000
    assert [(wait.why, wait.attempts, wait.due_at, wait.held_until) for wait in delivering.sender.waits] == [
        ("day", 0, due_at, due_at)
    ] * 2
    assert not +delivering.partition.index.due.by_age(due_at - 1)
    assert +delivering.partition.index.due.by_age(due_at + DAY)


async def test_what_has_waited_for_a_day_already_comes_before_the_others() -> None:
    delivering = Delivering(FakeConnector())
    delivering.has_a_budget(FakeDays("spent", 0))
    event, retry = a_recycle(), a_retry_state(held_until=NOW)
    async with delivering.runs():
        record = a_record("wait", value=CODEC.encode(event), headers=retry.headers())
        delivering.partition.trackers = {**delivering.partition.trackers, "wait": OffsetTracker(0)}
        delivering.deliverer.accept_wait(delivering.partition, record)
        await until(lambda: delivering.sender.waits)
    assert [wait.due_at for wait in delivering.sender.waits] == [TODAY.end]


async def test_a_revoke_does_not_wait_for_the_next_day() -> None:
    delivering = Delivering(FakeConnector())
    days = FakeDays("spent", 0)
    delivering.has_a_budget(days)
    async with delivering.runs():
        delivering.accept(0, lead_id="lead-2", recycle_id="r2")
        await until(lambda: delivering.sender.waits)
        days.verdict = "taken"
        delivering.accept(1, "REVOKE")
        await until(lambda: delivering.position == 2)
    assert delivering.sender.results == [("REVOKE", "accepted")]
    assert days.requests[-1][1:] == (True, True)
    assert delivering.partition.begun.of("nurture", TODAY.start) == 1


async def test_an_attempt_that_is_cut_off_while_redis_is_asked_gives_its_permit_back() -> None:
    delivering = Delivering(FakeConnector())
    days = FakeDays(hangs=True)
    delivering.has_a_budget(days)
    async with delivering.runs():  # at the end nothing is leased, and no call is in flight
        delivering.accept(0)
        await until(lambda: days.requests)
        await delivering.deliverer.release([delivering.partition], 0.05)
    assert delivering.sender.written == []
