"""Looks through the raw XML of a workbook before it is read: how large it is, and what a reader cannot see.

The reader allocates a whole rectangle of cells, so that one stray cell in the last row would exhaust the memory; and it
returns errors and formulas without a stored result as empty cells.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .errors import ImportFailure

_MOST_CELLS = 30_000_000  # of a sheet: about a gigabyte in memory
_MOST_BYTES = 2 * 1024**3  # unpacked
_CHUNK = 1 << 20
_OVERLAP = 256  # bytes: a tag of a cell is shorter
_ROW = re.compile(rb'<(?:\w+:)?row [^>]*?\br="(\d{1,7})"')
_COLUMN = re.compile(rb'<(?:\w+:)?c [^>]*?\br="([A-Z]{1,3})\d')
_UNCALCULATED = re.compile(rb"(?:</f>|<f [^>]*/>)(?:<v ?/>|<v></v>)?</c>")
_FAULT = re.compile(rb'<c [^>]*?\bt="e"')


def scan(path: Path) -> list[str]:
    """Return notes about what the reader cannot see.

    Raises:
        ImportFailure: the workbook is damaged, too large, or of a kind that cannot be examined.
    """
    if not zipfile.is_zipfile(path):
        return []  # the old format has no more than 65,536 rows
    try:
        with zipfile.ZipFile(path) as archive:
            if "xl/workbook.bin" in archive.namelist():
                raise ImportFailure(f"{path} is a binary workbook (.xlsb): save it as .xlsx or CSV")
            if sum(each.file_size for each in archive.infolist()) > _MOST_BYTES:
                raise ImportFailure(f"{path} is larger than 2 GiB when unpacked: save it as CSV")
            seen: Counter[str] = Counter()
            for name in archive.namelist():
                if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                    seen += _scan_sheet(path, archive, name)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise ImportFailure(f"cannot unpack {path}: {error}; it is truncated or damaged: export it again") from error
    return _notes(path, seen)


def _scan_sheet(path: Path, archive: zipfile.ZipFile, name: str) -> Counter[str]:
    rows, columns, seen = 0, 0, Counter[str]()
    for chunk, overlap in _chunks(archive, name):
        rows = max(rows, *map(int, _ROW.findall(chunk)), 0)
        columns = max(columns, *map(_number, set(_COLUMN.findall(chunk))), 0)
        seen["formulas"] += len(_UNCALCULATED.findall(chunk)) - len(_UNCALCULATED.findall(overlap))
        seen["errors"] += len(_FAULT.findall(chunk)) - len(_FAULT.findall(overlap))
    if rows * columns > _MOST_CELLS:
        raise ImportFailure(
            f"{path} has a cell in row {rows:,} and one in column {columns:,}: is one far from the table? "
            "Delete the empty rows and columns, or save it as CSV"
        )
    return seen


def _chunks(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield chunks, each with the end of the one before at its beginning, which is given as well."""
    overlap = b""
    with archive.open(name) as sheet:
        while block := sheet.read(_CHUNK):
            yield overlap + block, overlap
            overlap = block[-_OVERLAP:]


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _notes(path: Path, seen: Counter[str]) -> list[str]:
    notes = []
    if seen["formulas"]:
        text = "formulas have no stored result and are read as empty: open the workbook in Excel and save it"
        notes.append(f"{path}: {seen['formulas']:,} {text}")
    if seen["errors"]:
        notes.append(f"{path}: {seen['errors']:,} cells contain an error such as #N/A and are read as empty")
    return notes
