"""Reads rows with their line numbers from open CSV and JSONL texts.

A row that cannot be read has a RowError in place of its cells, and reading continues after it.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TextIO, TypeAlias

import msgspec

from schemas.json_value import JsonValue

from .errors import RowError
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


def read_csv(text: TextIO, dialect: CsvDialect, columns: Sequence[str]) -> Iterator[NumberedRow]:
    """Yield the rows after the header, which must contain each of `columns`."""
    lines = _Lines(text)
    reader = dialect.reader(lines)
    header = [name.strip() for name in next(reader)]
    pick = _picker([header.index(column) for column in columns])
    width = len(header)
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
            if len(fields) == width:
                yield start, pick(fields), fields
            elif fields:
                yield start, _wrong_width(fields, width, pick), fields


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


def _wrong_width(fields: list[str], width: int, pick: Callable[[list[str]], Row]) -> Row | RowError:
    if len(fields) > width and not any(fields[width:]):
        return pick(fields)
    advice = f"{len(fields)} values for {width} columns: is there a quote, a delimiter or a line break too many?"
    return RowError("broken_row", advice)


def _picker(indexes: list[int]) -> Callable[[list[str]], Row]:
    if len(indexes) > 1:
        return itemgetter(*indexes)
    return lambda fields: [fields[index] for index in indexes]


def _cells(row: JsonValue, getters: list[Callable[[dict[str, Cell]], Cell]]) -> Row | RowError:
    if not isinstance(row, dict):
        return RowError("not_an_object", "write one object per line")
    return [get(row) for get in getters]


def _getter(column: str) -> Callable[[dict[str, Cell]], Cell]:
    first, dot, rest = column.partition(".")
    if not dot:
        return lambda row: row.get(column)
    inner = _getter(rest)

    def get(row: dict[str, Cell]) -> Cell:
        if column in row:
            return row[column]
        parent = row.get(first)
        return inner(parent) if isinstance(parent, dict) else None

    return get
