"""Business time: when a team is at work, in its own time zone, reckoned exactly across changes of the clocks."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DAY = timedelta(days=1)
REMEMBERED_DAYS = 5_000
MINUTES = 1440  # of a day


class Hours(NamedTuple):
    """One stretch of open hours, in minutes since midnight by the local clock; `closes` may be on the next day."""

    opens: int
    closes: int


class _Open(NamedTuple):
    since: int
    until: int


@dataclass(frozen=True)
class Calendar:
    """Weekly open hours in a time zone, less the holidays.

    `week` maps weekdays (Monday is 0) to stretches of open hours, at least one in all. A stretch past midnight belongs
    to the day on which it begins: it is open on the morning of a holiday, and closed on the morning after one.

    Raises:
        ValueError: The calendar is never open, or its stretches overlap, are out of order or longer than a day.
    """

    name: str
    zone: ZoneInfo
    week: Mapping[int, tuple[Hours, ...]]
    holidays: frozenset[date] = frozenset()
    _days: dict[date, tuple[_Open, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not any(self.week.values()):
            raise ValueError(f"the calendar {self.name!r} is never open")
        if overlapping(self.week) is not None:
            raise ValueError(f"hours of the calendar {self.name!r} overlap or are out of order")

    @property
    def open_days(self) -> float:
        """The share of all days that are open, holidays aside."""
        return sum(map(bool, self.week.values())) / 7

    @property
    def open_time(self) -> float:
        """The share of all time that is open, holidays aside."""
        return sum(closes - opens for hours in self.week.values() for opens, closes in hours) / (7 * MINUTES)

    def is_open(self, at: int) -> bool:
        """Whether somebody is at work; the moments of opening and of closing count as open."""
        today = self._day_of(at)
        stretches = (*self._stretches(today - DAY), *self._stretches(today))  # yesterday's may close today
        return any(since <= at <= until for since, until in stretches)

    def open_time_after(self, at: int, ms: int) -> int:
        """The first instant of open hours by which `ms` of open time have passed since `at`."""
        day = self._day_of(at) - DAY  # yesterday's hours may reach into today
        while True:
            for since, until in self._stretches(day):
                begin = max(since, at)
                if begin + ms <= until:
                    return begin + ms
                ms -= max(until - begin, 0)
            day += DAY

    def open_time_before(self, at: int, ms: int) -> int:
        """The last instant of open hours from which `ms` of open time pass until `at`."""
        day = self._day_of(at)
        while True:
            for since, until in reversed(self._stretches(day)):
                end = min(until, at)
                if end - ms >= since:
                    return end - ms
                ms -= max(end - since, 0)
            day -= DAY

    def open_days_after(self, at: int, count: int) -> int:
        """The instant `count` open days later, as far into the working day as `at`, at most at its end.

        A time that is not in open hours counts as the next opening.
        """
        day = self._open_day(self._day_of(at) - DAY, not_over_at=at)  # yesterday's hours may reach into today
        into = self._open_before(day, at)
        for _ in range(count):
            day = self._open_day(day + DAY)
        return self._into(day, into)

    def open_days_before(self, at: int, count: int) -> int:
        """The instant `count` open days earlier, as far into the working day as `at`, at most at its end.

        A time that is not in open hours counts as the closing before it.
        """
        day = self._day_of(at)
        while not (stretches := self._stretches(day)) or stretches[0].since > at:
            day -= DAY
        into = self._open_before(day, at)
        for _ in range(count):
            day -= DAY
            while not self._stretches(day):
                day -= DAY
        return self._into(day, into)

    def _open_before(self, day: date, at: int) -> int:
        return sum(min(max(at - since, 0), until - since) for since, until in self._stretches(day))

    def _into(self, day: date, ms: int) -> int:
        stretches = self._stretches(day)
        for since, until in stretches:
            if since + ms <= until:
                return since + ms
            ms -= until - since
        return stretches[-1].until

    def _open_day(self, day: date, *, not_over_at: int = 0) -> date:
        while not (stretches := self._stretches(day)) or stretches[-1].until < not_over_at:
            day += DAY
        return day

    def _day_of(self, at: int) -> date:
        return (EPOCH + at * MILLISECOND).astimezone(self.zone).date()

    def _stretches(self, day: date) -> tuple[_Open, ...]:
        known = self._days.get(day)
        return self._reckon(day) if known is None else known

    def _reckon(self, day: date) -> tuple[_Open, ...]:
        if len(self._days) >= REMEMBERED_DAYS:
            self._days.clear()
        hours = () if day in self.holidays else self.week.get(day.weekday(), ())
        stretches = (_Open(self._instant(day, opens), self._instant(day, closes)) for opens, closes in hours)
        return self._days.setdefault(day, tuple(s for s in stretches if s.since < s.until))

    def _instant(self, day: date, minutes: int) -> int:
        """The first instant at which the local clock shows this time, or, if the clocks skip it, a later one."""
        local = datetime.combine(day, time(), self.zone) + timedelta(minutes=minutes)
        first, second = _epoch_ms(local), _epoch_ms(local.replace(fold=1))
        if first <= second:
            return first
        skipped = range(second, first)  # PEP 495: around a gap, the two readings lie on either side of it
        return second + bisect_left(skipped, local.replace(tzinfo=None), key=self._clock_at)

    def _clock_at(self, at: int) -> datetime:
        return (EPOCH + at * MILLISECOND).astimezone(self.zone).replace(tzinfo=None)


def overlapping(week: Mapping[int, tuple[Hours, ...]]) -> int | None:
    """The first weekday whose hours overlap with each other or with the day after, or are no stretch; None: none."""
    for day, stretches in sorted(week.items()):
        following = week.get((day + 1) % 7, ())
        in_order = [*stretches, *(Hours(opens + MINUTES, closes + MINUTES) for opens, closes in following[:1])]
        is_wrong = any(not opens < closes <= opens + MINUTES or opens >= MINUTES for opens, closes in stretches)
        if is_wrong or any(this.closes > later.opens for this, later in pairwise(in_order)):
            return day
    return None


def _epoch_ms(instant: datetime) -> int:
    return (instant - EPOCH) // MILLISECOND
