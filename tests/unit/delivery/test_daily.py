"""Daily budgets, with the answers of Redis made up and a clock that is moved by hand."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.events import DeliveryResult
from tests.unit.delivery.builders import NOW
from tests.unit.delivery.fake_days import DAY, TODAY, UTC, FakeDays
from workers.delivery.core.daily_counts import DailyCounts
from workers.delivery.limits.calendar_days import CalendarDay
from workers.delivery.limits.daily import (
    ALONE_MS,
    CALLS_AT_ONCE,
    UNKNOWN_MS,
    DailyAllowance,
    DailyBudget,
    Spent,
    Taken,
)


@dataclass
class World:
    """A budget of ten a day, of a worker that owns half of the partitions: 0, where three began, and 1."""

    days: FakeDays
    now: int = NOW
    counts: dict[int, int] = field(default_factory=lambda: {0: 3, 1: 0})
    share: float = 0.5

    def __post_init__(self) -> None:
        allowance = DailyAllowance("crm", 10, UTC, per_second=2)
        self.left: list[int] = []
        self.budget = DailyBudget(
            allowance, self.days, lambda _: self.counts, lambda: self.share, lambda: self.now, self.left.append
        )

    async def take(self, *, is_urgent: bool = False) -> Taken | Spent:
        taken = await self.budget.take(0, is_urgent=is_urgent)
        if isinstance(taken, Taken):
            self.counts[0] += 1
        return taken

    async def taken(self) -> int:
        """How many may begin until one may not."""
        count = 0
        while isinstance(await self.take(), Taken):
            count += 1
        return count


async def test_an_attempt_begins_where_redis_grants_it_and_what_its_partition_knows_is_told() -> None:
    world = World(FakeDays())
    assert await world.take() == Taken(TODAY.start)
    assert world.days.requests == [({0: 3}, True, False)]
    assert world.left == [9]


async def test_nothing_begins_until_the_next_day_once_the_budget_is_used_up_and_redis_is_not_asked_again() -> None:
    world = World(FakeDays("spent", 0))
    assert [await world.take() for _ in range(3)] == [Spent(TODAY.end, is_day_over=True)] * 3
    assert len(world.days.requests) == 1
    world.now, world.days.verdict, world.days.day = TODAY.end, "taken", CalendarDay(TODAY.end, TODAY.end + DAY)
    assert await world.take() == Taken(TODAY.end)


async def test_a_large_batch_asks_redis_a_few_at_a_time_and_no_more_once_the_budget_is_used_up() -> None:
    world = World(FakeDays("spent", 0, is_slow=True))
    batch = [asyncio.create_task(world.take()) for _ in range(300)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(world.days.requests) == CALLS_AT_ONCE
    world.days.answer_late()
    assert set(await asyncio.gather(*batch)) == {Spent(TODAY.end, is_day_over=True)}
    assert len(world.days.requests) == CALLS_AT_ONCE


async def test_a_large_batch_does_not_wait_for_a_redis_that_is_away_again_and_again() -> None:
    world = World(FakeDays(is_away=True))
    await asyncio.gather(*(world.take() for _ in range(300)))
    assert len(world.days.requests) <= CALLS_AT_ONCE


async def test_what_is_urgent_begins_all_the_same_and_is_counted() -> None:
    world = World(FakeDays("spent", 0))
    await world.take()
    world.days.verdict = "taken"
    assert await world.take(is_urgent=True) == Taken(TODAY.start)
    assert world.days.requests[-1] == ({0: 3}, True, True)


@pytest.mark.parametrize("verdict", ["unknown", "clock"])
async def test_nothing_begins_for_a_moment_while_redis_does_not_know_what_began(verdict: Any) -> None:
    assert await World(FakeDays(verdict, 10)).take() == Spent(NOW + UNKNOWN_MS, is_known=False)


async def test_what_is_urgent_begins_also_where_the_clocks_differ_by_days() -> None:
    world = World(FakeDays("clock", 0, CalendarDay(0, 0)))
    assert await world.take(is_urgent=True) == Taken(TODAY.start)


async def test_a_report_tells_of_all_partitions() -> None:
    world = World(FakeDays())
    await world.budget.report()
    assert world.days.requests == [({0: 3, 1: 0}, False, False)]


async def test_without_redis_a_worker_begins_its_share_of_what_was_left() -> None:
    world = World(FakeDays(left=8))
    await world.budget.report()
    world.days.is_away = True
    assert await world.taken() == 4
    assert len(world.days.requests) == 2  # it is asked again by the next report, not by each attempt
    found = await world.take()
    assert found == Spent(min(TODAY.end, NOW + ALONE_MS))
    assert isinstance(await world.take(is_urgent=True), Taken)


async def test_without_any_answer_yet_a_worker_begins_its_share_without_what_its_partitions_began() -> None:
    world = World(FakeDays(is_away=True))
    assert await world.taken() == 2  # of five, three began


async def test_without_redis_a_new_day_has_a_whole_share() -> None:
    world = World(FakeDays(left=0))
    await world.budget.report()
    world.days.is_away = True
    assert await world.taken() == 0
    world.now = TODAY.end
    assert await world.taken() == 5


async def test_without_redis_what_began_in_partitions_that_came_from_another_worker_counts_too() -> None:
    world = World(FakeDays(left=7))
    await world.budget.report()
    world.days.is_away, world.share = True, 1.0
    world.counts[2] = 5  # of the other worker, which has ended
    assert await world.taken() == 2  # of ten, three and five began


async def test_an_answer_that_comes_after_redis_went_away_does_not_count_what_began_since_as_left() -> None:
    world = World(FakeDays(left=8))
    await world.budget.report()
    world.days.is_slow = True
    late = asyncio.create_task(world.take())
    await asyncio.sleep(0)
    world.days.is_away, world.days.is_slow = True, False
    assert [type(await world.take()) for _ in range(3)] == [Taken] * 3
    world.days.answer_late()
    assert isinstance(await late, Taken)
    assert await world.taken() == 0  # half of eight are used: three alone, and one by Redis


async def test_redis_is_used_again_after_a_report_that_it_took() -> None:
    world = World(FakeDays(left=4, is_away=True))
    await world.taken()
    world.days.is_away = False
    await world.budget.report()
    assert isinstance(await world.take(), Taken)
    assert world.days.requests[-1] == ({0: world.counts[0] - 1}, True, False)


def test_what_has_waited_for_a_day_comes_first_for_the_time_that_it_takes_to_use_the_budget_up() -> None:
    assert DailyAllowance("crm", 500, UTC, per_second=2).head_start_ms == 250_000
    assert DailyAllowance("crm", 500_000, UTC, per_second=2).head_start_ms == 3_600_000


def a_result(outcome: Any, occurred_at: int = NOW, **fields: Any) -> DeliveryResult:
    return DeliveryResult(endpoint="crm", outcome=outcome, occurred_at=occurred_at, **fields)


@pytest.mark.parametrize("outcome", ["accepted", "unverified", "refused", "retry", "dead"])
def test_attempts_of_a_day_are_read_back_from_their_results(outcome: str) -> None:
    counts = DailyCounts({"crm": UTC})
    for at in (NOW, TODAY.start, TODAY.start - 1, TODAY.start - 3 * DAY):
        counts.read(a_result(outcome, at), NOW)
    assert counts.of("crm", TODAY.start) == 2
    assert counts.of("crm", TODAY.start - DAY) == 1


def test_what_ended_without_an_attempt_is_not_counted() -> None:
    counts = DailyCounts({"crm": UTC})
    for result in (a_result("expired"), a_result("no_op"), a_result("no_op", status=200)):
        counts.read(result, NOW)
    assert counts.of("crm", TODAY.start) == 1


def test_only_endpoints_with_a_budget_are_counted_and_old_days_are_forgotten() -> None:
    counts = DailyCounts({"crm": UTC})
    counts.read(DeliveryResult(endpoint="other", outcome="accepted", occurred_at=NOW), NOW)
    for day in range(10):
        counts.began("crm", TODAY.start + day * DAY)
    assert [counts.of("crm", TODAY.start + day * DAY) for day in range(10)] == [0] * 7 + [1] * 3
