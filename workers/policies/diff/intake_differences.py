"""Differences of who gets escalations and warnings in place of the owner of a lead."""

from collections.abc import Iterator
from datetime import date

from streams.domain.policy import Absence, Intake
from workers.explaining.words import quoted

from .difference import Difference

_WHOSE = "Escalations and warnings of leads without an owner, or with one who is away,"


def intake_differences(before: Intake, after: Intake) -> Iterator[Difference]:
    """What is addressed to somebody else than before."""
    if before.owner != after.owner:
        yield Difference(("intake", "owner"), _owner(before.owner, after.owner))
    for absence in sorted(after.away - before.away, key=_order):
        yield Difference(("intake", "away"), f"{quoted(absence.owner)} is away{_days(absence)}.")
    for absence in sorted(before.away - after.away, key=_order):
        yield Difference(("intake", "away"), f"{quoted(absence.owner)} is no longer away{_days(absence)}.")
    if before.timezone != after.timezone:
        text = f"The days of absences are those of {after.timezone.key} instead of {before.timezone.key}."
        yield Difference(("intake", "timezone"), text)


def _owner(before: str, after: str) -> str:
    if not after:
        return f"{_WHOSE} go to their owner, if there is one, and no longer to {quoted(before)}."
    instead = f" instead of {quoted(before)}" if before else "; before, they went to the owner of the lead alone"
    return f"{_WHOSE} go to {quoted(after)}{instead}."


def _order(absence: Absence) -> tuple[str, date, date]:
    return absence.owner, absence.first or date.min, absence.last or date.max


def _days(absence: Absence) -> str:
    first = f" from {absence.first:%Y-%m-%d}" if absence.first else ""
    last = f" until {absence.last:%Y-%m-%d}" if absence.last else ""
    return first + last
