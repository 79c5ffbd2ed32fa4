"""Reads rows with their line numbers out of open CSV and JSONL texts.

A row that cannot be read is told as a RowError in the place of its cells, and reading goes on behind it.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TextIO

import msgspec

from .errors import RowError
from .values import Cell

Row = Sequence[Cell]
NumberedRow = tuple[int, Row | RowError, object]  # the line it starts on, the cells asked for, the row as it stands

_LINE_LIMIT = 1_048_576  # characters: a file without line breaks must not fill the memory
_KEPT = 4_096  # characters of an unreadable line


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How a CSV file is written."""

    delimiter: str
    quotes: bool = True

    def reader(self, lines: Iterable[str]) -> Any:
        """The rows of these lines. Raises csv.Error at a row whose quotes can be read in more than one way."""
        if self.quotes:
            return csv.reader(lines, delimiter=self.delimiter, strict=True)
        return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)


def read_csv(text: TextIO, dialect: CsvDialect, columns: Sequence[str]) -> Iterator[NumberedRow]:
    """The rows below the header, which must hold each of `columns`."""
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
            yield start, _broken(error, start, lines.number), None
        except RowError as error:
            yield start, error, None
        else:
            if len(fields) == width:
                yield start, pick(fields), fields
            elif fields:
                yield start, _ragged(fields, width, pick), fields


def read_jsonl(text: TextIO, columns: Sequence[str]) -> Iterator[NumberedRow]:
    """The objects, one a line. An absent name is an empty cell; `a.b` is also b inside a."""
    lines = _Lines(text)
    getters = [_getter(column) for column in columns]
    while True:
        try:
            line = next(lines)
            if line.isspace():
                continue
            row = msgspec.json.decode(line)
        except StopIteration:
            return
        except RowError as error:
            yield lines.number, error, None
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
            yield lines.number, RowError("not_json", f"one JSON object a line: {error}"), line[:_KEPT]
        else:
            yield lines.number, _cells(row, getters), row


class _Lines:
    """The lines of a text, counted; one that does not end is a RowError."""

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
            raise RowError("too_long", f"a line has at most {_LINE_LIMIT:,} characters: are its breaks missing?")
        return line

    def _skip(self) -> None:
        while (rest := self._read(_LINE_LIMIT)) and rest[-1] not in "\r\n":
            pass


def _broken(error: csv.Error, start: int, end: int) -> RowError:
    span = f"lines {start} to {end} were read as one row: " if end > start else ""
    return RowError("broken_row", f"{span}{error}; double the quotes inside a value, or say `quotes: false`")


def _ragged(fields: list[str], width: int, pick: Callable[[list[str]], Row]) -> Row | RowError:
    if len(fields) > width and not any(fields[width:]):
        return pick(fields)
    advice = f"{len(fields)} values for {width} columns: is a quote, a delimiter or a line break too many?"
    return RowError("broken_row", advice)


def _picker(places: list[int]) -> Callable[[list[str]], Row]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda fields: [fields[place] for place in places]


def _cells(row: object, getters: list[Callable[[dict[str, Cell]], Cell]]) -> Row | RowError:
    if not isinstance(row, dict):
        return RowError("not_an_object", "write one object of named values a line")
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
