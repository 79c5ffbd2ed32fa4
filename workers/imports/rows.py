"""Reads rows with their line numbers from open CSV and JSONL texts, and from the rows of sheets.

A row that cannot be read has a RowError in place of its cells, and reading continues after it.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TextIO, TypeAlias
from unicodedata import normalize

import msgspec

from schemas.json_value import JsonValue

from .errors import RowError
from .json_names import check_names
from .values import Cell

Row = Sequence[Cell]
RawRow: TypeAlias = list[str] | JsonValue
NumberedRow = tuple[int, Row | RowError, RawRow]
"""The line on which the row starts, the cells of the requested columns, and the whole row."""

_LINE_LIMIT = 1_048_576  # characters: a file without line breaks must not fill the memory
_KEPT = 4_096  # characters of an unreadable line


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """The dialect of a CSV file. `quotes`: fields may be quoted."""

    delimiter: str
    quotes: bool = True

    def reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Iterate over the rows of these lines.

        Raises:
            csv.Error: by the iterator, at a row with ambiguous quotes.
        """
        if self.quotes:
            return csv.reader(lines, delimiter=self.delimiter, strict=True)
        return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)


@dataclass(slots=True)
class RowCounts:
    """Rows in which something is missing.

    Attributes:
        blank: Rows without any value, which were skipped.
        blank_end: The last line of the newest of them.
        short: Rows with fewer values than the header, which were filled with empty ones.
    """

    blank: int = 0
    blank_end: int = 0
    short: int = 0


@dataclass(frozen=True, slots=True)
class RowShape:
    """Which cells of a row are needed, and how many values it should have.

    Attributes:
        names: The columns of the header.
        columns: The columns whose cells are needed.
        counts: What is counted on the way.
    """

    names: Sequence[str]
    columns: Sequence[str]
    counts: RowCounts = field(default_factory=RowCounts)

    def picker(self) -> Callable[[Row], Row]:
        """Return the function that takes the needed cells from a row."""
        return _picker([self.names.index(column) for column in self.columns])

    def fitted(self, fields: list[JsonValue], end: int) -> list[JsonValue] | RowError | None:
        """Return a row with as many values as the header; None if it has none at all. `end`: its last line."""
        width = len(self.names)
        if not any(map(_is_filled, fields)):
            self.counts.blank += bool(fields)
            self.counts.blank_end = end
            return None
        if len(fields) < width:
            self.counts.short += 1
            return [*fields, *[""] * (width - len(fields))]
        if not any(map(_is_filled, fields[width:])):
            return fields
        advice = f"{len(fields)} values for {width} columns: is there a quote, a delimiter or a line break too many?"
        return RowError("broken_row", advice)


def _is_filled(cell: object) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


def read_csv(text: TextIO, dialect: CsvDialect, shape: RowShape, header_line: int = 1) -> Iterator[NumberedRow]:
    """Yield the rows after the header, which begins in this line."""
    lines = _Lines(text)
    for _ in range(header_line - 1):
        next(lines)
    reader = dialect.reader(lines)
    next(reader)
    pick, width = shape.picker(), len(shape.names)
    while True:
        start = lines.number + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield start, _ambiguous_quotes(error, start, lines.number), None
        except RowError as error:
            yield start, error, None
        else:
            if len(fields) == width and fields[0].strip():  # most rows
                yield start, pick(fields), fields
            elif (fitted := shape.fitted([*fields], lines.number)) is not None:
                yield start, (fitted if isinstance(fitted, RowError) else pick(fitted)), fields


def read_sheet(rows: Iterable[list[JsonValue]], shape: RowShape, header_row: int = 1) -> Iterator[NumberedRow]:
    """Yield the rows of a sheet after the header, which stands in this row."""
    pick = shape.picker()
    for number, fields in enumerate(rows, start=1):
        if number > header_row and (fitted := shape.fitted(fields, number)) is not None:
            yield number, (fitted if isinstance(fitted, RowError) else pick(fitted)), fields


def read_jsonl(text: TextIO, columns: Sequence[str]) -> Iterator[NumberedRow]:
    """Yield the objects, one per line. An absent name is an empty cell; `a.b` is also b inside a."""
    lines = _Lines(text)
    getters = [_getter(column) for column in columns]
    while True:
        try:
            line = next(lines)
            if line.isspace():
                continue
            row: JsonValue = msgspec.json.decode(line)
            check_names(line, row)
        except StopIteration:
            return
        except RowError as error:
            yield lines.number, error, None
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
            yield lines.number, RowError("not_json", f"write one JSON object per line: {error}"), line[:_KEPT]
        else:
            yield lines.number, _cells(row, getters), row


class _Lines:
    """Iterates over the lines of a text and counts them; a line that is too long is a RowError."""

    def __init__(self, text: TextIO) -> None:
        self.number = 0
        self._read = text.readline

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._read(_LINE_LIMIT)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == _LINE_LIMIT and line[-1] not in "\r\n":
            self._skip()
            raise RowError("too_long", f"a line has at most {_LINE_LIMIT:,} characters: are line breaks missing?")
        return line

    def _skip(self) -> None:
        while (rest := self._read(_LINE_LIMIT)) and rest[-1] not in "\r\n":
            pass


def _ambiguous_quotes(error: csv.Error, start: int, end: int) -> RowError:
    span = f"lines {start} to {end} were read as one row: " if end > start else ""
    return RowError("broken_row", f"{span}{error}; double the quotes inside a value, or write `quotes: false`")


def _picker(indexes: list[int]) -> Callable[[Row], Row]:
    if len(indexes) > 1:
        return itemgetter(*indexes)
    return lambda fields: [fields[index] for index in indexes]


def _cells(row: JsonValue, getters: list[Callable[[dict[str, Cell]], Cell]]) -> Row | RowError:
    if not isinstance(row, dict):
        return RowError("not_an_object", "write one object per line")
    return [get(row) for get in getters]


def _named(name: str) -> Callable[[dict[str, Cell]], Cell]:
    if name.isascii():
        return lambda row: row.get(name)
    decomposed = normalize("NFD", name)  # the same on the screen; the mapping is composed
    return lambda row: row[name] if name in row else row.get(decomposed)


def _getter(column: str) -> Callable[[dict[str, Cell]], Cell]:
    first, dot, rest = column.partition(".")
    if not dot:
        return _named(column)
    inner = _getter(rest)

    def get(row: dict[str, Cell]) -> Cell:
        if column in row:
            return row[column]
        parent = row.get(first)
        return inner(parent) if isinstance(parent, dict) else None

    return get
