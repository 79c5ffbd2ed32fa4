"""The members of lists in Redis.

Lists are sorted sets in the order of their members; a member that begins with a time makes a list by time, and the last
member of a page is where the next one continues, whatever was written in between.
"""

from typing import NamedTuple

TIME_DIGITS = 13
_LAST = (1 << 52) - 1


class ListMembership(NamedTuple):
    """The name of a list, a member of it, and its score; 0 where the order is that of the members."""

    name: str
    member: str
    score: int = 0


def timed(at: int) -> str:
    """An instant as the beginning of a member: 13 hex digits, in the order of time."""
    return f"{min(max(at, 0), _LAST):013x}"


def event_member(at: int, event_id: str, lead_id: str) -> str:
    """The member of a list of recycles or escalations."""
    return f"{timed(at)}{len(event_id):03x}{event_id}{lead_id}"


def split_event_member(member: str) -> tuple[str, str]:
    """The id and the lead that a member of a list of recycles or escalations names."""
    size = int(member[TIME_DIGITS : TIME_DIGITS + 3], 16)
    rest = member[TIME_DIGITS + 3 :]
    return rest[:size], rest[size:]
