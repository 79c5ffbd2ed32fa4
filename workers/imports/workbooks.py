"""Reads the sheets of workbooks (.xlsx, .xlsm, .xls, .ods). Formulas have the results that were stored with them.

Dates and times come as ISO texts, so that they need no format; a whole number is an int.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path

import python_calamine as calamine

from schemas.json_value import JsonValue

from .errors import ImportFailure
from .field_sources import InstantSource
from .header_search import SEARCHED_LINES, Header, find_header
from .mapping import FactPart, Table
from .workbook_scan import scan

_EXACT = 10**15  # Excel keeps 15 digits of a number: a longer whole number was rounded
SheetRow = list[JsonValue]


def with_typed_dates(table: Table) -> Table:
    """Return the table as it reads workbooks: a date that is stored as one needs no format."""
    facts = tuple(map(_with_typed_dates, table.facts))
    return table.model_copy(update={"formats": _with_iso(table.formats), "facts": facts})


def _with_typed_dates(part: FactPart) -> FactPart:
    changed = {
        name: source.model_copy(update={"formats": _with_iso(source.formats)})
        for name, source in part.sources()
        if isinstance(source, InstantSource) and source.column is not None and source.formats
    }
    return part.model_copy(update=changed)


def _with_iso(formats: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("iso", *formats)))


def sheet_names(path: Path) -> list[str]:
    """Return the names of the visible sheets that have values.

    Raises:
        ImportFailure: the workbook cannot be read, or has no such sheet.
    """
    scan(path)
    with _opened(path) as book:
        return [sheet.name for sheet in _sheets(path, book, None)]


class Workbook:
    """One sheet of a workbook: the one that the table names, or the only visible one that has its columns.

    Raises:
        ImportFailure: it cannot be read, or no sheet or several have the columns.
    """

    def __init__(self, path: Path, table: Table, columns: Sequence[str]) -> None:
        self._path = path
        self.notes = scan(path)
        with _opened(path) as book:
            found = [(sheet, _header(sheet, table, columns)) for sheet in _sheets(path, book, table.sheet)]
        self._sheet, self.header = self._choose(found, columns)

    def rows(self) -> Iterator[SheetRow]:
        """Yield the rows of the sheet, from its first."""
        return _rows(self._sheet)

    def _choose(
        self, found: list[tuple[calamine.CalamineSheet, Header]], columns: Sequence[str]
    ) -> tuple[calamine.CalamineSheet, Header]:
        complete = [each for each in found if each[1].known(columns) == len(set(columns))]
        if len(complete) > 1:
            names = " and ".join(repr(sheet.name) for sheet, _ in complete)
            raise ImportFailure(f"{self._path}: the sheets {names} have the columns: write `sheet:` in the table")
        if len(found) > 1 and complete:
            self.notes.append(
                f"{self._path}: the sheet {complete[0][0].name!r} was read, the only one with the columns"
            )
        return complete[0] if complete else max(found, key=lambda each: each[1].known(columns))


@contextmanager
def _opened(path: Path) -> Iterator[calamine.CalamineWorkbook]:
    try:
        with calamine.load_workbook(path) as book:
            yield book
    except calamine.PasswordError as error:
        raise ImportFailure(f"{path} is protected by a password: save a copy without one") from error
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise ImportFailure(f"cannot read {path}: {error}; it is damaged: export it again") from error


def _sheets(path: Path, book: calamine.CalamineWorkbook, wanted: str | None) -> list[calamine.CalamineSheet]:
    names = [each.name for each in book.sheets_metadata if each.typ == calamine.SheetTypeEnum.WorkSheet]
    if wanted is None:
        visible = calamine.SheetVisibleEnum.Visible
        shown = [each.name for each in book.sheets_metadata if each.visible == visible and each.name in names]
        sheets = [sheet for sheet in map(book.get_sheet_by_name, shown) if sheet.end is not None]
        if not sheets:
            raise ImportFailure(f"{path} has no visible sheet with values: write `sheet:` in the table")
        return sheets
    if wanted not in names and wanted.isdecimal() and 0 < int(wanted) <= len(names):
        wanted = names[int(wanted) - 1]
    if wanted not in names:
        raise ImportFailure(f"{path} has no sheet {wanted!r}. It has: {', '.join(map(repr, names))}")
    return [book.get_sheet_by_name(wanted)]


def _header(sheet: calamine.CalamineSheet, table: Table, columns: Sequence[str]) -> Header:
    first = max(SEARCHED_LINES, table.header or 0)
    return find_header(islice(_rows(sheet), first), table, columns)


def _rows(sheet: calamine.CalamineSheet) -> Iterator[SheetRow]:
    for row in sheet.iter_rows():
        yield [_cell(value) for value in row]


def _cell(value: object) -> JsonValue:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)
