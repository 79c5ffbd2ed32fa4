"""Turns a batch of deliveries into changes of list memberships: which leads join or leave which list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from schemas.events import LeadEscalated

from ..attempts import Accepted, DeliveryRequest, Gone, NoOp, Outcome, Rejected, Retry, Unverified
from .http_target import ids_for_event

NO_ESCALATIONS = "a list has members: it has no place for an escalation"
_FIRST: tuple[type[Outcome], ...] = (Gone, Retry, Unverified, Accepted, NoOp, Rejected)


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """One list, and the vendor's ids of the leads that join or leave it, by their index in the batch."""

    joins: bool
    number: int
    leads: Mapping[int, int]


def membership_changes(
    requests: Sequence[DeliveryRequest], tracks: Mapping[str, int], number_of: Callable[[str], int | None]
) -> tuple[dict[int, Outcome], list[MembershipChange]]:
    """Group a batch by list.

    Returns:
        The outcomes of deliveries that cannot be made, by index; and the changes to make. Removals come first, so that
        a RECYCLE wins over a REVOKE of the same lead in one batch.
    """
    rejected: dict[int, Outcome] = {}
    wanted: dict[tuple[bool, int], dict[int, int]] = {}
    for index, request in enumerate(requests):
        event = request.event
        lead, lists = number_of(event.lead_id), ids_for_event(tracks, event)
        if isinstance(event, LeadEscalated):
            rejected[index] = Rejected(None, NO_ESCALATIONS)
        elif lead is None:
            rejected[index] = Rejected(None, not_numeric(event.lead_id))
        elif not lists:
            rejected[index] = Rejected(None, f"no list is configured for the track {event.track!r}")
        else:
            for number in lists:
                wanted.setdefault((event.action == "RECYCLE", number), {})[index] = lead
    return rejected, [MembershipChange(joins, number, leads) for (joins, number), leads in sorted(wanted.items())]


def more_significant(one: Outcome | None, other: Outcome) -> Outcome:
    """Merge two outcomes of one delivery: still to do, before done, before nothing to do, before impossible."""
    return other if one is None or _FIRST.index(type(other)) < _FIRST.index(type(one)) else one


def not_numeric(lead_id: str) -> str:
    """Explain that a lead_id is not the numeric id that the vendor needs."""
    return f"the vendor's ids are numbers, {lead_id!r} is not: set strip_prefix, or map the lead's id at import"
