"""Business time, across weekends, holidays, breaks and changes of the clocks."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.policy.calendars import Calendar, Hours
from tests.unit.domain.histories import examples
from tests.unit.domain.policy.calendars_at_random import HOUR, calendars, instants, spans

NINE_TO_FIVE = Hours(9 * 60, 17 * 60)
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Calendar("office", BERLIN, dict.fromkeys(range(5), (NINE_TO_FIVE,)), frozenset({date(2026, 5, 1)}))
WITH_BREAK = Calendar("break", BERLIN, {day: (Hours(540, 720), Hours(780, 1020)) for day in range(5)})
SHORT_FRIDAY = Calendar("short", BERLIN, {**dict.fromkeys(range(4), (NINE_TO_FIVE,)), 4: (Hours(9 * 60, 13 * 60),)})
NIGHTS = Calendar("nights", BERLIN, {day: (Hours(0, 6 * 60), Hours(22 * 60, 24 * 60)) for day in range(7)})


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def clock(instant: int, zone: ZoneInfo = BERLIN) -> str:
    return datetime.fromtimestamp(instant / 1000, zone).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("since", "hours", "due"),
    [
        ("2026-03-02 10:00", 4, "2026-03-02 14:00"),  # a Monday
        ("2026-03-02 15:00", 4, "2026-03-03 11:00"),
        ("2026-03-06 16:00", 2, "2026-03-09 10:00"),  # over a weekend
        ("2026-03-07 12:00", 1, "2026-03-09 10:00"),
        ("2026-03-02 07:00", 8, "2026-03-02 17:00"),
        ("2026-04-30 16:00", 2, "2026-05-04 10:00"),  # over a holiday
        ("2026-03-27 16:00", 2, "2026-03-30 10:00"),  # the clocks go forward on the Sunday
    ],
)
def test_business_hours_pass_only_while_the_calendar_is_open(since: str, hours: int, due: str) -> None:
    assert clock(OFFICE.open_time_after(at(since), hours * HOUR)) == due


@pytest.mark.parametrize(
    ("calendar", "since", "count", "due"),
    [
        (OFFICE, "2026-03-02 10:30", 3, "2026-03-05 10:30"),
        (OFFICE, "2026-03-05 10:30", 3, "2026-03-10 10:30"),
        (OFFICE, "2026-03-07 12:00", 1, "2026-03-10 09:00"),  # a Saturday counts as Monday's opening
        (OFFICE, "2026-03-02 20:00", 1, "2026-03-04 09:00"),
        (OFFICE, "2026-04-30 16:00", 1, "2026-05-04 16:00"),
        (OFFICE, "2026-03-27 16:00", 1, "2026-03-30 16:00"),
        (WITH_BREAK, "2026-03-02 14:00", 1, "2026-03-03 14:00"),
        (WITH_BREAK, "2026-03-02 12:30", 1, "2026-03-03 12:00"),
        (SHORT_FRIDAY, "2026-03-05 16:00", 1, "2026-03-06 13:00"),  # at most the end of the day
        (SHORT_FRIDAY, "2026-03-05 16:00", 2, "2026-03-09 16:00"),
    ],
)
def test_business_days_later_is_the_same_position_in_the_working_day(
    calendar: Calendar, since: str, count: int, due: str
) -> None:
    assert clock(calendar.open_days_after(at(since), count)) == due


def test_midnight_belongs_to_the_day_that_closes_at_midnight() -> None:
    late = Calendar("late", BERLIN, dict.fromkeys(range(5), (Hours(12 * 60, 24 * 60),)))
    midnight = late.open_time_after(at("2026-03-02 20:00"), 4 * HOUR)
    assert clock(midnight) == "2026-03-03 00:00"
    assert late.is_open(midnight)
    assert late.open_days_after(midnight, 1) == midnight + 24 * HOUR


def test_a_night_with_a_change_of_daylight_saving_time_has_its_real_length() -> None:
    forward, back, usual = at("2026-03-29 00:00"), at("2026-10-25 00:00"), at("2026-11-01 00:00")
    assert clock(NIGHTS.open_time_after(forward, 5 * HOUR)) == "2026-03-29 06:00"
    assert clock(NIGHTS.open_time_after(usual, 6 * HOUR)) == "2026-11-01 06:00"
    assert clock(NIGHTS.open_time_after(back, 7 * HOUR)) == "2026-10-25 06:00"


def test_a_local_time_that_does_not_exist_is_the_instant_of_the_change() -> None:
    skipped = Calendar("skipped", BERLIN, {6: (Hours(2 * 60 + 30, 4 * 60),)})
    assert clock(skipped.open_time_after(at("2026-03-29 00:00"), 30 * 60_000)) == "2026-03-29 03:30"


def test_a_shift_past_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    shift = Calendar(
        "shift", BERLIN, dict.fromkeys(range(5), (Hours(22 * 60, 30 * 60),)), frozenset({date(2026, 5, 1)})
    )
    assert clock(shift.open_time_after(at("2026-03-02 23:00"), 4 * HOUR)) == "2026-03-03 03:00"
    assert (
        clock(shift.open_time_after(at("2026-03-07 05:00"), 2 * HOUR)) == "2026-03-09 23:00"
    )  # Friday's, then Monday's
    assert shift.is_open(at("2026-05-01 05:00"))  # of the day before the holiday
    assert not shift.is_open(at("2026-05-02 05:00"))
    assert clock(shift.open_days_after(at("2026-03-03 03:00"), 1)) == "2026-03-04 03:00"
    assert clock(shift.open_days_after(at("2026-03-07 03:00"), 1)) == "2026-03-10 03:00"


@pytest.mark.parametrize(
    ("due", "hours", "since"),
    [
        ("2026-03-02 14:00", 4, "2026-03-02 10:00"),
        ("2026-03-03 11:00", 4, "2026-03-02 15:00"),
        ("2026-03-09 10:00", 2, "2026-03-06 16:00"),
        ("2026-03-07 12:00", 1, "2026-03-06 16:00"),  # of a Saturday, from Friday's closing on
        ("2026-05-04 11:00", 3, "2026-04-30 16:00"),
    ],
)
def test_business_hours_before_an_instant_are_those_that_pass_until_it(due: str, hours: int, since: str) -> None:
    assert clock(OFFICE.open_time_before(at(due), hours * HOUR)) == since


@pytest.mark.parametrize(
    ("due", "count", "since"),
    [
        ("2026-03-05 10:30", 3, "2026-03-02 10:30"),
        ("2026-03-10 10:30", 3, "2026-03-05 10:30"),
        ("2026-03-08 12:00", 1, "2026-03-05 17:00"),  # a Sunday counts as Friday's closing
        ("2026-05-04 16:00", 1, "2026-04-30 16:00"),
    ],
)
def test_business_days_before_an_instant_are_the_same_position_in_the_working_day(
    due: str, count: int, since: str
) -> None:
    assert clock(OFFICE.open_days_before(at(due), count)) == since


def test_a_calendar_without_opening_hours_is_rejected() -> None:
    with pytest.raises(ValueError, match="never open"):
        Calendar("closed", BERLIN, {0: ()})


def test_overlapping_hours_are_rejected() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Calendar("overlapping", BERLIN, {0: (Hours(540, 720), Hours(700, 900))})


@pytest.mark.parametrize(
    "week",
    [
        {0: (Hours(1320, 1800),), 1: (Hours(300, 600),)},
        {6: (Hours(1320, 1800),), 0: (Hours(300, 600),)},
        {0: (Hours(60, 1501),)},
        {0: (Hours(600, 600),)},
    ],
    ids=["into the next day", "from Sunday into Monday", "longer than a day", "no time at all"],
)
def test_a_shift_must_not_reach_into_the_next_one(week: dict[int, tuple[Hours, ...]]) -> None:
    with pytest.raises(ValueError, match="overlap"):
        Calendar("overlapping", BERLIN, week)


@examples(150)
@given(calendars, instants, spans)
def test_a_calendar_is_open_when_a_promise_is_due(calendar: Calendar, since: int, ms: int) -> None:
    due = calendar.open_time_after(since, ms)
    assert calendar.is_open(due)
    assert due >= since + ms
    assert calendar.is_open(calendar.open_days_after(since, ms % 7))


@examples(150)
@given(calendars, instants, spans, spans)
def test_open_time_is_additive(calendar: Calendar, since: int, one: int, other: int) -> None:
    both = calendar.open_time_after(since, one + other)
    assert calendar.open_time_after(calendar.open_time_after(since, one), other) == both


@examples(150)
@given(calendars, instants, spans)
def test_open_time_before_is_the_inverse_of_open_time_after(calendar: Calendar, at: int, ms: int) -> None:
    since = calendar.open_time_before(at, ms)
    assert calendar.is_open(since)
    assert since + ms <= at
    due = calendar.open_time_after(since, ms)
    assert due <= at
    assert calendar.open_time_after(due, 1) > at  # no open time passes between the two


@examples(150)
@given(calendars, instants, st.integers(0, 9))
def test_business_days_before_are_at_an_open_time_that_is_not_later(calendar: Calendar, at: int, count: int) -> None:
    since = calendar.open_days_before(at, count)
    assert calendar.is_open(since)
    assert since <= at
    assert calendar.open_days_before(at, count + 1) < since


@examples(150)
@given(calendars, instants, st.integers(0, 10 * 24 * HOUR), spans, st.integers(0, 9))
def test_a_later_start_is_not_due_earlier(calendar: Calendar, since: int, later: int, ms: int, count: int) -> None:
    assert calendar.open_time_after(since, ms) <= calendar.open_time_after(since + later, ms)
    assert calendar.open_days_after(since, count) <= calendar.open_days_after(since + later, count)


@examples(100)
@given(instants, st.integers(1, 9), st.integers(1, 9))
def test_business_days_of_equal_hours_are_additive(since: int, one: int, other: int) -> None:
    both = OFFICE.open_days_after(since, one + other)
    assert OFFICE.open_days_after(OFFICE.open_days_after(since, one), other) == both


@examples(100)
@given(calendars, instants, spans)
def test_open_time_equals_a_count_of_open_minutes(calendar: Calendar, since: int, ms: int) -> None:
    minute = 60_000
    ms = ms % (4 * HOUR) // minute * minute + minute
    step, due = since, calendar.open_time_after(since, ms)
    for _ in range(ms // minute):
        step = calendar.open_time_after(step, minute)
    assert step == due


def test_what_is_remembered_of_a_calendar_is_bounded() -> None:
    calendar = Calendar("office", BERLIN, OFFICE.week)
    for year in range(1971, 2200):
        calendar.open_time_after(at(f"{year}-03-02 10:00"), HOUR)
    assert len(calendar._timetable._blocks) <= 100  # noqa: SLF001  the bound is the point
