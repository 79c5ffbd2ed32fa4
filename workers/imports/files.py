"""Assigns files to tables, and opens them: encoding, delimiter and compression.

A file that cannot be read as a whole is an ImportFailure, raised before anything is published.
"""

import csv
import difflib
import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as Lookup
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, TextIO, cast

from .errors import ImportFailure
from .mapping import Format, Mapping, Table
from .rows import CsvDialect, NumberedRow, RawRow, read_csv, read_jsonl

_SAMPLE = 65_536
_DELIMITERS = ",;\t|"
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_FORMAT_OF_SUFFIX: Lookup[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


@dataclass(frozen=True, slots=True)
class AssignedFile:
    """A file, and the table that reads it."""

    path: Path
    mapping: Mapping
    name: str
    table: Table


def assign(paths: Iterable[Path], mappings: Sequence[Mapping]) -> list[AssignedFile]:
    """Assign each file to the table with a matching pattern in `files:`.

    Args:
        paths: Files, and folders: of a folder, the files that match a table. A path given twice is read once.
        mappings: The tables. If there is only one, it reads any file that is given by its own path.

    Raises:
        ImportFailure: a file does not exist, or matches no table, or several.
    """
    tables = [(mapping, name, table) for mapping in mappings for name, table in mapping.tables.items()]
    assigned: dict[Path, AssignedFile] = {}
    for path in paths:
        for file, matching in _candidates(path, tables):
            mapping, name, table = _only_match(file, matching, tables)
            assigned.setdefault(file.resolve(), AssignedFile(file, mapping, name, table))
    return list(assigned.values())


_Tables = list[tuple[Mapping, str, Table]]


def _candidates(path: Path, tables: _Tables) -> list[tuple[Path, _Tables]]:
    if not path.exists():
        raise ImportFailure(f"{path} does not exist")
    if not path.is_dir():
        if not path.is_file():  # a pipe: the sample that is read first would be missing later
            raise ImportFailure(f"{path} is not a regular file: copy it to one first")
        return [(path, _matching_tables(path, tables) or tables[: len(tables) == 1])]
    files = [
        (file, matching)
        for file in sorted(path.iterdir())
        if file.is_file() and (matching := _matching_tables(file, tables))
    ]
    if not files:
        raise ImportFailure(f"no file in {path} matches a table: {_patterns(tables)}")
    return files


def _matching_tables(path: Path, tables: _Tables) -> _Tables:
    name = path.name.lower()
    return [entry for entry in tables if any(fnmatchcase(name, pattern.lower()) for pattern in entry[2].files)]


def _only_match(path: Path, matching: _Tables, tables: _Tables) -> tuple[Mapping, str, Table]:
    if not matching:
        raise ImportFailure(f"{path} matches no table: {_patterns(tables)}; change `files:`")
    if len(matching) > 1:
        names = " and ".join(f"{mapping.source}/{name}" for mapping, name, _ in matching)
        raise ImportFailure(f"{path} matches {names}: make their `files:` narrower, or pass only one of the mappings")
    return matching[0]


def _patterns(tables: _Tables) -> str:
    return "; ".join(f"{name} reads {', '.join(table.files)}" for _, name, table in tables)


class SourceFile:
    """One file, read by its table. Call `check` before `rows`; `position()` returns how many bytes were read."""

    def __init__(self, path: Path, table: Table, columns: Sequence[str]) -> None:
        self.path = path
        self.position: Callable[[], int] = int
        self._table = table
        self._columns = columns
        self._format = table.format or _format_of(path)
        self._dialect = CsvDialect(table.delimiter or ",", table.quotes)
        self._header: list[str] = []

    @property
    def size(self) -> int:
        """Bytes on disk (compressed, if it is)."""
        return self.path.stat().st_size

    def check(self) -> None:
        """Check from its beginning that it can be read and has every column.

        Raises:
            ImportFailure: it cannot, or lacks a column; with its columns and the nearest name.
        """
        with self._opened() as text:
            sample = text.read(_SAMPLE)
        if "\0" in sample.partition("\n")[0]:
            order = "be" if sample.startswith("\0") else "le"
            raise ImportFailure(
                f"{self.path} begins with NUL bytes: is it UTF-16? Then write `encoding: utf-16-{order}`"
            )
        if self._format == "csv":
            self._check_header(sample)
        elif sample.lstrip().startswith("["):
            raise ImportFailure(f"{self.path} is a JSON array: write one item per line (`jq -c '.[]'`)")

    def rows(self) -> Iterator[NumberedRow]:
        """Yield the rows.

        Raises:
            ImportFailure: the file cannot be read to its end.
        """
        with self._opened() as text:
            if self._format == "csv":
                yield from read_csv(text, self._dialect, self._columns)
            else:
                yield from read_jsonl(text, self._columns)

    def with_column_names(self, row: RawRow) -> RawRow | dict[str, str]:
        """Return a CSV row as a dict by column, for the person who fixes it; others are returned unchanged."""
        if isinstance(row, list) and len(row) == len(self._header):
            return dict(zip(self._header, row, strict=True))
        return row

    @contextmanager
    def _opened(self) -> Iterator[TextIO]:
        try:
            with self.path.open("rb") as raw, _text(raw, self.path, self._table.encoding) as text:
                self.position = raw.tell
                yield text
        except OSError as error:  # also an invalid gzip file
            raise ImportFailure(f"cannot read {self.path}: {error.strerror or error}") from error
        except (EOFError, zlib.error) as error:
            raise ImportFailure(f"cannot unpack {self.path}: {error}; it is truncated or damaged") from error
        except UnicodeError as error:
            raise ImportFailure(f"cannot read {self.path} as {self._table.encoding}: {error}") from error
        finally:
            self.position = int

    def _check_header(self, sample: str) -> None:
        if not sample.strip():
            raise ImportFailure(f"{self.path} is empty: its first line must be the names of the columns")
        self._dialect = self._dialect if self._table.delimiter else self._detect_dialect(sample)
        self._header = header = _header_of(sample, self._dialect)
        for column in self._columns:
            if column not in header:
                raise ImportFailure(f"{self.path} has no column {column!r}. {_nearest(column, header)}")
            if header.count(column) > 1:
                raise ImportFailure(f"{self.path} has {header.count(column)} columns {column!r}: rename all but one")

    def _detect_dialect(self, sample: str) -> CsvDialect:
        dialects = [CsvDialect(delimiter, self._table.quotes) for delimiter in _DELIMITERS]

        def known_columns(dialect: CsvDialect) -> tuple[int, int]:
            names = _header_of(sample, dialect)
            return len(set(names) & set(self._columns)), len(names)

        return max(dialects, key=known_columns)


def _format_of(path: Path) -> Format:
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    known = _FORMAT_OF_SUFFIX.get(name.suffix.lower())
    if known is None:
        raise ImportFailure(f"{path}: its suffix is neither of CSV nor of JSONL: write `format:` in its table")
    return known


@contextmanager
def _text(raw: IO[bytes], path: Path, encoding: str) -> Iterator[TextIO]:
    plain = cast("io.BufferedReader", gzip.GzipFile(fileobj=raw) if path.suffix.lower() == ".gz" else raw)
    start = plain.peek(3)
    detected = next((name for mark, name in _BYTE_ORDER_MARKS.items() if start.startswith(mark)), None)
    # A byte that is not a character makes only its own row invalid: encoding the row fails.
    errors = "strict" if (detected or encoding).startswith(("utf-16", "utf-32")) else "surrogateescape"
    with io.TextIOWrapper(plain, encoding=detected or encoding, errors=errors, newline="") as text:
        yield text


def _header_of(sample: str, dialect: CsvDialect) -> list[str]:
    try:
        return [name.strip() for name in next(dialect.reader(io.StringIO(sample, newline="")), [])]
    except csv.Error:
        return []


def _nearest(column: str, header: Sequence[str]) -> str:
    by_folded = {name.casefold(): name for name in header}
    near = difflib.get_close_matches(column.casefold(), by_folded, n=1)
    hint = f"Do you mean {by_folded[near[0]]!r}? " if near else ""
    return f"{hint}It has: {', '.join(map(repr, header)) or 'none'}"
