"""Folds a batch of events into the documents of their leads, and into the lists and counts of the documents. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

from schemas.codec import Codec
from schemas.events import LeadDecided, LeadEscalated, LeadRecycled, LeadSnapshot
from workers.read_model.escalations import decision_of, escalation_of
from workers.read_model.index import (
    ListedEntries,
    PassSteps,
    RowCount,
    counts_of,
    escalation_counts,
    passes_of,
    recycle_of,
)
from workers.read_model.lead_document import DECIDED, ESCALATED, RECYCLED, LeadDocument, decode, encode
from workers.read_model.lead_lists import every_list
from workers.read_model.list_members import ListMembership
from workers.read_model.listed_facts import Decode, indexed_facts
from workers.read_model.pass_figures import PassFigures, amounts_of, figures_of, marks_of
from workers.read_model.track_counts import track_counts

from .record_decoder import FactRecorded, LeadChanged, LeadDeleted, LogEvent, SkippedRecord

_LISTED = frozenset({RECYCLED, DECIDED, ESCALATED})
"""The kinds of entries that decide which lists a lead is in."""
LeadEvent = LeadChanged | LeadDeleted | FactRecorded

NO_COUNTS: frozenset[RowCount] = frozenset()


class Contribution(NamedTuple):
    """What one lead adds to lists and counts."""

    lists: frozenset[ListMembership] = frozenset()
    passes: tuple[PassSteps, ...] = ()
    figures: tuple[PassFigures, ...] = ()
    tracks: tuple[tuple[RowCount, int], ...] = ()
    escalations: tuple[RowCount, ...] = ()


@dataclass(slots=True)
class ModelChange:
    """What a batch writes: whole documents, members of lists (added with their scores), and differences of counts."""

    documents: dict[str, bytes] = field(default_factory=dict)
    added: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    removed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    counts: Counter[RowCount] = field(default_factory=Counter)

    def replace(self, old: Contribution, new: Contribution) -> None:
        """Undo what a lead added, and add what it adds now."""
        for name, member, _ in old.lists - new.lists:
            self.removed[name].add(member)
        for name, member, score in new.lists - old.lists:
            self.added[name][member] = score
            self.removed[name].discard(member)  # only its score has changed
        for before, after in zip_longest(old.passes, new.passes):
            if before != after:
                self._mark(counts_of(before) if before else NO_COUNTS, counts_of(after) if after else NO_COUNTS)
        for was, becomes in zip_longest(old.figures, new.figures):
            if was != becomes:
                self._replace_figures(was, becomes)
        if old.tracks != new.tracks:
            self._add(-1, old.tracks)
            self._add(1, new.tracks)
        if old.escalations != new.escalations:
            self.counts.subtract(old.escalations)
            self.counts.update(new.escalations)

    def _replace_figures(self, old: PassFigures | None, new: PassFigures | None) -> None:
        were = marks_of(old) if old else (NO_COUNTS, NO_COUNTS)
        become = marks_of(new) if new else (NO_COUNTS, NO_COUNTS)
        for before, after in zip(were, become, strict=True):
            if before is not after:
                self._mark(before, after)
        self._add(-1, amounts_of(old) if old else ())
        self._add(1, amounts_of(new) if new else ())

    def _mark(self, old: frozenset[RowCount], new: frozenset[RowCount]) -> None:
        counts = self.counts
        for one in old - new:
            counts[one] -= 1
        for one in new - old:
            counts[one] += 1

    def _add(self, sign: int, amounts: Iterable[tuple[RowCount, int]]) -> None:
        for count, amount in amounts:
            self.counts[count] += sign * amount


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
            if _has_listed(of_lead):
                self._move(change, document, of_lead)
            else:
                _merge(document, of_lead)
            change.documents[lead_id] = encode(document)
        return change

    def _move(self, change: ModelChange, document: LeadDocument, events: list[LeadEvent]) -> None:
        """Merge the events into a document, and what they change into its lists and counts."""
        decode_once, before = _DecodeOnce(self._decode), document.snapshot
        old = contribution_of(document, decode_once)
        latest = _merge(document, events)
        is_same = document.snapshot == before
        change.replace(old, contribution_of(document, decode_once, latest, old if is_same else None))


class _DecodeOnce:
    """Decodes each record once: most entries of a lead are in its document before a batch and after it."""

    def __init__(self, decode_record: Decode) -> None:
        self._decode = decode_record
        self._known: dict[bytes, Any] = {}

    def __call__(self, value: bytes, kind: type[Any]) -> Any:
        record = self._known.get(value)
        if record is None:
            record = self._known[value] = self._decode(value, kind)
        return record


def contribution_of(
    document: LeadDocument,
    decode_record: Decode,
    latest: LeadSnapshot | None = None,
    of_snapshot: Contribution | None = None,
) -> Contribution:
    """What a lead adds to lists and counts.

    Args:
        document: Of the lead.
        decode_record: Decodes a record.
        latest: Its snapshot, if it is decoded already.
        of_snapshot: What the lead added with the same snapshot, if that is known: its passes and figures are the same.
    """
    if document.snapshot is None:
        return Contribution()
    lead = latest or decode_record(document.snapshot, LeadSnapshot)
    entries = _entries(document, decode_record)
    lists = every_list(lead, entries, indexed_facts(document, lead, decode_record))
    passes = of_snapshot.passes if of_snapshot else passes_of(lead)
    figures = of_snapshot.figures if of_snapshot else figures_of(lead, passes)
    return Contribution(
        frozenset(lists), passes, figures, track_counts(lead, entries, figures), escalation_counts(lead, entries)
    )


def _entries(document: LeadDocument, decode_record: Decode) -> ListedEntries:
    recycles = [decode_record(entry.value, LeadRecycled) for entry in document.recycles]
    escalations = [decode_record(entry.value, LeadEscalated) for entry in document.escalations]
    escalated = {one.stall_id for one in escalations}
    decisions = [decode_record(entry.value, LeadDecided) for entry in document.decisions] if escalated else []
    return ListedEntries(
        tuple(map(recycle_of, recycles)),
        tuple(escalation_of(one) for one in escalations if one.action == "ESCALATE"),
        tuple(decision_of(one) for one in decisions if one.stall_id in escalated),
    )


def by_lead(events: Iterable[LogEvent]) -> dict[str, list[LeadEvent]]:
    """The events of each lead, in the order of the log."""
    leads: dict[str, list[LeadEvent]] = defaultdict(list)
    for one in events:
        if not isinstance(one, SkippedRecord):
            leads[one.lead_id].append(one)
    return leads


def _merge(document: LeadDocument, events: Iterable[LeadEvent]) -> LeadSnapshot | None:
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


def _has_listed(events: Iterable[LeadEvent]) -> bool:
    """Whether any event can change what a lead adds: a snapshot, a deletion, or a fact of the kinds that decide it."""
    return any(not isinstance(one, FactRecorded) or one.entry.kind in _LISTED for one in events)
