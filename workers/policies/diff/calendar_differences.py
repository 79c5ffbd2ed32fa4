"""Differences between calendars."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import groupby

from streams.domain.policy.calendars import Calendar, Hours
from streams.policy_file.syntax import WEEKDAYS
from workers.explaining.words import joined, quoted

from .difference import Difference

MOST_DATES = 5


def calendar_differences(
    before: Mapping[str, Calendar], after: Mapping[str, Calendar], today: date
) -> Iterator[Difference]:
    """The calendars that are new, gone or changed; of holidays, only those from `today` on."""
    for name in before:
        if name not in after:
            yield Difference(("calendars",), f"The calendar {quoted(name)} is gone.")
    for name, calendar in after.items():
        if name in before:
            yield from _changed(before[name], calendar, today)
        else:
            yield Difference(("calendars", name), f"The calendar {quoted(name)} is new.")


def _changed(before: Calendar, after: Calendar, today: date) -> Iterator[Difference]:
    place, subject = ("calendars", after.name), f"The calendar {quoted(after.name)}"
    if before.zone.key != after.zone.key:
        text = f"{subject} is in the time zone {after.zone.key} instead of {before.zone.key}."
        yield Difference((*place, "timezone"), text)
    if _hours(before) != _hours(after):
        yield Difference((*place, "hours"), f"{subject} is open {_hours(after)} instead of {_hours(before)}.")
    for text, dates in (
        ("more", after.holidays - before.holidays),
        ("fewer", before.holidays - after.holidays),
    ):
        if coming := sorted(day for day in dates if day >= today):
            noun = "holiday" if len(coming) == 1 else "holidays"
            yield Difference((*place, "holidays"), f"{subject} has {len(coming):,} {text} {noun}: {_dates(coming)}.")


def _hours(calendar: Calendar) -> str:
    """`mon-thu 09:00-12:30, 13:30-18:00; fri 09:00-15:00`."""
    parts = []
    for stretches, days in groupby(range(7), key=lambda day: calendar.week.get(day, ())):
        if stretches:
            first, *rest = days
            until = f"-{WEEKDAYS[rest[-1]]}" if rest else ""
            parts.append(f"{WEEKDAYS[first]}{until} {', '.join(map(_stretch, stretches))}")
    return "; ".join(parts)


def _stretch(hours: Hours) -> str:
    return f"{_clock(hours.opens)}-{_clock(hours.closes)}"


def _clock(minutes: int) -> str:
    hours, rest = divmod(minutes if minutes <= 24 * 60 else minutes - 24 * 60, 60)
    return f"{hours:02}:{rest:02}"


def _dates(dates: list[date]) -> str:
    shown, hidden = [f"{each:%Y-%m-%d}" for each in dates[:MOST_DATES]], len(dates) - MOST_DATES
    return joined([*shown, f"{hidden:,} later {'one' if hidden == 1 else 'ones'}"] if hidden > 0 else shown)
