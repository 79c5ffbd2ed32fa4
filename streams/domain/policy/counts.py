"""What a contact counts as: nothing, a touch, or progress."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Counted = Literal["none", "touch", "progress"]

INBOUND = "inbound"
MACHINES = ("agent", "automation")
ACTORS = ("sales", "lead", "agent")
ACTIVITIES = ("unknown", "call", "email", "message", "meeting", "visit", "form", "other")
OUTCOMES = (
    "unknown",
    "no_answer",
    "busy",
    "voicemail",
    "wrong_number",
    "sent",
    "bounced",
    "connected",
    "replied",
    "meeting_set",
    "meeting_held",
    "no_show",
    "cancelled",
)
NEVER_PROGRESS = frozenset({"unknown", "no_show", "cancelled"})
_FIELDS = ((ACTORS, 4), (ACTIVITIES, 12), (OUTCOMES, 22), ((INBOUND, *OUTCOMES), 22))
"""The symbols of each set in the order of their bits, and the width of the set. For ever: new symbols go to the end."""


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

    @property
    def packed(self) -> int:
        """The value as one whole number, for the memory of a lead; 0 is the default."""
        return _bits(self) ^ _bits(DEFAULT_COUNTING)


def unpacked(packed: int) -> Counting:
    """The value of a whole number that `packed` gave."""
    return DEFAULT_COUNTING if packed == 0 else _unpacked(packed)


@lru_cache(maxsize=1_000)
def _unpacked(packed: int) -> Counting:
    bits, sets = packed ^ _bits(DEFAULT_COUNTING), list[frozenset[str]]()
    for symbols, width in _FIELDS:
        sets.append(frozenset(symbol for n, symbol in enumerate(symbols) if bits >> n & 1))
        bits >>= width
    return Counting(*sets)


def _bits(counts: Counting) -> int:
    bits, shift = 0, 0
    sets = (counts.by, counts.activities, counts.ignored, counts.progress)
    for chosen, (symbols, width) in zip(sets, _FIELDS, strict=True):
        bits |= sum(1 << n for n, symbol in enumerate(symbols) if symbol in chosen) << shift
        shift += width
    return bits


def _actor(by: str, direction: str) -> str:
    """Who acted: what is inbound, the lead did, whatever software recorded it; an unknown symbol counts as sales."""
    if by in MACHINES and direction == INBOUND:
        return "lead"
    return by if by in MACHINES or by == "lead" else "sales"


DEFAULT_COUNTING = Counting()
"""What counts if a policy says nothing else."""
