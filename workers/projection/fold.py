"""What a run of news makes of the documents it concerns, and of the lists and counts that they are in. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from schemas.codec import Codec
from schemas.events import LeadRecycled, LeadSnapshot

from .document import RECYCLED, Document, decode, encode
from .effects import Count, Membership, Pass, Recycle, counts_of, lists_of, passes_of, recycle_of
from .intake import Forgotten, Happened, News, Skipped, Told


@dataclass(slots=True)
class Change:
    """What is to be written: whole documents, members of lists, and differences of counts."""

    documents: dict[str, bytes] = field(default_factory=dict)
    added: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    removed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    counts: Counter[Count] = field(default_factory=Counter)

    def move(self, old: set[Membership], new: set[Membership]) -> None:
        for name, member in old - new:
            self.removed[name].add(member)
        for name, member in new - old:
            self.added[name].add(member)

    def count(self, old: tuple[Pass, ...], new: tuple[Pass, ...]) -> None:
        if old != new:
            self.counts.subtract(counts_of(old))
            self.counts.update(counts_of(new))


class Fold:
    """Merges news into documents. `codec` reads what stands in them."""

    def __init__(self, codec: Codec) -> None:
        self._snapshot: Callable[[bytes], LeadSnapshot] = lambda value: codec.decode(value, LeadSnapshot)
        self._recycled: Callable[[bytes], LeadRecycled] = lambda value: codec.decode(value, LeadRecycled)

    def __call__(self, news: Iterable[News], stored: Mapping[str, bytes | None]) -> Change:
        """`stored` has the document, or None, of every lead that the news are about."""
        change = Change()
        for lead_id, told in by_lead(news).items():
            document = decode(stored[lead_id])
            before = document.snapshot
            listed = self._recycles(document) if before is not None else ()
            latest = _merge(document, told)
            change.documents[lead_id] = encode(document)
            if latest is not None or document.snapshot != before or _has_recycle(told):
                self._effects(change, document, before, listed, latest)
        return change

    def _effects(
        self,
        change: Change,
        document: Document,
        before: bytes | None,
        listed: Iterable[Recycle],
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

    def _recycles(self, document: Document) -> tuple[Recycle, ...]:
        if not document.recycles:
            return ()
        return tuple(recycle_of(self._recycled(entry.value)) for entry in document.recycles)


def by_lead(news: Iterable[News]) -> dict[str, list[Told | Forgotten | Happened]]:
    """The news of each lead, in their order."""
    leads: dict[str, list[Told | Forgotten | Happened]] = defaultdict(list)
    for one in news:
        if not isinstance(one, Skipped):
            leads[one.lead_id].append(one)
    return leads


def _merge(document: Document, news: Iterable[Told | Forgotten | Happened]) -> LeadSnapshot | None:
    """Returns the newest snapshot among the news, if it still stands."""
    latest = None
    for one in news:
        match one:
            case Happened():
                document.add(one.entry)
            case Told():
                document.tell(one.value)
                latest = one.snapshot
            case Forgotten():
                document.forget()
                latest = None
    return latest


def _has_recycle(news: Iterable[Told | Forgotten | Happened]) -> bool:
    return any(isinstance(one, Happened) and one.entry.kind == RECYCLED for one in news)
