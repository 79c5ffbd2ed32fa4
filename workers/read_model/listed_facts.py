"""What the entries of a lead's timeline add to its snapshot: its close, its money, warnings, how late it arrived."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeVar

from schemas.events import DealClosed, LeadCreated, LeadEscalated, LeadSnapshot, LeadUpdated

from .lead_document import ENTRY_KINDS, LeadDocument

CREATED: Final = ENTRY_KINDS.index(LeadCreated)
CLOSED: Final = ENTRY_KINDS.index(DealClosed)
UPDATED: Final = ENTRY_KINDS.index(LeadUpdated)
R = TypeVar("R", DealClosed, LeadCreated, LeadUpdated)
Decode = Callable[[bytes, Any], Any]


class LeadAmount(NamedTuple):
    """Money in minor units of a currency; the currency is empty if no event named it."""

    minor: int
    currency: str


class ListedFacts(NamedTuple):
    """Of one lead. `warnings`: the reason and the date of each promise that sales was warned about.

    Attributes:
        closed_at: When the deal was last closed, epoch ms.
        amount: What the won deal brought, otherwise what the lead is expected to bring.
        system_delay_ms: How long the event that began the pass took to reach Leadloop.
        warnings: The promises that sales was warned about: (reason, epoch ms at which it breaks).
    """

    closed_at: int | None = None
    amount: LeadAmount | None = None
    system_delay_ms: int | None = None
    warnings: frozenset[tuple[str, int]] = frozenset()


def facts_of(document: LeadDocument, lead: LeadSnapshot, decode: Decode) -> ListedFacts:
    """Read them from a document. `decode` decodes a record."""
    updates = list(_records(document, UPDATED, LeadUpdated, decode))
    retracted = {one.retracts for one in updates if one.retracts}
    closes = (one for one in _records(document, CLOSED, DealClosed, decode) if one.event_id not in retracted)
    closed = next((one for one in closes if one.occurred_at >= (lead.created_at or 0)), None)
    created = next((one for one in _records(document, CREATED, LeadCreated, decode) if _began(one, lead)), None)
    is_closed = closed is not None and lead.stage not in {"new", "working"}
    delay = None if created is None or not created.recorded_at else created.recorded_at - created.occurred_at
    return ListedFacts(
        closed.occurred_at if closed is not None and is_closed else None,
        _amount(lead, closed, [one for one in updates if one.event_id not in retracted]),
        None if delay is None else max(0, delay),
        frozenset(_warnings(document, decode)),
    )


def is_at_risk(lead: LeadSnapshot, facts: ListedFacts) -> bool:
    """Whether sales was warned about the promise that runs now."""
    return lead.due_at is not None and (lead.due_reason, lead.due_at) in facts.warnings


def human_delay_ms(lead: LeadSnapshot) -> int | None:
    """How long sales took to contact the lead first in this pass; None: it has not yet."""
    if lead.created_at is None or lead.first_touch_at is None:
        return None
    return max(0, lead.first_touch_at - lead.created_at)


def _records(document: LeadDocument, kind: int, of: type[R], decode: Decode) -> Iterator[R]:
    """The records of one kind, the newest first."""
    return (decode(entry.value, of) for entry in reversed(document.facts) if entry.kind == kind)


def _began(created: LeadCreated, lead: LeadSnapshot) -> bool:
    return created.occurred_at == lead.created_at


def _amount(lead: LeadSnapshot, closed: DealClosed | None, updates: list[LeadUpdated]) -> LeadAmount | None:
    if lead.stage == "won" and lead.amount is not None:
        return LeadAmount(lead.amount, lead.currency)
    if lead.stage == "won" and closed is not None and closed.outcome == "won" and closed.amount is not None:
        return LeadAmount(closed.amount, closed.currency)
    if lead.expected_amount is None:
        return None
    named = (one.currency for one in updates if one.expected_amount is not None and one.currency)
    return LeadAmount(lead.expected_amount, lead.expected_currency or next(named, ""))


def _warnings(document: LeadDocument, decode: Decode) -> Iterator[tuple[str, int]]:
    for entry in document.escalations:
        record: LeadEscalated = decode(entry.value, LeadEscalated)
        if record.action == "AT_RISK" and record.until is not None:
            yield record.reason, record.until
