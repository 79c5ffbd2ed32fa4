"""Folds a batch of events into the documents of their leads, and into the lists and counts of the documents. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

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
from workers.read_model.lead_document import DECIDED, ESCALATED, KEPT_FACTS, RECYCLED, LeadDocument, decode, encode
from workers.read_model.lead_lists import every_list
from workers.read_model.list_members import ListMembership
from workers.read_model.listed_facts import CLOSED, CREATED, UPDATED, facts_of
from workers.read_model.pass_figures import PassFigures, amounts_of, figures_of, marks_of
from workers.read_model.track_counts import track_counts

from .record_decoder import FactRecorded, LeadChanged, LeadDeleted, LogEvent, SkippedRecord

_LISTED = frozenset({RECYCLED, DECIDED, ESCALATED, CREATED, CLOSED, UPDATED})
"""The kinds of entries that decide which lists a lead is in."""


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
            before = document.snapshot
            contributed = self._contribution(document)
            latest = _merge(document, of_lead)
            change.documents[lead_id] = encode(document)
            is_full = len(document.facts) >= KEPT_FACTS  # the oldest may have left the timeline, and its lists
            if latest is not None or document.snapshot != before or is_full or _has_listed(of_lead):
                change.replace(contributed, self._contribution(document, latest))
        return change

    def _contribution(self, document: LeadDocument, latest: LeadSnapshot | None = None) -> Contribution:
        """What a lead adds to lists and counts. `latest`: its snapshot, if it is decoded already."""
        if document.snapshot is None:
            return Contribution()
        lead = latest or self._decode(document.snapshot, LeadSnapshot)
        entries = self._entries(document)
        lists = every_list(lead, entries, facts_of(document, lead, self._decode))
        figures = figures_of(lead)
        return Contribution(
            frozenset(lists),
            passes_of(lead),
            figures,
            track_counts(lead, entries, figures),
            escalation_counts(lead, entries),
        )

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
