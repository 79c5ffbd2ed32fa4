"""Any table, written by any dialect, encoding and spreadsheet library, is read back cell by cell."""

import csv
import gzip
import io
from pathlib import Path

import openpyxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders_imports import cells_of

CELLS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Co", "Cn")), max_size=12)
ROWS = st.lists(st.tuples(st.from_regex(r"L[0-9]{1,4}", fullmatch=True), CELLS, CELLS), min_size=1, max_size=8)
TITLES = st.lists(st.sampled_from(["", "Report: all leads", "as of 1 May", "a,b", "x;y;z", ",,,"]), max_size=4)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(
    rows=ROWS,
    titles=TITLES,
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    is_quoted=st.booleans(),
    has_hint=st.booleans(),
    blank_every=st.integers(1, 5),
    is_packed=st.booleans(),
)
@MANY
def test_any_csv_file_is_read_back(
    tmp_path: Path,
    rows: list[tuple[str, str, str]],
    titles: list[str],
    delimiter: str,
    encoding: str,
    ending: str,
    is_quoted: bool,
    has_hint: bool,
    blank_every: int,
    is_packed: bool,
) -> None:
    out = io.StringIO(newline="")
    lines = [f"sep={delimiter}"] * has_hint + titles
    out.write("".join(line + ending for line in lines))
    writer = csv.writer(
        out, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL if is_quoted else csv.QUOTE_MINIMAL
    )
    writer.writerow(["id", "what", "whó"])
    for number, row in enumerate(rows):
        writer.writerow(row)
        if number % blank_every == 0:
            writer.writerow(["", "", " "])
    content = out.getvalue().encode(encoding)
    path = tmp_path / ("leads.csv.gz" if is_packed else "leads.csv")
    path.write_bytes(gzip.compress(content) if is_packed else content)
    assert cells_of(path, ("whó", "id", "what")) == [(who, lead, what) for lead, what, who in rows]


@given(rows=ROWS, titles=TITLES, indent=st.integers(0, 3))
@settings(MANY, max_examples=40)
def test_any_sheet_is_read_back(
    tmp_path: Path, rows: list[tuple[str, str, str]], titles: list[str], indent: int
) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Leads")
    for title in titles:
        sheet.append([title])
    for row in [("id", "what", "whó"), *rows]:
        sheet.append([None] * indent + [f"'{cell}" if cell.startswith("=") else cell for cell in row])
    book.save(tmp_path / "leads.xlsx")
    expected = [tuple(f"'{cell}" if cell.startswith("=") else cell for cell in row) for row in rows]
    assert cells_of(tmp_path / "leads.xlsx", ("id", "what", "whó")) == expected
