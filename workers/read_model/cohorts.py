"""Cohorts: the month and the week (its Monday) in which a pass began, in UTC; and hours, in which things happened."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal

from schemas.instants import LAST_MS

CohortLength = Literal["month", "week"]
_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000


def month_of(at: int) -> str:
    """`2026-03`. `at` in epoch ms."""
    return _month(_bounded(at) // _DAY_MS)


def week_of(at: int) -> str:
    """The Monday of the week, `2026-03-09`."""
    return _week(_bounded(at) // _DAY_MS)


def hour_of(at: int) -> str:
    """`2026-03-09T14`."""
    return _hour(_bounded(at) // _HOUR_MS)


def origin_cohort(cohort: str, origin: str) -> str:
    """The name of a cohort of one origin."""
    return f"{cohort} {origin}"


def first_day(cohort: str) -> date:
    """The first day of a month or a week."""
    return date.fromisoformat(cohort if len(cohort) > len("2026-03") else f"{cohort}-01")


def begins(length: CohortLength, day: date) -> date:
    """The first day of the cohort that contains a day."""
    return day.replace(day=1) if length == "month" else day - timedelta(days=day.weekday())


def following(length: CohortLength, first: date) -> date:
    """The first day of the next cohort."""
    return begins("month", first + timedelta(days=31)) if length == "month" else first + timedelta(days=7)


def period_until(length: CohortLength, last: date, many: int) -> date:
    """The first day of so many cohorts, of which the last contains a day."""
    first = begins(length, last)
    for _ in range(many - 1):
        first = begins(length, first - timedelta(days=1))
    return first


def period_from(length: CohortLength, first: date, many: int) -> date:
    """The last day of so many cohorts, of which the first contains a day."""
    day = begins(length, first)
    for _ in range(many):
        day = following(length, day)
    return day - timedelta(days=1)


def cohorts_between(length: CohortLength, first: date, last: date) -> Iterator[str]:
    """The cohorts from the one of the first day to the one of the last day."""
    day = begins(length, first)
    while day <= last:
        yield f"{day:%Y-%m}" if length == "month" else day.isoformat()
        day = following(length, day)


def _bounded(at: int) -> int:
    return min(max(at, 0), LAST_MS)


@lru_cache(maxsize=4_096)
def _month(day: int) -> str:
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m}"


@lru_cache(maxsize=4_096)
def _week(day: int) -> str:
    return begins("week", datetime.fromtimestamp(day * 86_400, UTC).date()).isoformat()


@lru_cache(maxsize=4_096)
def _hour(hour: int) -> str:
    return f"{datetime.fromtimestamp(hour * 3_600, UTC):%Y-%m-%dT%H}"
