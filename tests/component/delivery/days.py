"""A time zone for tests of daily budgets."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def noon() -> ZoneInfo:
    """A time zone in which it is about noon: no day ends during a test."""
    ahead = 12 - datetime.now(UTC).hour
    return ZoneInfo(f"Etc/GMT{-ahead:+d}" if ahead else "UTC")
