"""The way in: files to rows, rows to facts, facts into the sorter; and what stays out, into the rejects file."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from schemas.codec import Unencodable

from .facts import Recipe
from .faults import ImportFault, Reject
from .files import SourceFile
from .publish import Encode
from .report import Rejected, Summary
from .rows import Row, RowRead
from .sorting import Entry, Sorter
from .values import shown

_TELL_EVERY = 2_000
_OWNER_ONLY = 0o600  # rows hold what is known about people


class RejectsFile:
    """Rejected rows as JSONL; there is no file where there are none. With no path, they are only counted."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None

    def write(self, rejected: Rejected) -> None:
        """Add a row. Raises ImportFault where the file cannot be written."""
        if self._path is None:
            return
        try:
            self._file = self._file or _private(self._path)
            self._file.write(json.dumps(asdict(rejected), ensure_ascii=False, default=str) + "\n")
        except OSError as fault:
            raise ImportFault(f"cannot write {self._path}: {fault.strerror}") from fault

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()


def _private(path: Path) -> TextIO:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
    # What was no character in the file is none here either: it is written as an escape.
    return os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace")


class Intake:
    """Reads one file after the other into a sorter, and counts."""

    def __init__(self, sorter: Sorter, rejects: RejectsFile, encode: Encode, summary: Summary) -> None:
        self._sorter = sorter
        self._rejects = rejects
        self._encode = encode
        self.summary = summary

    def read(self, source: SourceFile, recipe: Recipe, told: Callable[[], None]) -> None:
        """Every row of one file; `told` is called now and then.

        Raises:
            ImportFault: the file as a whole cannot be read to its end.
        """
        self.summary.files += 1
        for row in source.rows():
            try:
                self._take(row, recipe)
            except Reject as fault:
                self._refuse(fault, source, row)
            if self.summary.rows % _TELL_EVERY == 0:
                told()

    def _take(self, read: RowRead, recipe: Recipe) -> None:
        self.summary.rows += 1
        cells = read[1]
        if isinstance(cells, Reject):
            raise cells
        entries = self._entries(cells, recipe)
        for entry in entries:
            self._sorter.add(entry)
        if not entries:
            self.summary.silent += 1

    def _entries(self, cells: Row, recipe: Recipe) -> list[Entry]:
        # All of a row's facts before the first goes in: a row is taken whole or not at all.
        try:
            return [
                (fact.occurred_at, rank, fact.event_id, fact.lead_id, fact.source, self._encode(fact))
                for rank, fact in recipe.facts(cells)
            ]
        except (Unencodable, UnicodeEncodeError) as fault:
            raise _unwritable(fault, cells, recipe) from fault

    def _refuse(self, fault: Reject, source: SourceFile, read: RowRead) -> None:
        rejected = Rejected(
            file=str(source.path),
            line=read[0],
            column=fault.column,
            value=shown(fault.value) if fault.column else "",
            reason=fault.reason,
            advice=fault.advice,
            row=source.named(read[2]),
        )
        self.summary.refuse(rejected)
        self._rejects.write(rejected)


def _unwritable(fault: Exception, cells: Row, recipe: Recipe) -> Reject:
    for column, cell in zip(recipe.columns, cells, strict=True):
        try:
            str(cell).encode()
        except UnicodeEncodeError:
            advice = "the bytes are no such text: say `encoding:` in the table (cp1252 is usual)"
            return Reject("wrong_encoding", advice, column, str(cell).encode(errors="backslashreplace").decode())
    return Reject("too_large", f"the fact is larger than Kafka records may be here: {fault}")
