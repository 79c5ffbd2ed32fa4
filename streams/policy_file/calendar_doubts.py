"""Doubts about the calendars of a policy."""

from collections.abc import Iterator
from datetime import date

from streams.domain.policy.calendars import Hours

from .doubts import Doubt, all_calendars
from .policy_document import PolicyReading
from .sections import CalendarFile

LONG_SHIFT = 12 * 60
DAY = 24 * 60


def calendar_doubts(reading: PolicyReading, today: date | None) -> Iterator[Doubt]:
    """Doubts about each calendar. `today`: for holidays that are over; None: not checked."""
    used = all_calendars(reading.policy)
    for name, calendar in reading.file.calendars.items():
        if name not in used:
            problem = f"no promise, delay or limit uses the calendar {name!r}"
            yield Doubt(
                ("calendars", name), problem, f"write for example '4 business hours on {name}', or leave it out"
            )
        yield from _hours(name, calendar)
        yield from _holidays(name, calendar, today)
    yield from _twins(reading)


def _hours(name: str, calendar: CalendarFile) -> Iterator[Doubt]:
    for days, stretches in calendar.hours.items():
        for hours in stretches:
            for problem, fix in _of_stretch(hours):
                yield Doubt(("calendars", name, "hours", days), problem, fix)


def _of_stretch(hours: Hours) -> Iterator[tuple[str, str]]:
    if hours.closes % DAY == DAY - 1:
        yield "the last minute before midnight is closed", "write 24:00, or 'always' for round the clock"
    length = hours.closes - hours.opens
    if hours.closes > DAY and length > LONG_SHIFT:
        yield f"this is a shift of {length // 60} hours past midnight", "write the earlier time first, if it is not"


def _holidays(name: str, calendar: CalendarFile, today: date | None) -> Iterator[Doubt]:
    place, holidays = ("calendars", name, "holidays"), calendar.holidays
    if "holidays" not in calendar.model_fields_set:
        fix = "write for example 'holidays: { country: DE, region: BY }', or 'holidays: []'"
        yield Doubt(("calendars", name), f"the calendar {name!r} is open on public holidays", fix)
    public = holidays.public()
    if public.gap:
        yield Doubt(
            place, f"not all holidays of {holidays.country} are known: {public.gap}", "add those to come at 'also'"
        )
    for n, day in enumerate(holidays.but):
        if day not in public.dates:
            yield Doubt((*place, "except", n), f"{day} is no holiday, so it is no exception", "check the date")
    for n, day in enumerate(holidays.also):
        if day in public.dates:
            yield Doubt((*place, "also", n), f"{day} is a holiday of {holidays.country} anyway", "leave it out")
    if today and holidays.also and holidays.country is None and max(holidays.also) < today:
        yield Doubt(place, "all of these holidays are over", "add those to come, or name a 'country'")


def _twins(reading: PolicyReading) -> Iterator[Doubt]:
    seen: dict[object, str] = {}
    for name, calendar in reading.file.calendars.items():
        content = (str(calendar.timezone), tuple(sorted(calendar.hours.items())), calendar.holidays.dates())
        if (other := seen.setdefault(content, name)) != name:
            yield Doubt(("calendars", name), f"{name!r} is the same calendar as {other!r}", f"use {other!r} for both")
