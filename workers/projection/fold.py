"""Folds a batch of events into the documents of their leads, and into the lists and counts of the documents. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.codec import Codec
from schemas.events import LeadDecided, LeadEscalated, LeadRecycled, LeadSnapshot
from workers.read_model.escalations import decision_of, escalation_of
from workers.read_model.index import (
    ListedEntries,
    ListMembership,
    PassSteps,
    RowCount,
    counts_of,
    escalation_counts,
    lists_of,
    passes_of,
    recycle_of,
)
from workers.read_model.lead_document import DECIDED, ESCALATED, RECYCLED, LeadDocument, decode, encode

from .record_decoder import FactRecorded, LeadChanged, LeadDeleted, LogEvent, SkippedRecord

_LISTED = frozenset({RECYCLED, DECIDED, ESCALATED})
"""The kinds of entries that decide which lists a lead is in."""


@dataclass(slots=True)
class ModelChange:
    """What a batch writes: whole documents, added and removed members of lists, and differences of counts."""

    documents: dict[str, bytes] = field(default_factory=dict)
    added: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    removed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    counts: Counter[RowCount] = field(default_factory=Counter)

    def move(self, old: set[ListMembership], new: set[ListMembership]) -> None:
        for name, member in old - new:
            self.removed[name].add(member)
        for name, member in new - old:
            self.added[name].add(member)

    def count(self, old: tuple[PassSteps, ...], new: tuple[PassSteps, ...]) -> None:
        if old != new:
            self.counts.subtract(counts_of(old))
            self.counts.update(counts_of(new))

    def count_escalations(self, old: tuple[RowCount, ...], new: tuple[RowCount, ...]) -> None:
        if old != new:
            self.counts.subtract(old)
            self.counts.update(new)


class DocumentFold:
    """Merges events into documents. `codec` decodes the records in them."""

    def __init__(self, codec: Codec) -> None:
        self._decode = codec.decode

    def __call__(self, events: Iterable[LogEvent], stored: Mapping[str, bytes | None]) -> ModelChange:
        """Fold the events.

        Args:
            events: In the order of the log.
            stored: The encoded document, or None, of every lead of the events.
        """
        change = ModelChange()
        for lead_id, of_lead in by_lead(events).items():
            document = decode(stored[lead_id])
            before = document.snapshot
            listed = self._entries(document) if before is not None else ListedEntries()
            latest = _merge(document, of_lead)
            change.documents[lead_id] = encode(document)
            if latest is not None or document.snapshot != before or _has_listed(of_lead):
                self._effects(change, document, before, listed, latest)
        return change

    def _effects(
        self,
        change: ModelChange,
        document: LeadDocument,
        before: bytes | None,
        listed: ListedEntries,
        latest: LeadSnapshot | None,
    ) -> None:
        """Undo what the lead contributed to lists and counts, and add what it contributes now."""
        old = None if before is None else self._decode(before, LeadSnapshot)
        new = latest or (None if document.snapshot is None else self._decode(document.snapshot, LeadSnapshot))
        entries = ListedEntries() if new is None else self._entries(document)
        change.move(
            set() if old is None else lists_of(old, listed),
            set() if new is None else lists_of(new, entries),
        )
        change.count_escalations(
            () if old is None else escalation_counts(old, listed),
            () if new is None else escalation_counts(new, entries),
        )
        change.count(() if old is None else passes_of(old), () if new is None else passes_of(new))

    def _entries(self, document: LeadDocument) -> ListedEntries:
        recycles = [self._decode(entry.value, LeadRecycled) for entry in document.recycles]
        escalations = [self._decode(entry.value, LeadEscalated) for entry in document.escalations]
        escalated = {one.stall_id for one in escalations}
        decisions = [self._decode(entry.value, LeadDecided) for entry in document.decisions] if escalated else []
        return ListedEntries(
            tuple(map(recycle_of, recycles)),
            tuple(escalation_of(one) for one in escalations if one.action == "ESCALATE"),
            tuple(decision_of(one) for one in decisions if one.stall_id in escalated),
        )


def by_lead(events: Iterable[LogEvent]) -> dict[str, list[LeadChanged | LeadDeleted | FactRecorded]]:
    """The events of each lead, in the order of the log."""
    leads: dict[str, list[LeadChanged | LeadDeleted | FactRecorded]] = defaultdict(list)
    for one in events:
        if not isinstance(one, SkippedRecord):
            leads[one.lead_id].append(one)
    return leads


def _merge(document: LeadDocument, events: Iterable[LeadChanged | LeadDeleted | FactRecorded]) -> LeadSnapshot | None:
    """Return the newest snapshot among the events, unless the lead was deleted after it."""
    latest = None
    for one in events:
        match one:
            case FactRecorded():
                document.add(one.entry)
            case LeadChanged():
                document.replace_snapshot(one.value)
                latest = one.snapshot
            case LeadDeleted():
                document.clear()
                latest = None
    return latest


def _has_listed(events: Iterable[LeadChanged | LeadDeleted | FactRecorded]) -> bool:
    return any(isinstance(one, FactRecorded) and one.entry.kind in _LISTED for one in events)
