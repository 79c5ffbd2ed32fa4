"""What a contact counts as: nothing, a touch, or progress."""

from dataclasses import dataclass
from typing import Literal, get_args

from schemas.events import Activity, ContactOutcome

Counted = Literal["none", "touch", "progress"]

INBOUND = "inbound"
MACHINES = ("agent", "automation")
ACTORS = ("sales", "lead", "agent")
ACTIVITIES: tuple[str, ...] = get_args(Activity)
OUTCOMES: tuple[str, ...] = get_args(ContactOutcome)
NEVER_PROGRESS = frozenset({"unknown", "no_show", "cancelled"})


@dataclass(frozen=True, slots=True)
class Counting:
    """What counts as a touch and as progress, for leads of one rule.

    Args:
        by: Whose contacts are touches: of ACTORS. What marketing or automation does never is.
        activities: Kinds of contacts that are touches: of ACTIVITIES.
        ignored: Outcomes that are no touch: of OUTCOMES.
        progress: Outcomes that are progress, and `inbound`.
    """

    by: frozenset[str] = frozenset({"sales", "lead"})
    activities: frozenset[str] = frozenset(ACTIVITIES)
    ignored: frozenset[str] = frozenset()
    progress: frozenset[str] = frozenset({"connected", "replied", "meeting_set", "meeting_held", INBOUND})

    def touch(self, by: str, activity: str, direction: str, outcome: str) -> Counted:
        """What a contact counts as; the arguments are the fields of LeadContacted.

        What an agent or automation does counts if the lead answered.
        """
        if by == "marketing":
            return "none"
        if outcome in self.progress or (direction == INBOUND and INBOUND in self.progress):
            return "progress"
        if _actor(by, direction) not in self.by or activity not in self.activities or outcome in self.ignored:
            return "none"
        return "touch"


def _actor(by: str, direction: str) -> str:
    """Who acted: what is inbound, the lead did, whatever software recorded it; an unknown symbol counts as sales."""
    if by in MACHINES and direction == INBOUND:
        return "lead"
    return by if by in MACHINES or by == "lead" else "sales"


DEFAULT_COUNTING = Counting()
"""What counts if a policy says nothing else."""
