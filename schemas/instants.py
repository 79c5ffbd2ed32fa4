"""Instants as epoch milliseconds: their bounds, the unit that a number is probably in, and their form as text."""

from datetime import UTC, datetime
from typing import Literal

DAY_MS = 86_400_000

EARLIEST_MS = 631_152_000_000
"""The year 1990. What lies before it is in another unit, or a placeholder: no fact about a lead is that old."""

LATEST_MS = 4_102_444_799_999
"""The last instant of 2099. A number beyond it may be in another unit."""

LAST_MS = 253_402_300_799_999
"""The last instant of the year 9999, where RFC 3339 and `datetime` end."""

NO_DATE_MS = -2_145_916_800_000
"""The year 1902. Earlier dates (0001-01-01, 1753-01-01, 1900-01-01) are how many systems store that there is none."""

FUTURE_MS = 600_000
"""How far ahead of the wall clock a fact may be dated: clocks differ. What lies further ahead is a dead letter."""

DISTANT_MS = 3_653 * DAY_MS
"""Ten years. A next step that lies further ahead of its fact (2099-12-31) is a placeholder for none."""

Unit = Literal[
    "seconds",
    "milliseconds",
    "microseconds",
    "nanoseconds",
    "days of a spreadsheet (an Excel serial number)",
    "compact digits (YYYYMMDD)",
]
EXCEL: Unit = "days of a spreadsheet (an Excel serial number)"
COMPACT: Unit = "compact digits (YYYYMMDD)"
# What the years 1990 to 2099 are in each unit. No two ranges overlap.
_RANGES: tuple[tuple[float, float, Unit], ...] = (
    (32_874, 73_051, EXCEL),
    (19_900_101, 21_000_000, COMPACT),
    (631_152_000, 4_102_444_800, "seconds"),
    (199_001_010_000, 210_000_000_000, COMPACT),  # to the minute
    (631_152_000_000, 4_102_444_800_000, "milliseconds"),
    (19_900_101_000_000, 21_000_000_000_000, COMPACT),  # to the second
    (631_152_000_000_000, 4_102_444_800_000_000, "microseconds"),
    (631_152_000_000_000_000, 4_102_444_800_000_000_000, "nanoseconds"),
)


def unit_of(number: float) -> Unit | None:
    """The unit in which a number is a time from 1990 to 2099; None if there is none."""
    return next((unit for first, end, unit in _RANGES if first <= number < end), None)


def bounded_iso(at: int) -> str:
    """As `iso`, for what may be no time at all: the nearest from 1970 to LAST_MS."""
    return iso(min(max(at, 0), LAST_MS))


def iso(at: int) -> str:
    """Epoch ms as ISO 8601 in UTC, with milliseconds and Z.

    Raises:
        OverflowError, ValueError, OSError: It is outside of the years 1 to 9999.
    """
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_PARTS = ((DAY_MS, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"))


def short_span(ms: float) -> str:
    """A length of time in its two largest units, rounded down: `9m 12s`, `2d 3h`, `0s`."""
    left, words = max(int(ms), 0), []
    for size, unit in _PARTS:
        count, left = divmod(left, size)
        if count:
            words.append(f"{count}{unit}")
        elif words:
            break
        if len(words) == 2:  # noqa: PLR2004  no more is read at a glance
            break
    return " ".join(words) or "0s"
