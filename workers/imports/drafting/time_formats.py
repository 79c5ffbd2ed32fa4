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
        unread: Whether some values are no times.
    """

    formats: tuple[str, ...] = ()
    is_local: bool = False
    has_no_hours: bool = False
    doubt: str = ""
    unread: bool = False


def time_column(values: Sequence[str], *, is_named: bool = False) -> TimeColumn:
    """Find how the values of a column are read as times.

    Args:
        values: Of the column.
        is_named: The name of the column says that it holds times: then some values may be none, and are a doubt.
    """
    texts = [*dict.fromkeys(value for value in values if value)][:_LOOKED_AT]
    if not texts:
        return TimeColumn()
    if all(map(_SECONDS.fullmatch, texts)):
        return TimeColumn(("epoch_s",))
    if all(map(_MILLISECONDS.fullmatch, texts)):
        return TimeColumn(("epoch_ms",))
    if all(map(_SERIAL.fullmatch, texts)):
        return TimeColumn(("excel",), is_local=True, doubt="the numbers look like dates of Excel")
    found = _mixed([text for text in texts if _reads_iso(text)], [text for text in texts if not _reads_iso(text)])
    return found if is_named or not found.unread else TimeColumn()


def unread_text(values: Sequence[str]) -> str:
    """Return an example of a value that is no time in ISO 8601."""
    return next((value for value in values if value and not _reads_iso(value)), "")


def _mixed(iso: list[str], others: list[str]) -> TimeColumn:
    """A spreadsheet holds dates, which are read as ISO 8601, beside texts of several formats."""
    times = [(text, datetime.fromisoformat(text)) for text in iso]
    is_local = any(time.tzinfo is None for text, time in times if ":" in text)
    has_hours = any(":" in text for text in (*iso, *others))
    day, month, other = (_fitting(dates, others) for dates in (_DAY_FIRST, _MONTH_FIRST, _OTHERS))
    best = max(day, month, other, key=lambda fits: len(fits.by_text))
    doubts = []
    if day.by_text and len(day.by_text) == len(month.by_text) == len(best.by_text):
        best = month if "%p" in "".join(month.formats) else day
        first = "the month" if best is month else "the day"
        doubts.append(f"{next(iter(best.by_text))!r} may begin with the day or the month; {first} is a guess")
    unread = [text for text in others if text not in best.by_text]
    if len(unread) * 2 >= len(iso) + len(others):
        return TimeColumn()
    if unread:
        doubts.append(f"{unread[0]!r} is read by none of the formats: such rows would be rejected")
    is_local = is_local or any(":" in text for text in best.by_text)
    formats = (*(("iso",) if iso else ()), *best.formats)
    return TimeColumn(formats, is_local, not has_hours, "; ".join(doubts), bool(unread))


@dataclass(frozen=True, slots=True)
class _Fit:
    """The format that reads each text, by one order of day and month."""

    by_text: dict[str, str]

    @property
    def formats(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.by_text.values()))


def _fitting(dates: Sequence[str], texts: list[str]) -> _Fit:
    """Find a format for each text."""
    found: dict[str, str] = {}
    for date in dates:
        for text in texts:
            fits = (date + hours for hours in _HOURS if text not in found and _reads(text, date + hours))
            if (pattern := next(fits, None)) is not None:
                found[text] = pattern
    return _Fit({text: found[text] for text in texts if text in found})


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
