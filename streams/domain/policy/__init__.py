"""What was promised about leads, and what is done when a promise is broken."""

from .counts import DEFAULT_COUNTING, Counted, Counting
from .promises import ALL_OFF, Promises
from .reasons import Action, Disposition, StallCause
from .rules import HasDimensions, Rule
from .spans import BusinessDays, BusinessTime, PlainTime, Span, days
from .terms import Policy, PolicyLimits

__all__ = [
    "ALL_OFF",
    "DEFAULT_COUNTING",
    "Action",
    "BusinessDays",
    "BusinessTime",
    "Counted",
    "Counting",
    "Disposition",
    "HasDimensions",
    "PlainTime",
    "Policy",
    "PolicyLimits",
    "Promises",
    "Rule",
    "Span",
    "StallCause",
    "days",
]
