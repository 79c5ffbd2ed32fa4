"""Finds the formats of a column of times from its values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_DAY_FIRST = ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y")
_OTHERS = ("%Y/%m/%d", "%Y.%m.%d", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%y")
_HOURS = ("", " %H:%M", " %H:%M:%S", ", %H:%M", ", %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %I:%M %p", " at %I:%M %p")
_SECONDS = re.compile(r"1[0-9]{9}(\.\d+)?")
_MILLISECONDS = re.compile(r"1[0-9]{12}")
_SERIAL = re.compile(r"[34]\d{4}(\.\d+)?")
_LOOKED_AT = 300


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """How a column of times is read.

    Attributes:
        formats: Empty if its values are not times.
        is_local: Whether some values have a time of day without an offset.
        has_no_hours: Whether no value has a time of day.
        doubt: What could not be known.
    """

    formats: tuple[str, ...] = ()
    is_local: bool = False
    has_no_hours: bool = False
    doubt: str = ""


def time_column(values: Sequence[str]) -> TimeColumn:
    """Find how the values of a column are read as times."""
    texts = [*dict.fromkeys(value for value in values if value)][:_LOOKED_AT]
    if not texts:
        return TimeColumn()
    if all(map(_SECONDS.fullmatch, texts)):
        return TimeColumn(("epoch_s",))
    if all(map(_MILLISECONDS.fullmatch, texts)):
        return TimeColumn(("epoch_ms",))
    if all(map(_SERIAL.fullmatch, texts)):
        return TimeColumn(("excel",), is_local=True, doubt="the numbers look like dates of Excel")
    if all(_reads_iso(text) for text in texts):
        return _iso(texts)
    return _by_pattern(texts)


def _iso(texts: list[str]) -> TimeColumn:
    times = [datetime.fromisoformat(text) for text in texts]
    hours = [time for text, time in zip(texts, times, strict=True) if ":" in text]
    return TimeColumn(("iso",), any(time.tzinfo is None for time in hours), not hours)


def _by_pattern(texts: list[str]) -> TimeColumn:
    day = _fitting(_DAY_FIRST, texts)
    month = _fitting(_MONTH_FIRST, texts)
    found = day or month or _fitting(_OTHERS, texts)
    if not found:
        return TimeColumn()
    doubt = ""
    if day and month:
        found = month if "%p" in "".join(month) else day
        first = "the month" if found is month else "the day"
        doubt = f"{texts[0]!r} may begin with the day or the month; {first} is a guess"
    has_hours = any(":" in text for text in texts)
    return TimeColumn(found, is_local=has_hours, has_no_hours=not has_hours, doubt=doubt)


def _fitting(dates: Sequence[str], texts: list[str]) -> tuple[str, ...]:
    """The formats of one way to write dates, with or without hours, that read all texts; empty if there is none."""
    for date in dates:
        used = [next((date + hours for hours in _HOURS if _reads(text, date + hours)), None) for text in texts]
        if None not in used:
            return tuple(dict.fromkeys(each for each in used if each is not None))
    return ()


def _reads(text: str, pattern: str) -> bool:
    try:
        return 1970 < datetime.strptime(text, pattern).year < 2100  # noqa: DTZ007, PLR2004  # only its format is of interest
    except ValueError:
        return False


def _reads_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "-" in text  # digits alone may be an id
