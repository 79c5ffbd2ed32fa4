"""The document of one lead: everything that the read model has about it, as one value in Redis.

The snapshot is the newest one in the log's order. The timeline is *merged*: the same records make the same document, in
whatever order they are added, and however often. Records keep their bytes of Kafka.
"""

from bisect import bisect_left
from collections.abc import Iterator
from heapq import merge
from typing import Final

import msgspec

from schemas import events

TimelineRecord = (
    events.LeadCreated
    | events.LeadContacted
    | events.LeadStalled
    | events.DealClosed
    | events.LeadRecycled
    | events.LeadDecided
    | events.DeliveryResult
    | events.LeadEscalated
    | events.LeadUpdated
)
"""A record of a lead's timeline."""

ENTRY_KINDS: Final[tuple[type[TimelineRecord], ...]] = (
    events.LeadCreated,
    events.LeadContacted,
    events.LeadStalled,
    events.DealClosed,
    events.LeadRecycled,
    events.LeadDecided,
    events.DeliveryResult,
    events.LeadEscalated,
    events.LeadUpdated,
)
"""Kinds of entries by their numbers, which are kept in documents: add at the end."""

RECYCLED: Final = ENTRY_KINDS.index(events.LeadRecycled)
DECIDED: Final = ENTRY_KINDS.index(events.LeadDecided)
DELIVERED: Final = ENTRY_KINDS.index(events.DeliveryResult)
ESCALATED: Final = ENTRY_KINDS.index(events.LeadEscalated)

KEPT_FACTS = 200
KEPT_RECYCLES = 100
KEPT_DELIVERIES = 200
KEPT_DECISIONS = 200
KEPT_ESCALATIONS = 50


class TimelineEntry(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """One record of a lead's timeline: time (epoch ms), kind (index in ENTRY_KINDS), id, and bytes in Kafka."""

    at: int
    kind: int
    id: str
    value: bytes


class LeadDocument(msgspec.Struct, array_like=True, gc=False):
    """What is kept of a lead. `is_gone`: its snapshot was deleted, so nothing else is kept.

    Each list is bounded separately, so none can evict the entries of another; each keeps its newest.
    Of deliveries there is one for each endpoint, recycle and action: the newest.
    """

    snapshot: bytes | None = None
    is_gone: bool = False
    facts: list[TimelineEntry] = msgspec.field(default_factory=list)
    recycles: list[TimelineEntry] = msgspec.field(default_factory=list)
    deliveries: list[TimelineEntry] = msgspec.field(default_factory=list)
    decisions: list[TimelineEntry] = msgspec.field(default_factory=list)
    escalations: list[TimelineEntry] = msgspec.field(default_factory=list)

    def replace_snapshot(self, snapshot: bytes) -> None:
        """Store the newest snapshot."""
        self.snapshot, self.is_gone = snapshot, False

    def clear(self) -> None:
        """Delete everything about the lead."""
        self.snapshot, self.is_gone = None, True
        self.facts, self.recycles, self.deliveries, self.decisions, self.escalations = [], [], [], [], []

    def add(self, entry: TimelineEntry) -> None:
        """Merge one record into the timeline."""
        if self.is_gone:
            return
        if entry.kind == DELIVERED:
            _supersede(self.deliveries, entry)
        elif entry.kind == RECYCLED:
            _insert(self.recycles, entry, KEPT_RECYCLES)
        elif entry.kind == DECIDED:
            _insert(self.decisions, entry, KEPT_DECISIONS)
        elif entry.kind == ESCALATED:
            _insert(self.escalations, entry, KEPT_ESCALATIONS)
        else:
            _insert(self.facts, entry, KEPT_FACTS)

    def timeline(self) -> Iterator[TimelineEntry]:
        """All entries, oldest first."""
        return merge(self.facts, self.recycles, self.decisions, self.escalations, sorted(self.deliveries))


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(LeadDocument).decode


def encode(document: LeadDocument) -> bytes:
    return _encode(document)


def decode(value: bytes | None) -> LeadDocument:
    """The document in a value; an empty one where there is none."""
    return LeadDocument() if value is None else _decode(value)


def _insert(entries: list[TimelineEntry], entry: TimelineEntry, kept: int) -> None:
    """Of two records with one id, the smaller bytes win; beyond `kept` the oldest is dropped for good."""
    at = bisect_left(entries, entry)
    for place in (at - 1, at):
        if 0 <= place < len(entries) and _is_same(entries[place], entry):
            entries[place] = min(entries[place], entry)
            return
    entries.insert(at, entry)
    if len(entries) > kept:
        del entries[0]


def _is_same(one: TimelineEntry, other: TimelineEntry) -> bool:
    return one.at == other.at and one.kind == other.kind and one.id == other.id


def _supersede(entries: list[TimelineEntry], entry: TimelineEntry) -> None:
    for place, known in enumerate(entries):
        if known.id == entry.id:
            if known >= entry:
                return
            del entries[place]
            break
    entries.insert(bisect_left(entries, entry), entry)
    if len(entries) > KEPT_DELIVERIES:
        del entries[0]
