"""All differences between two policy files, in the order of the lines of the second one."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from streams.domain.policy import Policy
from streams.domain.policy.calendars import Calendar
from streams.policy_file.policy_document import PolicyReading
from workers.explaining.words import quoted

from .calendar_differences import calendar_differences
from .count_differences import count_differences
from .difference import Difference
from .intake_differences import intake_differences
from .promise_differences import promise_differences
from .reason_differences import limit_differences, reason_differences
from .rule_differences import rule_differences


class LocatedDifference(NamedTuple):
    """A difference, and the line of the second file where its value is, or where it would be."""

    line: int
    text: str


def policy_differences(before: PolicyReading, after: PolicyReading, today: date) -> list[LocatedDifference]:
    """The differences of the terms from `today` on; what has no effect, such as a comment, is none."""
    calendars = calendar_differences(_calendars(before), _calendars(after), today)
    found = [*calendars, *term_differences(before.policy, after.policy)]
    located = (LocatedDifference(after.document.line_of(each.place), each.text) for each in found)
    return sorted(located, key=lambda each: each.line)


def term_differences(old: Policy, new: Policy) -> Iterator[Difference]:
    """The differences of all terms but the calendars."""
    if old.version != new.version:
        yield Difference(("version",), f"The version is {quoted(new.version)} instead of {quoted(old.version)}.")
    yield from promise_differences(old.promises, new.promises, ("promises",))
    yield from count_differences(old.counts, new.counts, ("counts",))
    yield from rule_differences(old, new)
    yield from reason_differences(old, new)
    yield from limit_differences(old.limits, new.limits)
    yield from intake_differences(old.intake, new.intake)


def _calendars(reading: PolicyReading) -> dict[str, Calendar]:
    return {name: file.calendar(name) for name, file in reading.file.calendars.items()}
