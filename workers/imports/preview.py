"""Checks an import without Kafka: reads everything, publishes nothing, and shows the first facts in readable form."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import fields

from schemas.instants import iso

from .files import SourceFile
from .mapping import Mapping
from .opened_sources import OpenedSources
from .publish import Encode
from .records import RECORDS, ImportedFact
from .report import ImportSummary, OnProgress
from .request import ImportRequest
from .sorting import Sorter

_KINDS = tuple(RECORDS)
_ROWS = 3  # of each file
_SHOWN_ELSEWHERE = {"event_id", "lead_id", "occurred_at", "recorded_at", "source"}


@dataclass(slots=True)
class ImportPreview:
    """What an import would publish: the first rows of each file as facts, and the summary."""

    summary: ImportSummary
    rows: dict[str, list[str]] = field(default_factory=dict)

    def add(self, source: SourceFile, line: int, facts: list[ImportedFact]) -> None:
        """Keep the facts of a row if it is one of the first of its file."""
        shown = self.rows.setdefault(str(source.path), [])
        if len(shown) < _ROWS:
            shown.append("\n".join([f"{source.path}:{line}", *(f"  {described(fact)}" for fact in facts)]))

    def __str__(self) -> str:
        shown = [text for texts in self.rows.values() for text in texts]
        return "\n".join([*shown, str(self.summary)])


def check_import(
    request: ImportRequest, encode: Encode, now_ms: Callable[[], int], on_progress: OnProgress = lambda _: None
) -> ImportPreview:
    """Read and convert everything as an import does.

    Args:
        request: What would be imported.
        encode: Encodes records: `schemas.codec.Codec.encode`.
        now_ms: The wall clock.
        on_progress: Called from time to time, always with the same object.

    Raises:
        ImportFailure: it cannot be done as requested.
    """
    request.check(now_ms())
    opened = OpenedSources(request, now_ms())
    preview, summary = ImportPreview(opened.summary), opened.summary
    summary.is_check = True
    summary.notes += _doubts(request.mappings)
    with Sorter(request.scratch) as sorter:
        opened.read(sorter, encode, opened.reporter(on_progress), preview.add)
        for entry in sorter.merged():
            summary.first_at = entry[0] if summary.first_at is None else summary.first_at
            summary.last_at = entry[0]
            summary.published[_KINDS[entry[1]]] += 1
        summary.take(sorter)
    return preview


def _doubts(mappings: Sequence[Mapping]) -> list[str]:
    return [
        f"{mapping.source}: no `zone:` is written, so times without an offset are read as UTC"
        for mapping in mappings
        if "zone" not in mapping.model_fields_set and not all(table.zone for table in mapping.tables.values())
    ]


def described(fact: ImportedFact) -> str:
    """Return a fact on one line: kind, lead, time, and what differs from the defaults of its record."""
    kind = next(kind for kind, record in RECORDS.items() if type(fact) is record)
    values = [
        f"{each.name}={_readable(each.name, value)}"
        for each in fields(fact)
        if each.name not in _SHOWN_ELSEWHERE and (value := getattr(fact, each.name)) != each.default
    ]
    return "  ".join([f"{kind:<14}", fact.lead_id, iso(fact.occurred_at), *values])


def _readable(name: str, value: object) -> str:
    if name.endswith("_at") and isinstance(value, int):
        return iso(value)
    if name in ("amount", "expected_amount"):
        return f"{value} (minor units)"
    return repr(value) if isinstance(value, str) and " " in value else str(value)
