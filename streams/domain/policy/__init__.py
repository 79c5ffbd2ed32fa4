"""What was promised about leads, and what is done when a promise is broken."""

from .spans import BusinessDays, BusinessTime, PlainTime, Span, days
from .terms import ALL_OFF, Action, Limits, Policy, Promises, Rule

__all__ = [
    "ALL_OFF",
    "Action",
    "BusinessDays",
    "BusinessTime",
    "Limits",
    "PlainTime",
    "Policy",
    "Promises",
    "Rule",
    "Span",
    "days",
]
