"""Reads files: rows to facts, facts into the sorter, and rejected rows into the rejects file."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from schemas.codec import Unencodable

from .conversion import TableConverter
from .errors import ImportFailure, RowError
from .files import SourceFile
from .id_doubts import IdDoubts
from .leftovers import TOTAL_INITIALS, Leftover, LeftoverRows, is_total_id
from .publish import Encode
from .records import RANKS, ImportedFact
from .report import ImportSummary, RejectedRow
from .rows import NumberedRow, Row
from .sorting import SortEntry, Sorter
from .values import abbreviated

OnFacts = Callable[[SourceFile, int, list[ImportedFact]], None]

_REPORT_EVERY = 2_000
_CREATED = RANKS["lead-created"]
_OWNER_ONLY = 0o600  # rows contain personal data


class RejectsFile:
    """Writes rejected rows as JSONL. The file is created with the first; without a path nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None

    def write(self, rejected: RejectedRow) -> None:
        """Write a row.

        Raises:
            ImportFailure: the file cannot be written.
        """
        if self._path is None:
            return
        try:
            self._file = self._file or _open_private(self._path)
            self._file.write(json.dumps(asdict(rejected), ensure_ascii=False, default=str) + "\n")
        except OSError as error:
            raise ImportFailure(f"cannot write {self._path}: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()


def _open_private(path: Path) -> TextIO:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
    # A byte that was not a character in the file is written as an escape.
    return os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace")


class RowReader:
    """Reads one file after the other into a sorter, and counts rows.

    Args:
        sorter: Takes the facts.
        rejects: Takes the rows that cannot be converted.
        encode: Encodes a fact.
        summary: Counts.
        on_facts: Called with the file, the line and the facts of each row that has any.
    """

    def __init__(
        self,
        sorter: Sorter,
        rejects: RejectsFile,
        encode: Encode,
        summary: ImportSummary,
        on_facts: OnFacts | None = None,
    ) -> None:
        self._sorter = sorter
        self._rejects = rejects
        self._encode = encode
        self._on_facts = on_facts
        self._lead_indexes: list[int] = []
        self._made: list[SortEntry] = []
        self.summary = summary
        self.ids = IdDoubts()

    def read(self, source: SourceFile, converter: TableConverter, on_progress: Callable[[], None]) -> None:
        """Read all rows of one file. `on_progress` is called every few thousand rows.

        Raises:
            ImportFailure: the file cannot be read to its end.
        """
        summary, leftovers = self.summary, LeftoverRows(source.header.names)
        self._lead_indexes = _lead_indexes(source, converter)
        summary.files += 1
        for row in source.rows():
            try:
                self._convert(row, source, converter)
            except RowError as error:
                is_after_blank = row[0] == source.counts.blank_end + 1
                leftover = leftovers.found(row, summary.rows, is_after_blank=is_after_blank)
                self._reject(error, source, row, converter, leftover)
                summary.rows += leftover is None
            else:
                summary.rows += 1
            if summary.rows % _REPORT_EVERY == 0:
                self._sort()
                on_progress()
        self._sort()
        summary.count(source.counts)

    def _convert(self, row: NumberedRow, source: SourceFile, converter: TableConverter) -> None:
        cells = row[1]
        if isinstance(cells, RowError):
            raise cells
        for index in self._lead_indexes:
            if str(cells[index])[:1] in TOTAL_INITIALS and is_total_id(cells[index]):
                raise RowError("total", "it is a line of totals")
        # All facts of a row are made before the first is added: a row is imported whole or not at all.
        try:
            made = converter.facts(cells)
            entries = [
                (fact.occurred_at, rank, fact.event_id, fact.lead_id, fact.source, self._encode(fact))
                for rank, fact in made
            ]
        except (Unencodable, UnicodeEncodeError) as error:
            raise _unencodable(error, cells, converter) from error
        self._made += entries
        if not entries:
            self.summary.without_facts += 1
        elif self._on_facts is not None:
            self._on_facts(source, row[0], [fact for _, fact in made])

    def _sort(self) -> None:
        """Take what was made in the newest rows into the sorter: together, because each step costs less so."""
        made, self._made = self._made, []
        self._sorter.add_all(made)
        self.ids.add_all([entry[3] for entry in made], [entry[3] for entry in made if entry[1] == _CREATED])

    def _reject(
        self,
        error: RowError,
        source: SourceFile,
        row: NumberedRow,
        converter: TableConverter,
        leftover: Leftover | None,
    ) -> None:
        rejected = RejectedRow(
            file=str(source.path),
            line=row[0],
            column=error.column,
            value=abbreviated(error.value) if error.column else "",
            reason=leftover or error.reason,
            advice="it is not data: nothing to do" if leftover else error.advice,
            row=source.with_column_names(row[2]),
            lost=() if leftover or isinstance(row[1], RowError) else converter.kinds(row[1]),
        )
        if leftover:
            self.summary.pass_over(rejected)
            source.counts.short -= isinstance(row[2], list) and len(row[2]) < len(source.header.names)
        else:
            self.summary.reject(rejected)
        self._rejects.write(rejected)


def _lead_indexes(source: SourceFile, converter: TableConverter) -> list[int]:
    """The places of the ids of leads in the rows of a table: a line of totals would become a lead of that name."""
    return [converter.columns.index(column) for column in source.lead_columns] if source.header.names else []


def _unencodable(error: Exception, cells: Row, converter: TableConverter) -> RowError:
    for column, cell in zip(converter.columns, cells, strict=True):
        try:
            str(cell).encode()
        except UnicodeEncodeError:
            advice = "the bytes are not text in this encoding: write `encoding:` in the table (cp1252 is usual)"
            return RowError("wrong_encoding", advice, column, str(cell).encode(errors="backslashreplace").decode())
    return RowError("too_large", f"the fact is larger than the limit of Kafka records: {error}")
