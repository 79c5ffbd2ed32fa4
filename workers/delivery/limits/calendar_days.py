"""Calendar days of a time zone as ranges of instants. Pure."""

from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class CalendarDay(NamedTuple):
    """From its first instant to that of the next day, epoch ms. It may have 23 or 25 hours."""

    start: int
    end: int


def day_of(at: int, zone: ZoneInfo) -> CalendarDay:
    """Return the day that an instant is on. Epoch ms."""
    today = datetime.fromtimestamp(at / 1000, zone).date()
    return CalendarDay(_start(today, zone), _start(today + timedelta(days=1), zone))


def edges_around(at: int, zone: ZoneInfo) -> tuple[int, int, int, int]:
    """Return where yesterday, today, tomorrow and the day after begin: for a clock that differs by less than a day."""
    today = datetime.fromtimestamp(at / 1000, zone).date()
    yesterday, now, tomorrow, after = (_start(today + timedelta(days=n), zone) for n in (-1, 0, 1, 2))
    return yesterday, now, tomorrow, after


def _start(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
