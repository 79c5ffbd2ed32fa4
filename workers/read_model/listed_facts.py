"""Of a lead, what lists and answers have beside its snapshot: its money, warnings, how late it arrived."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from schemas.events import LeadCreated, LeadEscalated, LeadSnapshot
from streams.domain.lead import WON

from .index import reached_by
from .lead_document import ENTRY_KINDS, LeadDocument

CREATED: Final = ENTRY_KINDS.index(LeadCreated)
Decode = Callable[[bytes, Any], Any]
MOST_MINOR = 10**13
"""Amounts from here on are not believed: a sum of them would not fit a counter."""
_NONE: frozenset[tuple[str, int]] = frozenset()
_CURRENCY = re.compile(r"[A-Z]{3}")


class LeadAmount(NamedTuple):
    """Money in minor units of a currency; the currency is empty if no event named it."""

    minor: int
    currency: str


class ListedFacts(NamedTuple):
    """Of one lead.

    Attributes:
        amount: What the won deal brought; of an open lead, what it is expected to bring.
        system_delay_ms: How long the event that began the pass took to reach Leadloop.
        warnings: The promises that sales was warned about: (reason, epoch ms at which it breaks).
    """

    amount: LeadAmount | None = None
    system_delay_ms: int | None = None
    warnings: frozenset[tuple[str, int]] = frozenset()


def facts_of(document: LeadDocument, lead: LeadSnapshot, decode: Decode) -> ListedFacts:
    """Read them from a document. `decode` decodes a record."""
    return indexed_facts(document, lead, decode)._replace(system_delay_ms=_system_delay_ms(document, lead, decode))


def indexed_facts(document: LeadDocument, lead: LeadSnapshot, decode: Decode) -> ListedFacts:
    """Only those that decide which lists a lead is in; none of them is in its facts."""
    amount = won_amount(lead) if reached_by(lead) & WON else expected_amount(lead)
    return ListedFacts(amount, warnings=frozenset(_warnings(document, decode)) if document.escalations else _NONE)


def won_amount(lead: LeadSnapshot) -> LeadAmount | None:
    """What the won deal of the current pass brought; None: not known."""
    return believed(lead.amount, lead.currency)


def expected_amount(lead: LeadSnapshot) -> LeadAmount | None:
    """What an open lead is expected to bring; None: it is not open, or nobody said."""
    return None if lead.stage in {"won", "lost"} else believed(lead.expected_amount, lead.expected_currency)


@lru_cache(maxsize=20_000)
def believed(minor: int | None, currency: str) -> LeadAmount | None:
    """An amount, unless nobody can mean it; what is no currency is none."""
    if minor is None or not 0 <= minor < MOST_MINOR:
        return None
    return LeadAmount(minor, currency if _CURRENCY.fullmatch(currency) else "")


def closed_at(lead: LeadSnapshot) -> int | None:
    """When the deal of the current pass was closed, epoch ms; None: it is open, or the lead moved again."""
    return None if lead.stage in {"new", "working"} else lead.closed_at


def _system_delay_ms(document: LeadDocument, lead: LeadSnapshot, decode: Decode) -> int | None:
    for entry in reversed(document.facts):
        if entry.kind == CREATED and entry.at == lead.created_at:
            created: LeadCreated = decode(entry.value, LeadCreated)
            return max(0, created.recorded_at - created.occurred_at) if created.recorded_at else None
    return None


def is_at_risk(lead: LeadSnapshot, facts: ListedFacts) -> bool:
    """Whether sales was warned about the promise that runs now."""
    return lead.due_at is not None and (lead.due_reason, lead.due_at) in facts.warnings


def human_delay_ms(lead: LeadSnapshot) -> int | None:
    """How long sales took to contact the lead first in this pass; None: it has not yet."""
    if lead.created_at is None or lead.first_touch_at is None:
        return None
    return max(0, lead.first_touch_at - lead.created_at)


def _warnings(document: LeadDocument, decode: Decode) -> Iterator[tuple[str, int]]:
    for entry in document.escalations:
        record: LeadEscalated = decode(entry.value, LeadEscalated)
        if record.action == "AT_RISK" and record.until is not None:
            yield record.reason, record.until
