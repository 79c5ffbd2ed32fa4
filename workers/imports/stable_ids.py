"""What a derived id of a contact does not depend on: fields that people complete or change after the fact.

A later export of the same call has another owner, a result or a next step; it must not be a second touch.
"""

from collections.abc import Mapping

from .mapping import DerivedIds, FactPart
from .values import FieldValue

_CHANGES_LATER: Mapping[str, frozenset[str]] = {
    "lead-contacted": frozenset({"owner_id", "outcome", "next_step_at"}),
}


def unstable_fields(kind: str, ids: DerivedIds) -> frozenset[str]:
    """Return the fields of this kind that its derived ids do not depend on."""
    return _CHANGES_LATER.get(kind, frozenset()) if ids == "stable" else frozenset()


def without(content: dict[str, FieldValue], names: frozenset[str]) -> dict[str, FieldValue]:
    """Return the content without these fields."""
    stable = content.copy()
    for name in names:
        stable.pop(name, None)
    return stable


def changes_later(part: FactPart) -> bool:
    """Whether the part has no id of its own, and maps columns that may have another value in a later export."""
    named = {name for name, source in part.sources() if not source.is_constant()}
    return part.event_id is None and bool(named & unstable_fields(part.kind, "stable"))
