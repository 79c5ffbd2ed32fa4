"""An event as JSON for vendors, and vendor-specific ids derived from its message id."""

import hashlib
from collections.abc import Mapping
from typing import Literal, get_args
from uuid import UUID, uuid5

from schemas import instants
from schemas.events import LeadEscalated, LeadRecycled
from schemas.json_value import JsonObject

from ..attempts import DeliveryRequest
from ..events import DeliveredEvent

PayloadField = Literal[
    "lead_id",
    "recycle_id",
    "action",
    "pass_no",
    "reason",
    "track",
    "not_before",
    "expires_at",
    "origin",
    "campaign_id",
    "segment",
    "account_id",
    "touches",
    "days_since_created",
    "cause",
    "stall_id",
    "event_id",
    "occurred_at",
    "escalation_id",
    "until",
    "owner_id",
    "lead_owner_id",
]
FIELDS: tuple[PayloadField, ...] = get_args(PayloadField)
_INSTANTS = ("not_before", "expires_at", "until", "occurred_at")
_FIELDS_OF: Mapping[type[DeliveredEvent], tuple[PayloadField, ...]] = {
    kind: tuple(name for name in FIELDS if name in kind.__struct_fields__) for kind in (LeadRecycled, LeadEscalated)
}
_MESSAGES = UUID("6f1d1c0e-7a53-5a43-9a3c-0d4a5e0b7c11")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_CHARACTERS = 26


def payload_of(event: DeliveredEvent) -> JsonObject:
    """Return all fields of an event, instants as ISO 8601 (null if absent)."""
    return {name: _value(event, name) for name in _FIELDS_OF[type(event)]}


def selected_fields(event: DeliveredEvent, names: Mapping[str, PayloadField]) -> JsonObject:
    """Return the configured fields under the configured names, without those that the event does not have."""
    found = {theirs: _value(event, ours) for theirs, ours in names.items()}
    return {name: value for name, value in found.items() if value not in (None, "")}


def iso(at_ms: int) -> str:
    """Format epoch ms as ISO 8601 with milliseconds, in UTC."""
    return instants.bounded_iso(at_ms)


def uuid_of(request: DeliveryRequest) -> str:
    """Return the UUID of a delivery, the same on every attempt."""
    return str(uuid5(_MESSAGES, request.message_id))


def ulid_of(request: DeliveryRequest) -> str:
    """Return the ULID of a delivery, the same on every attempt: the event's time and a digest of the message id."""
    at = min(max(request.event.occurred_at, 0), 2**48 - 1)
    digest = int.from_bytes(hashlib.sha256(request.message_id.encode()).digest()[:10], "big")
    number = at << 80 | digest
    return "".join(_CROCKFORD[number >> 5 * digit & 31] for digit in reversed(range(_ULID_CHARACTERS)))


def _value(event: DeliveredEvent, name: PayloadField) -> str | int | None:
    value: str | int | None = getattr(event, name, None)
    return iso(value) if name in _INSTANTS and isinstance(value, int) else value
