"""The index of open hours: it agrees with counting, and reaches as far as instants do."""

from datetime import date, timedelta
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from streams.domain.policy.calendars import Calendar
from streams.domain.policy.timetable import Open
from tests.unit.domain.histories import examples
from tests.unit.domain.policy.calendars_at_random import HOUR, calendars, dense, instants

DAY = 24 * HOUR


def around(calendar: Calendar, at: int) -> list[list[Open]]:
    """The stretches of the open days around an instant."""
    dates = [date(1970, 1, 1) + timedelta(days=at // DAY + n) for n in range(-60, 61)]
    days = [list(calendar._open_on(day)) for day in dates]  # noqa: SLF001  what is indexed
    return [stretches for stretches in days if stretches]


def time_after(days: list[list[Open]], at: int, ms: int) -> int:
    for since, until in chain(*days):
        begin = max(since, at)
        if begin + ms <= until:
            return begin + ms
        ms -= max(until - begin, 0)
    raise AssertionError


def time_before(days: list[list[Open]], at: int, ms: int) -> int:
    for since, until in reversed(list(chain(*days))):
        end = min(until, at)
        if end - ms >= since:
            return end - ms
        ms -= max(end - since, 0)
    raise AssertionError


def days_on(days: list[list[Open]], at: int, count: int) -> int:
    """From the first day that is not over if the count is positive, else from the last day that has begun."""
    if count >= 0:
        day = next(n for n, stretches in enumerate(days) if stretches[-1].until >= at)
    else:
        day = max(n for n, stretches in enumerate(days) if stretches[0].since <= at)
    into = sum(min(max(at - since, 0), until - since) for since, until in days[day])
    for since, until in days[day + count]:
        if since + into <= until:
            return since + into
        into -= until - since
    return days[day + count][-1].until


@examples(150)
@given(dense, instants, st.just(0) | st.integers(0, 30 * 60_000), st.integers(1, 15))
def test_the_index_agrees_with_counting_stretch_by_stretch(calendar: Calendar, at: int, ms: int, count: int) -> None:
    days = around(calendar, at)
    assert calendar.open_time_after(at, ms) == time_after(days, at, ms)
    assert calendar.open_time_before(at, ms) == time_before(days, at, ms)
    assert calendar.open_days_after(at, count) == days_on(days, at, count)
    assert calendar.open_days_before(at, count) == days_on(days, at, -count)


@examples(50)
@given(calendars, st.integers(0, 32_503_680_000_000), st.integers(1, 3_000))
def test_any_instant_that_a_lead_may_have_can_be_reckoned_with(calendar: Calendar, at: int, count: int) -> None:
    later = calendar.open_days_after(at, count)
    assert calendar.is_open(later)
    assert later >= at
    assert calendar.open_days_before(later, count) <= later
