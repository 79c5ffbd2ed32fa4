"""Warns about policies that are valid and probably not what their author wanted."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from streams.runtime.documents import Violation

from .calendar_doubts import calendar_doubts
from .intake_doubts import intake_doubts
from .policy_document import read_policy
from .promise_doubts import promise_doubts, rule_doubts
from .reason_doubts import Accepts, limit_doubts, reason_doubts, unnamed_doubts


def policy_warnings(
    text: str,
    name: str,
    *,
    accepts: Accepts | None = None,
    today: date | None = None,
    reported: Mapping[str, int] = MappingProxyType({}),
) -> list[Violation]:
    """What is doubtful in a policy file, in the order of its lines.

    Args:
        text: Its content.
        name: The file name in messages.
        accepts: Whether any endpoint takes a RECYCLE of this reason and track; None: endpoints are not checked.
        today: For holidays and absences that are over; None: not checked.
        reported: The reasons of stalls and lost deals in a history, and how often it has each.

    Raises:
        PolicyError: It is not a valid policy.
    """
    reading = read_policy(text, name)
    doubts = [
        *calendar_doubts(reading, today),
        *promise_doubts(reading),
        *rule_doubts(reading),
        *reason_doubts(reading, accepts),
        *limit_doubts(reading),
        *intake_doubts(reading, today),
        *unnamed_doubts(reading, reported),
    ]
    return sorted((reading.document.fault(*doubt) for doubt in doubts), key=lambda each: each.line)
