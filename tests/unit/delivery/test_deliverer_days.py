"""Deliveries that exceed the daily budget of their endpoint."""

from functools import partial

import pytest

from tests.unit.delivery.builders import NOW, a_record, a_recycle, a_retry_state
from tests.unit.delivery.delivering import CODEC, Delivering, idle
from tests.unit.delivery.fake_days import DAY, TODAY, UTC, FakeDays
from tests.unit.delivery.lane_harness import FakeConnector, until
from workers.delivery.attempts import Retry
from workers.delivery.core.offset_tracker import OffsetTracker
from workers.delivery.limits.calendar_days import day_of
from workers.delivery.limits.daily import UNKNOWN_MS
from workers.delivery.limits.limiter import Grant


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
    assert {wait.first_at for wait in delivering.sender.waits} == {due_at}
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


async def test_what_waits_until_the_budget_is_known_is_overdue_meanwhile() -> None:
    delivering = Delivering(FakeConnector())
    delivering.has_a_budget(FakeDays("unknown"))
    async with delivering.runs():
        delivering.accept(0)
        await until(lambda: delivering.sender.waits)
    (wait,) = delivering.sender.waits
    assert (wait.due_at, wait.held_until, wait.first_at) == (NOW + UNKNOWN_MS, 0, NOW)
    assert +delivering.partition.index.due.by_age(NOW + DAY)


@pytest.mark.parametrize("trouble", ["throttled", "circuit open"])
async def test_what_a_budget_held_back_for_days_is_not_given_up_when_the_endpoint_fails_for_a_moment(
    trouble: str,
) -> None:
    delivering = Delivering(FakeConnector(outcomes={"r1": Retry("slow down", 429, 1.0, throttled=True)}))
    days = FakeDays("spent", 0)
    delivering.has_a_budget(days)
    delivering.partition.trackers = {**delivering.partition.trackers, "wait": OffsetTracker(0)}
    async with delivering.runs():
        delivering.accept(0)
        for day in range(1, 6):  # longer than the schedule of retries lasts
            await until(partial(delivering.has_written_waits, day))
            delivering.now_ms = delivering.sender.waits[-1].due_at
            days.day = day_of(delivering.now_ms, UTC)
            if day == 5:
                days.verdict = "taken"
                if trouble == "circuit open":
                    delivering.opens_its_circuit()
            delivering.returns(day - 1)
        await until(lambda: len(delivering.sender.waits) == 6)
    assert ("RECYCLE", "dead") not in delivering.sender.results
    assert delivering.sender.waits[-1].why == trouble.replace(" ", "_")


async def test_a_turn_by_the_rate_is_given_again_if_the_day_ends_before_it() -> None:
    delivering = Delivering(FakeConnector())
    delivering.has_a_budget(FakeDays("spent", 0))
    for _ in range(100_000):
        delivering.lane.turn_at(NOW)
    async with delivering.runs():
        delivering.accept(0)
        await until(lambda: delivering.sender.waits)
    assert delivering.lane.turn_at(NOW) < NOW + 1_000


async def test_a_revoke_does_not_line_up_behind_what_waits_for_its_turn() -> None:
    delivering = Delivering(FakeConnector())
    delivering.limiter.refusal = Grant((), 0.5, "rate")
    for _ in range(1_000_000):
        delivering.lane.turn_at(NOW)
    async with delivering.runs():
        delivering.accept(0)
        delivering.accept(1, "REVOKE", lead_id="lead-2", recycle_id="r2")
        await until(lambda: len(delivering.sender.waits) == 2)
    recycle, revoke = sorted(delivering.sender.waits, key=lambda wait: -wait.due_at)
    assert (recycle.why, revoke.why) == ("rate", "rate")
    assert recycle.due_at - NOW > 900_000
    assert revoke.due_at - NOW < 2_000


async def test_a_worker_that_was_suspended_while_redis_was_asked_sends_nothing_before_its_group_answers() -> None:
    delivering = Delivering(FakeConnector())
    days = FakeDays(is_slow=True)
    delivering.has_a_budget(days)
    async with delivering.runs():
        delivering.accept(0)
        await until(lambda: days.requests)
        delivering.lane.may_send = lambda: False
        days.answer_late()
        await idle()
        assert delivering.connector.calls == []
        delivering.lane.may_send = lambda: True
        await until(lambda: delivering.position == 1)
    assert delivering.sender.results == [("RECYCLE", "accepted")]
