"""To whom escalations and warnings are addressed: to the owner of the lead, or to the intake owner in their place."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from .patterns import is_like

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Absence:
    """Who is away: owners like the pattern, from the first to the last day; None: without a beginning or an end."""

    owner: str
    first: date | None = None
    last: date | None = None

    def has(self, owner_id: str, day: date) -> bool:
        """Whether the owner is away on this day."""
        is_begun, is_over = self.first is None or self.first <= day, self.last is not None and self.last < day
        return is_begun and not is_over and is_like(owner_id, self.owner)


@dataclass(frozen=True, slots=True)
class Intake:
    """Who gets the escalations and warnings of leads without an owner, or with one who is away.

    Args:
        owner: The intake owner; empty: they are always addressed to the owner of the lead, if it has one.
        away: Who is away, and when. The intake owner stands in for all of them.
        timezone: Of the days.
    """

    owner: str = ""
    away: frozenset[Absence] = frozenset()
    timezone: ZoneInfo = _UTC_ZONE

    def addressee(self, owner_id: str, at: int) -> str:
        """To whom an escalation at this instant (epoch ms) is addressed; empty: to nobody."""
        if not self.owner or (owner_id and not self.is_away(owner_id, at)):
            return owner_id
        return self.owner

    def is_away(self, owner_id: str, at: int) -> bool:
        """Whether the owner is away at this instant, epoch ms."""
        if not self.away:
            return False
        day = (_EPOCH + timedelta(milliseconds=at)).astimezone(self.timezone).date()
        return any(absence.has(owner_id, day) for absence in self.away)


NO_INTAKE = Intake()
