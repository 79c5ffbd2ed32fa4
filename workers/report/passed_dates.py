"""Leads whose date has passed without being evaluated again: streams does that within seconds."""

from collections.abc import Callable
from typing import NamedTuple

from schemas.events import LeadSnapshot
from workers.read_model.lead_document import LeadDocument
from workers.read_model.list_members import timed

from .generation_reader import GenerationReader, ListRange, Reading

LISTS = {"due": "promises", "decision:HOLD": "holds", "decision:ESCALATE": "escalations"}
"""The lists by date, and what their leads wait for the end of."""
LOOKED_AT = 500
"""Members of each list looked at. A hold that ended at a closed gate has no date: it is listed by an old one."""


class PassedDates(NamedTuple):
    """How many leads are in each list, and those whose date has passed, the earliest first: (epoch ms, lead_id)."""

    waiting: dict[str, int]
    passed: dict[str, list[tuple[int, str]]]


async def passed_dates(
    reader: GenerationReader,
    reading: Reading,
    snapshot_of: Callable[[LeadDocument], LeadSnapshot | None],
    before: int,
) -> PassedDates:
    """Look for dates before an instant (epoch ms). Raises ReadModelUnavailable."""
    sizes = await reader.sizes(reading, [ListRange(name) for name in LISTS])
    passed: dict[str, list[tuple[int, str]]] = {}
    for name, what in LISTS.items():
        range_ = ListRange(name, b"-", b"(" + timed(before).encode())
        members = await reader.members(reading, range_, None, most=LOOKED_AT)
        lead_ids = [member[len(timed(0)) :] for member in members]
        found = [snapshot_of(one) for one in await reader.documents(reading, lead_ids)]
        dates = ((_date(name, lead), lead.lead_id) for lead in found if lead is not None)
        passed[what] = sorted((at, lead_id) for at, lead_id in dates if at is not None and at < before)
    return PassedDates(dict(zip(LISTS.values(), sizes, strict=True)), passed)


def _date(name: str, lead: LeadSnapshot) -> int | None:
    """When streams evaluates the lead again."""
    return lead.due_at if name == "due" else lead.until
