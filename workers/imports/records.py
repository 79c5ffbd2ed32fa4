"""The records that rows become, by kind of fact."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import get_type_hints

from schemas.events import DealClosed, LeadContacted, LeadCreated, LeadStalled, LeadUpdated

ImportedFact = LeadCreated | LeadUpdated | LeadContacted | LeadStalled | DealClosed

RECORDS: Mapping[str, type[ImportedFact]] = {
    "lead-created": LeadCreated,
    "lead-updated": LeadUpdated,
    "lead-contacted": LeadContacted,
    "deal-closed": DealClosed,
    "lead-stalled": LeadStalled,
}
CONSTRUCTORS: Mapping[str, Callable[..., ImportedFact]] = RECORDS
"""The constructors by kind. Their arguments are read by the types of the record, which no type checker can follow."""

RANKS: Mapping[str, int] = {
    kind: rank for rank, kind in enumerate(RECORDS)
}  # the order of facts with equal times, as in streams
ENDS = frozenset({"deal-closed", "lead-stalled"})
"""Kinds that end something: on a day without a time they come last."""

_REQUIRED = frozenset({"lead_id", "occurred_at", "event_id"})
_REQUIRED_OF = {"deal-closed": "outcome", "lead-stalled": "reason"}


def is_required(kind: str, name: str) -> bool:
    """Whether an empty cell of this field makes the row invalid."""
    return name in _REQUIRED or name == _REQUIRED_OF.get(kind)


_hints_of = cache(get_type_hints)


def hint_of(kind: str, name: str) -> object:
    """Return the type of a field."""
    return _hints_of(RECORDS[kind])[name]
