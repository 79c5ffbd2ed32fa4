"""Business time: when a team is at work, in its own time zone, reckoned exactly across changes of the clocks."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from .timetable import Open, Timetable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
MINUTES = 1440  # of a day


class Hours(NamedTuple):
    """One stretch of open hours, in minutes since midnight by the local clock; `closes` may be on the next day."""

    opens: int
    closes: int


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
    _timetable: Timetable = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not any(self.week.values()):
            raise ValueError(f"the calendar {self.name!r} is never open")
        if overlapping(self.week) is not None:
            raise ValueError(f"hours of the calendar {self.name!r} overlap or are out of order")
        object.__setattr__(self, "_timetable", Timetable(self._open_on))

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
        return self._timetable.is_open(at)

    def open_time_after(self, at: int, ms: int) -> int:
        """The first instant of open hours by which `ms` of open time have passed since `at`."""
        return self._timetable.time_after(at, ms)

    def open_time_before(self, at: int, ms: int) -> int:
        """The last instant of open hours from which `ms` of open time pass until `at`."""
        return self._timetable.time_before(at, ms)

    def open_days_after(self, at: int, count: int) -> int:
        """The instant `count` open days later, as far into the working day as `at`, at most at its end.

        A time that is not in open hours counts as the next opening.
        """
        return self._timetable.days_from_opening(at, count)

    def open_days_before(self, at: int, count: int) -> int:
        """The instant `count` open days earlier, as far into the working day as `at`, at most at its end.

        A time that is not in open hours counts as the closing before it.
        """
        return self._timetable.days_to_closing(at, count)

    def _open_on(self, day: date) -> Iterable[Open]:
        hours = () if day in self.holidays else self.week.get(day.weekday(), ())
        stretches = (Open(self._instant(day, opens), self._instant(day, closes)) for opens, closes in hours)
        return (stretch for stretch in stretches if stretch.since < stretch.until)

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
