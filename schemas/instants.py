"""Instants as epoch milliseconds: their bounds, and how they are written as text."""

from datetime import UTC, datetime

DAY_MS = 86_400_000

LAST_MS = 253_402_300_799_999
"""The last instant of the year 9999, where RFC 3339 and `datetime` end."""

FUTURE_MS = 600_000
"""How far ahead of the wall clock a fact may be dated: clocks differ. What lies further ahead is a dead letter."""


def iso(at: int) -> str:
    """Epoch ms as ISO 8601 in UTC, with milliseconds and Z.

    Raises:
        OverflowError, ValueError, OSError: It is outside of the years 1 to 9999.
    """
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
