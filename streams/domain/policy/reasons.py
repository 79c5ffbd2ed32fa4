"""What follows a stall, by its reason: what becomes of the lead (its disposition), and why it is cold (its cause)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from .spans import PlainTime, Span, days

AT_ONCE = PlainTime(0)

Disposition = Literal["timed", "triggered", "never"]
"""`timed`: the lead is handed back, with a delay; `triggered`: it waits until sales names a date; `never`: neither."""

StallCause = Literal[
    "routing",
    "neglect",
    "no_response",
    "timing",
    "budget",
    "authority",
    "fit",
    "competitor",
    "product",
    "data_quality",
    "other",
]


@dataclass(frozen=True, slots=True)
class Action:
    """What a RECYCLE requests, and when it does.

    Args:
        track: The nurture plan.
        delay: How long after the stall it starts.
        cooldown: How long until the lead may be handed back again; None: the limit for all.
        escalate: How long sales has to act after the stall, before the lead goes back; None: it goes back at once.
        disposition: `timed`; or `triggered`: handed back only if the stall names a date (`resume_at`), and then on it.
    """

    track: str
    delay: Span = AT_ONCE
    cooldown: Span | None = None
    escalate: Span | None = None
    disposition: Literal["timed", "triggered"] = "timed"


NURTURE = Action("nurture")
DEFAULT_REASONS: Mapping[str, Action | None] = MappingProxyType(
    {
        "never_assigned": Action("introduce-again"),
        "never_contacted": Action("introduce-again"),
        "no_follow_up": Action("keep-warm"),
        "no_next_step": Action("keep-warm"),
        "no_progress": Action("re-engage", days(7)),
        "attempts_exhausted": Action("re-engage", days(14)),
        "no_response": Action("re-engage", days(90)),
        "bad_timing": Action("right-time", days(60)),
        "no_budget": Action("value", days(90)),
        "price": Action("offer", days(30)),
        "no_authority": Action("reach-the-decider", days(30)),
        "competitor": Action("switch", days(180)),
        "product_gap": Action("product-news", days(90)),
        "unqualified": Action("nurture", days(90)),
        "lost": Action("nurture", days(90)),
        "poor_fit": None,
        "invalid": None,
        "duplicate": None,
    }
)
"""None: never hand the lead back."""

DEFAULT_CAUSES: Mapping[str, StallCause] = MappingProxyType(
    {
        "never_assigned": "routing",
        "never_contacted": "neglect",
        "no_follow_up": "neglect",
        "no_next_step": "neglect",
        "no_progress": "no_response",
        "attempts_exhausted": "no_response",
        "no_response": "no_response",
        "bad_timing": "timing",
        "no_budget": "budget",
        "price": "budget",
        "no_authority": "authority",
        "competitor": "competitor",
        "product_gap": "product",
        "poor_fit": "fit",
        "unqualified": "fit",
        "lost": "other",
        "invalid": "data_quality",
        "duplicate": "data_quality",
    }
)
