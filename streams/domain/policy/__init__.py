"""What was promised about leads, and what is done when a promise is broken."""

from .counts import DEFAULT_COUNTING, Counted, Counting
from .intake import Absence, Intake
from .promises import ALL_OFF, Promises
from .reasons import Action, Disposition, StallCause
from .rules import HasDimensions, Rule
from .spans import BusinessDays, BusinessTime, PlainTime, Span, days
from .terms import Policy, PolicyLimits

__all__ = [
    "ALL_OFF",
    "DEFAULT_COUNTING",
    "Absence",
    "Action",
    "BusinessDays",
    "BusinessTime",
    "Counted",
    "Counting",
    "Disposition",
    "HasDimensions",
    "Intake",
    "PlainTime",
    "Policy",
    "PolicyLimits",
    "Promises",
    "Rule",
    "Span",
    "StallCause",
    "days",
]
