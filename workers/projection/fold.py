"""What a run of news makes of the documents it concerns, and of the lists and counts that they are in. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from schemas.codec import Codec
from schemas.events import LeadRecycled, LeadSnapshot
from workers.read_model.index import (
    FunnelCount,
    ListMembership,
    PassSteps,
    RecycleEntry,
    counts_of,
    lists_of,
    passes_of,
    recycle_of,
)
from workers.read_model.lead_document import RECYCLED, LeadDocument, decode, encode

from .record_decoder import FactRecorded, LeadChanged, LeadDeleted, LogEvent, SkippedRecord


@dataclass(slots=True)
class ModelChange:
    """What is to be written: whole documents, members of lists, and differences of counts."""

    documents: dict[str, bytes] = field(default_factory=dict)
    added: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    removed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    counts: Counter[FunnelCount] = field(default_factory=Counter)

    def move(self, old: set[ListMembership], new: set[ListMembership]) -> None:
        for name, member in old - new:
            self.removed[name].add(member)
        for name, member in new - old:
            self.added[name].add(member)

    def count(self, old: tuple[PassSteps, ...], new: tuple[PassSteps, ...]) -> None:
        if old != new:
            self.counts.subtract(counts_of(old))
            self.counts.update(counts_of(new))


class DocumentFold:
    """Merges news into documents. `codec` reads what stands in them."""

    def __init__(self, codec: Codec) -> None:
        self._snapshot: Callable[[bytes], LeadSnapshot] = lambda value: codec.decode(value, LeadSnapshot)
        self._recycled: Callable[[bytes], LeadRecycled] = lambda value: codec.decode(value, LeadRecycled)

    def __call__(self, news: Iterable[LogEvent], stored: Mapping[str, bytes | None]) -> ModelChange:
        """`stored` has the document, or None, of every lead that the news are about."""
        change = ModelChange()
        for lead_id, events in by_lead(news).items():
            document = decode(stored[lead_id])
            before = document.snapshot
            listed = self._recycles(document) if before is not None else ()
            latest = _merge(document, events)
            change.documents[lead_id] = encode(document)
            if latest is not None or document.snapshot != before or _has_recycle(events):
                self._effects(change, document, before, listed, latest)
        return change

    def _effects(
        self,
        change: ModelChange,
        document: LeadDocument,
        before: bytes | None,
        listed: Iterable[RecycleEntry],
        latest: LeadSnapshot | None,
    ) -> None:
        """Take back what the lead contributed, and add what it does now."""
        old = None if before is None else self._snapshot(before)
        new = latest or (None if document.snapshot is None else self._snapshot(document.snapshot))
        change.move(
            set() if old is None else lists_of(old, listed),
            set() if new is None else lists_of(new, self._recycles(document)),
        )
        change.count(() if old is None else passes_of(old), () if new is None else passes_of(new))

    def _recycles(self, document: LeadDocument) -> tuple[RecycleEntry, ...]:
        if not document.recycles:
            return ()
        return tuple(recycle_of(self._recycled(entry.value)) for entry in document.recycles)


def by_lead(news: Iterable[LogEvent]) -> dict[str, list[LeadChanged | LeadDeleted | FactRecorded]]:
    """The news of each lead, in their order."""
    leads: dict[str, list[LeadChanged | LeadDeleted | FactRecorded]] = defaultdict(list)
    for one in news:
        if not isinstance(one, SkippedRecord):
            leads[one.lead_id].append(one)
    return leads


def _merge(document: LeadDocument, news: Iterable[LeadChanged | LeadDeleted | FactRecorded]) -> LeadSnapshot | None:
    """Returns the newest snapshot among the news, if it still stands."""
    latest = None
    for one in news:
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


def _has_recycle(news: Iterable[LeadChanged | LeadDeleted | FactRecorded]) -> bool:
    return any(isinstance(one, FactRecorded) and one.entry.kind == RECYCLED for one in news)
