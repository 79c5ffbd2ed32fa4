"""What the audit can find wrong, as values."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

AuditDifferenceKind = Literal[
    "no_snapshot",
    "stage",
    "snapshot",
    "unknown_stall",
    "unmatched",
    "not_revoked",
    "revoked_twice",
    "two_recycles",
    "forbidden",
    "limbo",
    "undelivered",
    "not_taken_back",
    "sent_wrongly",
    "contradiction",
    "read_model",
]

KINDS: Mapping[AuditDifferenceKind, str] = MappingProxyType(
    {
        "no_snapshot": "the lead has facts, and no snapshot",
        "stage": "the stage in the snapshot is not that of the facts",
        "snapshot": "another field of the snapshot is not that of the facts",
        "unknown_stall": "a decision is about a stall that never existed",
        "unmatched": "an event without its decision, or a decision without its event",
        "not_revoked": "a RECYCLE stands no longer, and has no REVOKE",
        "revoked_twice": "a RECYCLE has several REVOKEs",
        "two_recycles": "several RECYCLEs of one lead have no REVOKE",
        "forbidden": "a lead that may not be contacted is with marketing",
        "limbo": "an open stall waits for nothing: no decision, no date, no closed gate",
        "undelivered": "an event for an endpoint has no outcome, does not wait, and is not in progress",
        "not_taken_back": "a RECYCLE arrived at an endpoint, and its REVOKE was not sent there",
        "sent_wrongly": "an event was sent before or after its time, or after its REVOKE",
        "contradiction": "the outcomes of one delivery exclude each other",
        "read_model": "the read model in Redis has something else than the topics",
    }
)
"""The kinds of differences, and what each means."""


class AuditDifference(Struct, frozen=True, gc=False):
    """One difference: what is, and what should be. `lead_id` is empty if it is about no single lead."""

    kind: AuditDifferenceKind
    lead_id: str
    what: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.lead_id or '–'}  {self.kind}: {self.what} is {self.found}, should be {self.expected}"
