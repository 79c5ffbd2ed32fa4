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
from .publish import Encode
from .report import ImportSummary, RejectedRow
from .rows import NumberedRow, Row
from .sorting import SortEntry, Sorter
from .values import abbreviated

_REPORT_EVERY = 2_000
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
    """Reads one file after the other into a sorter, and counts rows."""

    def __init__(self, sorter: Sorter, rejects: RejectsFile, encode: Encode, summary: ImportSummary) -> None:
        self._sorter = sorter
        self._rejects = rejects
        self._encode = encode
        self.summary = summary

    def read(self, source: SourceFile, converter: TableConverter, on_progress: Callable[[], None]) -> None:
        """Read all rows of one file. `on_progress` is called every few thousand rows.

        Raises:
            ImportFailure: the file cannot be read to its end.
        """
        self.summary.files += 1
        for row in source.rows():
            try:
                self._convert(row, converter)
            except RowError as error:
                self._reject(error, source, row)
            if self.summary.rows % _REPORT_EVERY == 0:
                on_progress()

    def _convert(self, row: NumberedRow, converter: TableConverter) -> None:
        self.summary.rows += 1
        cells = row[1]
        if isinstance(cells, RowError):
            raise cells
        entries = self._entries(cells, converter)
        for entry in entries:
            self._sorter.add(entry)
        if not entries:
            self.summary.without_facts += 1

    def _entries(self, cells: Row, converter: TableConverter) -> list[SortEntry]:
        # All facts of a row are made before the first is added: a row is imported whole or not at all.
        try:
            return [
                (fact.occurred_at, rank, fact.event_id, fact.lead_id, fact.source, self._encode(fact))
                for rank, fact in converter.facts(cells)
            ]
        except (Unencodable, UnicodeEncodeError) as error:
            raise _unencodable(error, cells, converter) from error

    def _reject(self, error: RowError, source: SourceFile, row: NumberedRow) -> None:
        rejected = RejectedRow(
            file=str(source.path),
            line=row[0],
            column=error.column,
            value=abbreviated(error.value) if error.column else "",
            reason=error.reason,
            advice=error.advice,
            row=source.with_column_names(row[2]),
        )
        self.summary.reject(rejected)
        self._rejects.write(rejected)


def _unencodable(error: Exception, cells: Row, converter: TableConverter) -> RowError:
    for column, cell in zip(converter.columns, cells, strict=True):
        try:
            str(cell).encode()
        except UnicodeEncodeError:
            advice = "the bytes are not text in this encoding: write `encoding:` in the table (cp1252 is usual)"
            return RowError("wrong_encoding", advice, column, str(cell).encode(errors="backslashreplace").decode())
    return RowError("too_large", f"the fact is larger than the limit of Kafka records: {error}")
