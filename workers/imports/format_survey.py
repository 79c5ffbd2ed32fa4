"""Reads the columns of times whose formats contradict each other once before the import, to choose for whole columns.

`%d/%m/%Y` and `%m/%d/%Y` both read 03/04/2026. What only one of them reads (25/03/2026) is evidence for the column.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from schemas.instants import FUTURE_MS

from .errors import RowError
from .field_sources import NAMED_FORMATS, InstantSource
from .field_steps import EvidentFormats
from .file_assignment import AssignedFile
from .files import SourceFile
from .mapping import Table
from .time_readers import PatternChoice
from .timestamps import TimeReading
from .values import text_of


@dataclass(slots=True)
class ColumnSurvey:
    """What the cells of one column say about its formats.

    Attributes:
        alone: How many cells only this pattern reads.
        several: How many cells these patterns read as different times.
    """

    column: str
    formats: Sequence[str]
    choice: PatternChoice
    alone: Counter[str] = field(default_factory=Counter)
    several: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, text: str) -> None:
        """Count a cell."""
        readings = list(self.choice.of(text).values())
        if len(readings) > 1:
            self.several[tuple(pattern for patterns in readings for pattern in patterns)] += 1
        elif readings and len(readings[0]) == 1:
            self.alone[readings[0][0]] += 1

    def doubts(self, file: str) -> Iterator[str]:
        """Yield a sentence for each set of formats between which cells were in doubt."""
        for patterns, count in self.several.items():
            evident = [pattern for pattern in patterns if self.alone[pattern]]
            alone = ", ".join(f"{self.alone[pattern]:,} only {pattern}" for pattern in patterns)
            found = f"{file}, {self.column}: {count:,} rows fit {' and '.join(patterns)}; {alone}"
            if len(evident) == 1:
                yield f"{found}: all were read by {evident[0]}"
            else:
                yield f"{found}: rows that fit several were rejected; keep the right format in `formats:`"


def survey_formats(file: AssignedFile, tables: Sequence[Table], now: int) -> tuple[EvidentFormats, list[str]]:
    """Return the formats that are evident in the columns of a file, and the doubts to report.

    Raises:
        ImportFailure: the file cannot be read.
    """
    surveys = [
        ColumnSurvey(column, formats, PatternChoice(_patterns(formats), reading.is_plausible))
        for (column, formats), reading in _doubtful_columns(tables, now).items()
    ]
    if surveys:
        _read(file, surveys)
    evident = {(one.column, one.formats): frozenset(one.alone) for one in surveys}
    return evident, [doubt for one in surveys for doubt in one.doubts(file.path.name)]


def _doubtful_columns(tables: Sequence[Table], now: int) -> dict[tuple[str, Sequence[str]], TimeReading]:
    found: dict[tuple[str, Sequence[str]], TimeReading] = {}
    for table in tables:
        for name, source in (mapped for part in table.facts for mapped in part.sources()):
            if not isinstance(source, InstantSource) or source.column is None:
                continue
            formats = source.formats or table.formats
            reading = TimeReading(latest=now + FUTURE_MS if name == "occurred_at" else None)
            if len(_patterns(formats)) > 1:
                found |= {(column, formats): reading for column in (source.column, *source.fallbacks)}
    return found


def _patterns(formats: Collection[str]) -> list[str]:
    return [name for name in formats if name not in NAMED_FORMATS]


def _read(file: AssignedFile, surveys: Sequence[ColumnSurvey]) -> None:
    source = SourceFile(file.path, file.table, [one.column for one in surveys])
    source.check()
    for _, cells, _ in source.rows():
        if isinstance(cells, RowError):
            continue
        for survey, cell in zip(surveys, cells, strict=True):
            try:
                survey.add(text_of(cell))
            except RowError:
                continue  # the import rejects it
