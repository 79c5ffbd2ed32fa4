"""Finds out which file belongs to which table, and opens it whatever its encoding, delimiter or packing.

Whatever makes a file as a whole unreadable is an ImportFailure, found before anything is published.
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
from .rows import CsvDialect, NumberedRow, read_csv, read_jsonl

_SAMPLE = 65_536
_DELIMITERS = ",;\t|"
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_ENDINGS: Lookup[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


@dataclass(frozen=True, slots=True)
class AssignedFile:
    """A file with the table that reads it."""

    path: Path
    mapping: Mapping
    name: str
    table: Table


def assign(paths: Iterable[Path], mappings: Sequence[Mapping]) -> list[AssignedFile]:
    """Give each file the table whose `files:` fits its name; a folder stands for those of its files that fit one.

    A file that is named twice is read once. With a single table, any file named by itself is for it.

    Raises:
        ImportFailure: for a file that is not there, fits no table, or fits several.
    """
    tables = [(mapping, name, table) for mapping in mappings for name, table in mapping.tables.items()]
    found: dict[Path, AssignedFile] = {}
    for path in paths:
        for file, fitting in _candidates(path, tables):
            mapping, name, table = _only(file, fitting, tables)
            found.setdefault(file.resolve(), AssignedFile(file, mapping, name, table))
    return list(found.values())


_Tables = list[tuple[Mapping, str, Table]]


def _candidates(path: Path, tables: _Tables) -> list[tuple[Path, _Tables]]:
    if not path.exists():
        raise ImportFailure(f"there is no {path}")
    if not path.is_dir():
        if not path.is_file():  # a pipe: what is looked at first would be missing when it is read
            raise ImportFailure(f"{path} is no file on a disk: write it to one first")
        return [(path, _fitting(path, tables) or tables[: len(tables) == 1])]
    files = [(file, fits) for file in sorted(path.iterdir()) if file.is_file() and (fits := _fitting(file, tables))]
    if not files:
        raise ImportFailure(f"no file in {path} is called as a table has it: {_patterns(tables)}")
    return files


def _fitting(path: Path, tables: _Tables) -> _Tables:
    name = path.name.lower()
    return [entry for entry in tables if any(fnmatchcase(name, pattern.lower()) for pattern in entry[2].files)]


def _only(path: Path, fitting: _Tables, tables: _Tables) -> tuple[Mapping, str, Table]:
    if not fitting:
        raise ImportFailure(f"{path} is called as no table has it: {_patterns(tables)}; change `files:`")
    if len(fitting) > 1:
        names = " and ".join(f"{mapping.source}/{name}" for mapping, name, _ in fitting)
        raise ImportFailure(f"{path} fits {names}: make their `files:` narrower, or give one of the mappings only")
    return fitting[0]


def _patterns(tables: _Tables) -> str:
    return "; ".join(f"{name} reads {', '.join(table.files)}" for _, name, table in tables)


class SourceFile:
    """One file, read as a table says. `check` it before `rows`; `position` tells how many bytes were read."""

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
        """Bytes as they lie on the disk."""
        return self.path.stat().st_size

    def check(self) -> None:
        """Look at the beginning: can it be read, and has it every column?

        Raises:
            ImportFailure: with the columns that it has, and the nearest name.
        """
        with self._opened() as text:
            sample = text.read(_SAMPLE)
        if "\0" in sample.partition("\n")[0]:
            order = "be" if sample.startswith("\0") else "le"
            raise ImportFailure(f"{self.path} begins with NUL bytes: is it UTF-16? Then say `encoding: utf-16-{order}`")
        if self._format == "csv":
            self._check_header(sample)
        elif sample.lstrip().startswith("["):
            raise ImportFailure(f"{self.path} is a JSON array: write its items one a line (`jq -c '.[]'`)")

    def rows(self) -> Iterator[NumberedRow]:
        """The rows, as rows.py reads them."""
        with self._opened() as text:
            if self._format == "csv":
                yield from read_csv(text, self._dialect, self._columns)
            else:
                yield from read_jsonl(text, self._columns)

    def named(self, row: object) -> object:
        """A row as it stands, with the names of its columns, for whoever mends it."""
        if isinstance(row, list) and len(row) == len(self._header):
            return dict(zip(self._header, row, strict=True))
        return row

    @contextmanager
    def _opened(self) -> Iterator[TextIO]:
        try:
            with self.path.open("rb") as raw, _text(raw, self.path, self._table.encoding) as text:
                self.position = raw.tell
                yield text
        except OSError as error:  # a broken gzip file among them
            raise ImportFailure(f"cannot read {self.path}: {error.strerror or error}") from error
        except (EOFError, zlib.error) as error:
            raise ImportFailure(f"cannot unpack {self.path}: {error}; it is cut off or damaged") from error
        except UnicodeError as error:
            raise ImportFailure(f"cannot read {self.path} as {self._table.encoding}: {error}") from error
        finally:
            self.position = int

    def _check_header(self, sample: str) -> None:
        if not sample.strip():
            raise ImportFailure(f"{self.path} is empty: a line with the names of the columns comes first")
        self._dialect = self._dialect if self._table.delimiter else self._guessed(sample)
        self._header = found = _names(sample, self._dialect)
        for column in self._columns:
            if column not in found:
                raise ImportFailure(f"{self.path} has no column {column!r}. {_nearest(column, found)}")
            if found.count(column) > 1:
                raise ImportFailure(f"{self.path} has {found.count(column)} columns {column!r}: rename all but one")

    def _guessed(self, sample: str) -> CsvDialect:
        dialects = [CsvDialect(delimiter, self._table.quotes) for delimiter in _DELIMITERS]

        def fit(dialect: CsvDialect) -> tuple[int, int]:
            names = _names(sample, dialect)
            return len(set(names) & set(self._columns)), len(names)

        return max(dialects, key=fit)


def _format_of(path: Path) -> Format:
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    known = _ENDINGS.get(name.suffix.lower())
    if known is None:
        raise ImportFailure(f"{path}: its ending says neither CSV nor JSONL: say `format:` in its table")
    return known


@contextmanager
def _text(raw: IO[bytes], path: Path, encoding: str) -> Iterator[TextIO]:
    plain = cast("io.BufferedReader", gzip.GzipFile(fileobj=raw) if path.suffix.lower() == ".gz" else raw)
    start = plain.peek(3)
    marked = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    # A byte that is no character spoils only the row that uses it: it is found when the row is encoded.
    errors = "strict" if (marked or encoding).startswith(("utf-16", "utf-32")) else "surrogateescape"
    with io.TextIOWrapper(plain, encoding=marked or encoding, errors=errors, newline="") as text:
        yield text


def _names(sample: str, dialect: CsvDialect) -> list[str]:
    try:
        return [name.strip() for name in next(dialect.reader(io.StringIO(sample, newline="")), [])]
    except csv.Error:
        return []


def _nearest(column: str, found: Sequence[str]) -> str:
    by_folded = {name.casefold(): name for name in found}
    near = difflib.get_close_matches(column.casefold(), by_folded, n=1)
    hint = f"Do you mean {by_folded[near[0]]!r}? " if near else ""
    return f"{hint}It has: {', '.join(map(repr, found)) or 'none'}"
