"""Looks at a file of which nothing is known: encoding, delimiter, header, and the values of its columns."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median

from ..errors import ImportFailure, RowError
from ..file_types import type_of
from ..files import SourceFile
from ..header_search import column_name
from ..leftovers import LeftoverRows
from ..mapping import Table
from ..rows import RawRow
from ..values import text_of
from ..workbooks import Workbook, sheet_names

_ROWS = 2_000  # looked at of each file
_HEADER_ROWS = 50
_BLOCK = 1 << 20
_DELIMITERS = ",;\t|"
_GUESSED = "cp1252"


@dataclass(slots=True)
class InspectedFile:
    """What was found in a file.

    Attributes:
        path: The file.
        options: Keys of the table that say how it is read.
        columns: The values of its first rows by column, as texts; in JSONL also of nested names.
        rows: How many rows were looked at.
        doubts: What could not be known.
    """

    path: Path
    options: dict[str, str | int] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    rows: int = 0
    doubts: list[str] = field(default_factory=list)


def inspect(path: Path) -> InspectedFile:
    """Look at a file.

    Raises:
        ImportFailure: it cannot be read, or has no rows.
    """
    found = InspectedFile(path)
    table = Table.model_construct(files=(path.name,), facts=())
    table = _of_workbook(found, table) if type_of(path) == "workbook" else _of_text(found, table)
    source = SourceFile(path, table, ())
    source.check()
    leftovers = LeftoverRows(source.header.names)
    for row in islice((row for row in source.rows() if not isinstance(row[1], RowError)), _ROWS):
        is_after_blank = row[0] == source.counts.blank_end + 1
        if leftovers.found(row, found.rows, is_after_blank=is_after_blank) is None:
            found.rows += 1
            _add(found, row[2], source.header.names)
    if not found.columns:
        raise ImportFailure(f"{path} has no rows from which a mapping could be written")
    return found


def _of_workbook(found: InspectedFile, table: Table) -> Table:
    names = sheet_names(found.path)
    sheets = {name: _first_rows(found.path, table.model_copy(update={"sheet": name})) for name in names}
    chosen = max(names, key=lambda name: len(sheets[name]))
    if len(names) > 1:
        found.options["sheet"] = chosen
        found.doubts.append(f"it has the sheets {', '.join(map(repr, names))}; is {chosen!r} the right one?")
    line = _likely_header(sheets[chosen])
    if line > 1:
        found.options["header"] = line
    return table.model_copy(update={"sheet": chosen, "header": line})


def _first_rows(path: Path, table: Table) -> list[Sequence[object]]:
    return [*islice(Workbook(path, table, ()).rows(), _ROWS)]


def _of_text(found: InspectedFile, table: Table) -> Table:
    encoding = _encoding(found.path)
    if encoding != "utf-8":
        found.options["encoding"] = encoding
    if encoding == _GUESSED:
        found.doubts.append(f"the bytes are not UTF-8; {_GUESSED} is a guess: are the umlauts and accents right?")
    table = table.model_copy(update={"encoding": encoding})
    source = SourceFile(found.path, table, ())
    sample = source.sample()
    if source.format_of() == "jsonl":
        return table
    delimiter, rows = _dialect(sample)
    line = _likely_header(rows)
    if line > 1:
        found.options["header"] = line
    return table.model_copy(update={"delimiter": delimiter, "header": line})


def _encoding(path: Path) -> str:
    if type_of(path) == "gzip":
        return "utf-8"
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        head = file.read(_BLOCK)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-8"  # the mark takes precedence
        if head[1:200:2].count(0) > len(head[1:200:2]) // 2:
            return "utf-16-le"
        if head[0:200:2].count(0) > len(head[0:200:2]) // 2:
            return "utf-16-be"
        try:
            while head:
                decoder.decode(head)
                head = file.read(_BLOCK)
        except UnicodeDecodeError:
            return _GUESSED
    return "utf-8"


def _dialect(sample: str) -> tuple[str, list[list[str]]]:
    """The delimiter with which most rows have the same number of values, and the rows that it makes."""
    lines = sample.splitlines()[:_ROWS]
    if lines and (hint := lines[0].strip('"').lower()).startswith("sep="):
        return hint[4:5] or ",", [[], *_split(lines[1:], hint[4:5] or ",")]
    return max(((each, _split(lines, each)) for each in _DELIMITERS), key=lambda found: _agreement(found[1]))


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        # One row a line, so that the numbers of rows are the numbers of lines: only the header is looked for.
        return [next(csv.reader([line], delimiter=delimiter), []) for line in lines]
    except csv.Error:
        return []


def _agreement(rows: list[list[str]]) -> tuple[int, int]:
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return (0, 0)
    width, count = widths.most_common(1)[0]
    return (count, width)


def _likely_header(rows: Sequence[Sequence[object]]) -> int:
    """The number of the first row that is as wide as the rows usually are."""
    filled = [sum(bool(column_name(cell)) for cell in row) for row in rows]
    usual = median([count for count in filled if count] or [1])
    for number, count in enumerate(filled[:_HEADER_ROWS], start=1):
        if count and count >= usual * 0.75:
            return number
    return 1


def _add(found: InspectedFile, raw: RawRow, names: Sequence[str]) -> None:
    pairs = (
        _nested(raw, "") if isinstance(raw, dict) else zip(names, raw, strict=False) if isinstance(raw, list) else ()
    )
    for name, cell in pairs:
        if name:
            values = found.columns.setdefault(name, [])
            values += [""] * (found.rows - 1 - len(values))
            values.append(_text(cell))


def _nested(row: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _nested(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _text(cell: object) -> str:
    try:
        return text_of(cell)  # type: ignore[arg-type]  # a cell of a row
    except RowError:
        return ""
