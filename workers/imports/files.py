"""Opens files: type, encoding, delimiter, header and compression.

A file that cannot be read as a whole is an ImportFailure, raised before anything is published.
"""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Lookup
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO, cast

from .errors import ImportFailure
from .file_types import HEAD_BYTES, check_characters, check_text, type_of
from .header_search import CsvLayout, Header, column_name, find_layout
from .mapping import Format, Table
from .name_patterns import unpacked_name
from .rows import CsvDialect, NumberedRow, RawRow, RowCounts, RowShape, read_csv, read_jsonl, read_sheet
from .workbooks import Workbook

_SAMPLE = 65_536
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_FORMAT_OF_SUFFIX: Lookup[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


class SourceFile:
    """One file, read by its table. Call `check` before `rows`; `position()` returns how many bytes were read."""

    def __init__(self, path: Path, table: Table, columns: Sequence[str]) -> None:
        self.path = path
        self.position: Callable[[], int] = int
        self.counts = RowCounts()
        self.header = Header(())
        self.notes: list[str] = []
        self.table = table
        self._columns = columns
        self._layout = CsvLayout(CsvDialect(table.delimiter or ",", table.quotes), self.header)
        self._workbook: Workbook | None = None
        self._format: Format = "csv"

    @property
    def size(self) -> int:
        """Bytes on disk (compressed, if it is)."""
        return self.path.stat().st_size

    @property
    def lead_columns(self) -> set[str]:
        """The columns that hold the ids of leads."""
        return {part.lead_id.column for part in self.table.facts if part.lead_id.column is not None}

    def check(self) -> None:
        """Check from its beginning that it can be read and has every column.

        Raises:
            ImportFailure: it cannot, or lacks a column; with its columns and the nearest name.
        """
        is_workbook = type_of(self.path) == "workbook"
        self._format = "workbook" if is_workbook else self.format_of()
        if is_workbook != (self._format == "workbook") or (is_workbook and self.table.format not in (None, "workbook")):
            is_what = "a workbook" if is_workbook else "no workbook"
            raise ImportFailure(f"{self.path} is {is_what}: change `format:` in its table, or leave it out")
        if is_workbook:
            self._check_workbook()
        else:
            self._check_text()

    def format_of(self) -> Format:
        """Return the format of a text, by its table or its suffix."""
        return self.table.format or _format_of(self.path)

    def sample(self) -> str:
        """Return the beginning of a text."""
        with self._opened() as text:
            return text.read(_SAMPLE)

    def rows(self) -> Iterator[NumberedRow]:
        """Yield the rows.

        Raises:
            ImportFailure: the file cannot be read to its end.
        """
        shape = RowShape(self.header.names, self._names(), self.counts)
        if self._workbook is not None:
            yield from read_sheet(self._workbook.rows(), shape, self.header.line)
            return
        with self._opened() as text:
            if self._format == "csv":
                yield from read_csv(text, self._layout.dialect, shape, self.header.line)
            else:
                yield from read_jsonl(text, self._columns)

    def with_column_names(self, row: RawRow) -> RawRow | dict[str, object]:
        """Return a row of values as a dict by column, for the person who fixes it; others are returned unchanged."""
        if isinstance(row, list) and len(row) == len(self.header.names):
            return dict(zip(self.header.names, row, strict=True))
        return row

    def _names(self) -> list[str]:
        return [column_name(column) for column in self._columns]

    def _check_workbook(self) -> None:
        self._workbook = Workbook(self.path, self.table, self._names())
        self.header = self._workbook.header
        self.notes += self._workbook.notes
        self._check_header()

    def _check_text(self) -> None:
        sample = self.sample()
        check_characters(self.path, sample)
        if self._format == "csv":
            if not sample.strip():
                raise ImportFailure(f"{self.path} is empty: its first line must be the names of the columns")
            self._layout = find_layout(sample, self.table, self._names())
            self.header = self._layout.header
            self._check_header()
        elif sample.lstrip().startswith("["):
            raise ImportFailure(f"{self.path} is a JSON array: write one item per line (`jq -c '.[]'`)")

    def _check_header(self) -> None:
        self.header.check(self.path, self._names())
        if self.header.line > self._layout.first_line and self.table.header is None:
            self.notes.append(f"{self.path}: the header stands in line {self.header.line}; what is above was not read")

    @contextmanager
    def _opened(self) -> Iterator[TextIO]:
        try:
            with self.path.open("rb") as raw, _text(raw, self.path, self.table.encoding) as text:
                self.position = raw.tell
                yield text
        except OSError as error:  # also an invalid gzip file
            raise ImportFailure(f"cannot read {self.path}: {error.strerror or error}") from error
        except (EOFError, zlib.error) as error:
            raise ImportFailure(f"cannot unpack {self.path}: {error}; it is truncated or damaged") from error
        except UnicodeError as error:
            raise ImportFailure(f"cannot read {self.path} as {self.table.encoding}: {error}") from error
        finally:
            self.position = int


def _format_of(path: Path) -> Format:
    known = _FORMAT_OF_SUFFIX.get(Path(unpacked_name(path.name)).suffix.lower())
    if known is None:
        raise ImportFailure(f"{path}: its suffix is neither of CSV nor of JSONL: write `format:` in its table")
    return known


@contextmanager
def _text(raw: IO[bytes], path: Path, encoding: str) -> Iterator[TextIO]:
    is_gzip = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    plain = cast("io.BufferedReader", gzip.GzipFile(fileobj=raw) if is_gzip else raw)
    start = plain.peek(HEAD_BYTES)
    check_text(path, start)
    detected = next((name for mark, name in _BYTE_ORDER_MARKS.items() if start.startswith(mark)), None)
    # A byte that is not a character makes only its own row invalid: encoding the row fails.
    errors = "strict" if (detected or encoding).startswith(("utf-16", "utf-32")) else "surrogateescape"
    with io.TextIOWrapper(plain, encoding=detected or encoding, errors=errors, newline="") as text:
        yield text
