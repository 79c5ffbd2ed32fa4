"""What is promised about a lead, and when its clocks run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .spans import Span, days

CLOCKS = ("never_assigned", "never_contacted", "no_follow_up", "no_progress", "no_next_step")
"""The promises that are spans; `attempts_exhausted` is a number."""

ContactFrom = Literal["created", "assigned"]


@dataclass(frozen=True, slots=True)
class Promises:
    """What is promised about a lead; None is a clock that is off.

    Args:
        never_contacted: From creation, or from assignment, to the first touch.
        no_follow_up: From one touch to the next.
        no_progress: From one progress to the next.
        grace: How long after an agreed next step follow-up may take; None: agreed next steps move no clock.
        max_attempts: Touches without progress.
        never_assigned: From creation until the lead has an owner.
        no_next_step: From a progress until a next step is agreed.
        contact_from: When the clock of `never_contacted` starts.
        warn: How long before the promise of this name breaks sales is warned; of CLOCKS that are on.
    """

    never_contacted: Span | None = None
    no_follow_up: Span | None = None
    no_progress: Span | None = None
    grace: Span | None = None
    max_attempts: int | None = None
    never_assigned: Span | None = None
    no_next_step: Span | None = None
    contact_from: ContactFrom = "created"
    warn: Mapping[str, Span] = field(default_factory=dict)


ALL_OFF = Promises()
DEFAULT_PROMISES = Promises(days(2), days(7), days(30), days(1), 6)
