"""Finds the line of the column names in a CSV file or a sheet, and how a CSV file separates its values.

Above the names there may be Excel's hint (`sep=;`), empty lines and lines of a title.
"""

import csv
import difflib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.texts import visible

from .errors import ImportFailure
from .mapping import Table
from .rows import CsvDialect

SEARCHED_LINES = 50  # a header further down is named in the table (`header:`)
_ENOUGH = 2
_DELIMITERS = ",;\t|"
_HINT = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns, and the line (or row of a sheet, from 1) in which they begin."""

    names: tuple[str, ...]
    line: int = 1

    def known(self, columns: Iterable[str]) -> int:
        """Return how many of these columns it names."""
        return len(set(self.names) & set(columns))

    def check(self, path: Path, columns: Sequence[str]) -> None:
        """Check that it names each column once.

        Raises:
            ImportFailure: it does not; with its names and the nearest one.
        """
        where = "" if self.line == 1 else f" in line {self.line}, where its header seems to stand"
        for column in columns:
            if column not in self.names:
                raise ImportFailure(f"{path} has no column {column!r}{where}. {_nearest(column, self.names)}")
            if self.names.count(column) > 1:
                raise ImportFailure(f"{path} has {self.names.count(column)} columns {column!r}: rename all but one")


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """How a CSV file is to be read. `first_line`: the line below the hint `sep=;`, if there is one."""

    dialect: CsvDialect
    header: Header
    first_line: int = 1


def column_name(cell: object) -> str:
    """Return the name of a column as it is compared: composed, without invisible characters and surrounding blanks."""
    return "" if cell is None else visible(str(cell))


def find_layout(sample: str, table: Table, columns: Sequence[str]) -> CsvLayout:
    """Find the delimiter and the header of a CSV file in a sample from its beginning.

    Returns:
        The first line with all columns; if there is none, the one with the most of them.
    """
    lines = io.StringIO(sample, newline="").readlines()
    hint = _HINT.fullmatch(lines[0].strip("\ufeff\r\n")) if lines else None
    delimiters = table.delimiter or (hint[1] if hint else _DELIMITERS)
    dialects = [CsvDialect(delimiter, table.quotes) for delimiter in delimiters]
    first = 2 if hint else 1
    numbers = [table.header] if table.header else range(first, min(len(lines), first + SEARCHED_LINES) + 1)
    found = (
        CsvLayout(dialect, Header(_names(lines[number - 1 :], dialect), number), first)
        for number in numbers
        for dialect in dialects
    )
    empty = CsvLayout(dialects[0], Header((), table.header or first), first)
    return _best(found, columns, empty)


def find_header(rows: Iterable[Sequence[object]], table: Table, columns: Sequence[str]) -> Header:
    """Find the header among the first rows of a sheet, as `find_layout`."""
    best = Header((), table.header or 1)
    for number, row in enumerate(rows, start=1):
        if number > max(SEARCHED_LINES, table.header or 0) or (table.header and number > table.header):
            break
        if table.header in (None, number):
            header = Header(tuple(map(column_name, row)), number)
            best = max(best, header, key=lambda each: _rank(each, columns))
            if best.known(columns) == len(set(columns)) and any(best.names):
                break
    return best


def _best(layouts: Iterator[CsvLayout], columns: Sequence[str], empty: CsvLayout) -> CsvLayout:
    best, line_of_best = empty, 0
    for layout in layouts:
        if line_of_best and layout.header.line > line_of_best and best.header.known(columns) == len(set(columns)):
            break
        if _rank(layout.header, columns) > _rank(best.header, columns):
            best, line_of_best = layout, layout.header.line
    return best


def _rank(header: Header, columns: Sequence[str]) -> tuple[int, int, int]:
    # Without any known column the first line that is not empty is most probably the header.
    known = header.known(columns)
    if header.line > 1 and known < min(_ENOUGH, len(columns)):
        known = 0  # one word of a title or a row may equal the name of a column
    return (known, -header.line, len(header.names)) if any(header.names) else (-1, 0, 0)


def _names(lines: list[str], dialect: CsvDialect) -> tuple[str, ...]:
    try:
        return tuple(column_name(name) for name in next(dialect.reader(lines), []))
    except csv.Error:
        return ()


def _nearest(column: str, names: Sequence[str]) -> str:
    by_folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(column.casefold(), by_folded, n=1)
    hint = f"Do you mean {by_folded[near[0]]!r}? " if near else ""
    return f"{hint}It has: {', '.join(map(repr, names)) or 'none'}"
