"""What was promised about leads, and what is done when a promise is broken."""

from .spans import BusinessDays, BusinessTime, PlainTime, Span, days
from .terms import ALL_OFF, Action, Policy, PolicyLimits, Promises, Rule

__all__ = [
    "ALL_OFF",
    "Action",
    "BusinessDays",
    "BusinessTime",
    "PlainTime",
    "Policy",
    "PolicyLimits",
    "Promises",
    "Rule",
    "Span",
    "days",
]
