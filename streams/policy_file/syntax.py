"""The syntax of values in a policy file: spans, open hours, weekdays, dates, time zones, amounts and passes."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from streams.domain.policy.calendars import Calendar, Hours, overlapping
from streams.domain.policy.rules import Interval
from streams.domain.policy.spans import BusinessDays, BusinessTime, PlainTime, Span
from streams.runtime.documents import did_you_mean, violation

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS_MS = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 604_800_000}
LARGEST_AMOUNT = 10**15
LONGEST_MS = 3_660 * UNITS_MS["day"]
EXAMPLES = "write for example '45 minutes', '30 days', '4 business hours' or '3 business days on office'"

ROUND_THE_CLOCK = Hours(0, 24 * 60)
_PASSES = re.compile(r"([1-9]\d{0,5})(\+?)")
_SPAN = re.compile(r"(\d{1,9}) +(business +)?([a-z]+?)s?(?: +on +(\S+))?")
_HOURS = re.compile(r"([0-2]\d):([0-5]\d)-([0-2]\d):([0-5]\d)")


class SpanWords(NamedTuple):
    """A span as it is written: `calendar` is None for plain time."""

    number: int
    unit: str
    calendar: str | None

    def on(self, calendars: Mapping[str, Calendar]) -> Span:
        """The span, on the calendar that it names."""
        ms = self.number * UNITS_MS[self.unit]
        if self.calendar is None:
            return PlainTime(ms)
        calendar = calendars[self.calendar]
        return BusinessDays(self.number, calendar) if self.unit == "day" else BusinessTime(ms, calendar)


def parse_span(text: object, calendars: Mapping[str, Calendar | None], least: int = 0) -> SpanWords:
    """Parse a span such as `4 business hours on office`.

    Args:
        text: What the file has.
        calendars: By name; None for an invalid one. Business time without a name uses the only calendar.
        least: The least number.

    Raises:
        PydanticCustomError: It is not a valid span. So do all functions here that parse.
    """
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise violation(f"{text!r} is no duration", EXAMPLES)
    number, business, unit, calendar = match.groups()
    if unit not in UNITS_MS:
        raise violation(f"{unit!r} is no unit of time", did_you_mean(unit, UNITS_MS))
    span = SpanWords(int(number), unit, _calendar(business, unit, calendar, list(calendars)))
    if _lasts_ms(span, calendars) > LONGEST_MS:  # the computation walks through a calendar day by day
        raise violation(f"{text!r} is more than ten years", "write less, or 'off' where there is to be no limit")
    if span.number < least:
        raise violation("a promise of no time is broken at once", "write at least '1 second', or 'off'")
    return span


def _lasts_ms(span: SpanWords, calendars: Mapping[str, Calendar | None]) -> float:
    """About how long it takes by the wall clock."""
    ms = span.number * UNITS_MS[span.unit]
    if span.calendar is None or (calendar := calendars[span.calendar]) is None:
        return ms
    return ms / (calendar.open_days if span.unit == "day" else calendar.open_time)


def _calendar(business: str | None, unit: str, named: str | None, known: list[str]) -> str | None:
    if business is None:
        if named is not None:
            raise violation("only business time is on a calendar", f"write 'business {unit}s' or drop 'on {named}'")
        return None
    if unit in ("week", "second"):
        raise violation(f"there are no business {unit}s", "write business minutes, hours or days")
    if named in known:
        return named
    if named is not None:
        raise violation(f"there is no calendar {named!r}", did_you_mean(named, known))
    if len(known) != 1:
        problem = "business time of which calendar?" if known else "business time needs a calendar"
        raise violation(problem, f"write 'business {unit}s on NAME'" if known else "name one under 'calendars'")
    return known[0]


def parse_warning(text: object, calendars: Mapping[str, Calendar | None]) -> SpanWords:
    """Parse how long before its end a promise is warned about: `2 hours before`."""
    if not isinstance(text, str) or not text.endswith(" before"):
        raise violation(f"{text!r} does not say before what", "write for example '2 hours before', or 'off'")
    span = parse_span(text.removesuffix(" before"), calendars)
    if span.number == 0:
        raise violation("a warning at the end of a promise comes too late", "write for example '2 hours before'")
    return span


def parse_hours(text: object) -> tuple[Hours, ...]:
    """Read the open hours of a day: `09:00-12:30, 13:30-18:00`, past midnight `22:00-06:00`, or `always`."""
    if text == "always":
        return (ROUND_THE_CLOCK,)
    parts = [_HOURS.fullmatch(part.strip()) for part in text.split(",")] if isinstance(text, str) else [None]
    hours = tuple(_stretch(part) for part in parts if part is not None)
    if len(hours) != len(parts):
        raise violation(f"{text!r} are no open hours", "write for example '09:00-17:30' or '09:00-12:00, 13:00-17:30'")
    if any(this.closes > following.opens for this, following in pairwise(hours)):
        raise violation(f"{text!r} overlap or are out of order", "write stretches in order, each after the one before")
    return hours


def _stretch(match: re.Match[str]) -> Hours:
    hour, minute, closing_hour, closing_minute = (int(group) for group in match.groups())
    opens, closes = hour * 60 + minute, closing_hour * 60 + closing_minute
    if opens >= 24 * 60 or closes > 24 * 60:
        raise violation(f"{match[0]!r} is later than 24:00", "write times from 00:00 to 24:00")
    if opens == closes:
        raise violation(f"{match[0]!r} closes when it opens", "write 'always' for round the clock")
    return Hours(opens, closes if closes > opens else closes + 24 * 60)


def parse_weekdays(text: str) -> range:
    """Read a weekday or a range of them: `sat`, `mon-fri`."""
    first, _, last = text.partition("-")
    for day in (first, last or first):
        if day not in WEEKDAYS:
            raise violation(f"{day!r} is no weekday", did_you_mean(day, WEEKDAYS))
    days = range(WEEKDAYS.index(first), WEEKDAYS.index(last or first) + 1)
    if not days:
        raise violation(f"{text!r} goes backwards", "a week begins on Monday: write two ranges")
    return days


def parse_week(hours: dict[str, tuple[Hours, ...]]) -> dict[int, tuple[Hours, ...]]:
    """Spread hours of ranges of weekdays over the days of the week."""
    week: dict[int, tuple[Hours, ...]] = {}
    for text, stretches in hours.items():
        for day in parse_weekdays(text):
            if day in week:
                raise violation(f"{WEEKDAYS[day]} has hours twice", "write each weekday once: ranges must not overlap")
            week[day] = stretches
    if not week:
        raise violation("a calendar that is never open", "write for example 'mon-fri: 09:00-17:00'")
    if (day_no := overlapping(week)) is not None:
        problem = f"the shift of {WEEKDAYS[day_no]} reaches into the hours of {WEEKDAYS[(day_no + 1) % 7]}"
        raise violation(problem, "let it close before the next one opens")
    return week


def parse_minor_units(value: object, digits: int) -> int:
    """Read an amount in major units, such as 10000 or 499.50; return minor units (`digits` digits after the point)."""
    fix = "write digits alone: 10000 or 499.50"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise violation(f"{value!r} is no amount", fix)
    try:
        minor = Decimal(str(value)).scaleb(digits)
    except InvalidOperation:
        raise violation(f"{value!r} is no amount", fix) from None
    if not minor.is_finite() or not 0 <= minor < LARGEST_AMOUNT:
        raise violation(f"{value!r} is no amount", fix)
    if minor != int(minor):
        raise violation(f"{value!r} has more than {digits} digits after the point", "write fewer, or set 'digits'")
    return int(minor)


def parse_passes(value: object) -> Interval:
    """Read numbers of passes: `1`, or `2+` for the second and all later ones."""
    match = _PASSES.fullmatch(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    if match is None:
        raise violation(f"{value!r} is no number of a pass", "write 1 for the first pass, '2+' for all later ones")
    first = int(match[1])
    return Interval(first, None if match[2] else first + 1)


def parse_day(text: object) -> date:
    """Read a date of the calendar: `2026-12-25`."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%d").date()  # noqa: DTZ007  # a date has no zone
    except ValueError:
        raise violation(f"{text!r} is no date", "write for example 2026-12-25") from None


def parse_zone(name: object) -> ZoneInfo:
    """Find a time zone of the IANA database."""
    if not isinstance(name, str):
        raise violation(f"{name!r} is no time zone", "write for example 'Europe/Berlin'")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of the database
        fix = did_you_mean(name, available_timezones())
        raise violation(f"there is no time zone {name!r}", fix) from None
