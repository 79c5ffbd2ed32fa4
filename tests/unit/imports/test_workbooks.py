"""Workbooks, as openpyxl and XlsxWriter write them, become rows."""

import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from tests.builders_imports import CLOSED, CREATED, NOW, a_mapping, cells_of
from workers.imports.errors import ImportFailure
from workers.imports.preview import check_import
from workers.imports.report import ImportSummary
from workers.imports.request import ImportRequest

Rows = Sequence[Sequence[Any]]
OLD = Path(__file__).parent / "leads.xls"


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str = "leads.xlsx", **sheets: Rows) -> Path:
        made = openpyxl.Workbook(write_only=True)
        for title, rows in sheets.items():
            sheet = made.create_sheet(title)
            for row in rows:
                sheet.append(row)
        made.save(tmp_path / name)
        return tmp_path / name

    return write


Book = Callable[..., Path]
LEADS: Rows = [["id", "at"], ["L1", "2024-05-01"]]


def summary_of(path: Path, *facts: dict[str, Any], **table: Any) -> ImportSummary:
    request = ImportRequest(files=[path], mappings=[a_mapping(*(facts or (CREATED,)), **table)])
    return check_import(request, Codec(Catalogue.bundled()).encode, lambda: NOW).summary


def test_cells_have_the_types_of_the_workbook(book: Book) -> None:
    at = datetime(2025, 3, 2, 9, 30)  # noqa: DTZ001  # a workbook knows no zones
    path = book(
        Leads=[
            ["id", "at", "worth", "flag"],
            [4711, at, 12.5, True],
            ["4712", date(2025, 3, 2), 12, None],
            ["00042", time(9, 15), 1e20, "x"],
        ]
    )
    assert cells_of(path, ("id", "at", "worth", "flag")) == [
        (4711, "2025-03-02T09:30:00", 12.5, True),
        ("4712", "2025-03-02", 12, ""),
        ("00042", "09:15:00", 1e20, "x"),
    ]


def test_a_date_of_a_workbook_needs_no_format_and_texts_beside_it_use_the_formats(book: Book) -> None:
    path = book(Leads=[["id", "at"], [1, date(2025, 3, 2)], [2, "03.04.2025"]])
    summary = summary_of(path, formats="%d.%m.%Y")
    assert (summary.facts, summary.rejected) == (2, 0)
    assert summary.last_at == datetime(2025, 4, 3, tzinfo=UTC).timestamp() * 1000


def test_a_field_with_formats_of_its_own_reads_dates_of_a_workbook(book: Book) -> None:
    path = book(Leads=[["id", "at"], [1, datetime(2025, 3, 2, 9)]])  # noqa: DTZ001  # a workbook knows no zones
    fact = {**CREATED, "occurred_at": {"column": "at", "formats": "%d.%m.%Y", "zone": "Europe/Berlin"}}
    assert summary_of(path, fact).last_at == datetime(2025, 3, 2, 8, tzinfo=UTC).timestamp() * 1000


def test_an_amount_of_a_workbook_is_a_number_whatever_the_decimal_sign_of_texts(book: Book) -> None:
    path = book(Leads=[["id", "at", "worth"], [1, date(2025, 3, 2), 1250.5], [2, date(2025, 3, 2), "1.250,50"]])
    fact = {**CLOSED, "amount": {"column": "worth", "decimal": ","}, "currency": {"constant": "EUR"}}
    assert summary_of(path, fact).rejected == 0


def test_formulas_have_their_stored_results(tmp_path: Path) -> None:
    path = tmp_path / "leads.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["id", "at"])
        sheet.write_formula(1, 0, '="L"&1', value="L1")
        sheet.write_datetime(1, 1, datetime(2025, 3, 2, 9), made.add_format({"num_format": "yyyy-mm-dd hh:mm"}))  # noqa: DTZ001  # a workbook knows no zones
    assert cells_of(path) == [("L1", "2025-03-02T09:00:00")]
    assert summary_of(path).notes == []


def test_formulas_without_a_stored_result_and_errors_are_reported(book: Book) -> None:
    path = book(Leads=[["id", "at", "x"], ['="L"&1', "2025-03-02", "#N/A"], ["L2", "2025-03-02", None]])
    notes = " ".join(summary_of(path).notes)
    assert "1 formulas have no stored result" in notes
    assert "1 cells contain an error such as #N/A" in notes


def test_titles_empty_rows_and_totals_of_a_sheet_are_passed_over(book: Book) -> None:
    rows = [["Leads of May"], [], [None, "id", "at"], [None, "L1", "2024-05-01"], [], [None, "Total", 17]]
    summary = summary_of(book(Leads=rows))
    assert (summary.facts, summary.rejected, summary.blank) == (1, 0, 1)
    assert summary.passed_over == {"total": 1}
    assert "the header stands in line 3" in str(summary)


def test_a_rejected_row_of_a_sheet_has_the_number_that_the_spreadsheet_shows(book: Book) -> None:
    summary = summary_of(book(Leads=[[], ["id", "at"], ["L1", "2024-05-01"], ["L2", "soon"]]))
    assert [(row.line, row.column) for row in summary.examples] == [(4, "at")]


def test_the_sheet_with_the_columns_is_read(book: Book) -> None:
    path = book(Notes=[["read me"]], Leads=LEADS, Empty=[])
    assert cells_of(path) == [("L1", "2024-05-01")]
    assert "the sheet 'Leads' was read" in str(summary_of(path))


def test_several_sheets_with_the_columns_need_a_choice(book: Book) -> None:
    path = book(May=LEADS, June=[["id", "at"], ["L2", "2024-06-01"]])
    with pytest.raises(ImportFailure, match="the sheets 'May' and 'June' have the columns: write `sheet:`"):
        cells_of(path)
    assert cells_of(path, sheet="June") == cells_of(path, sheet=2) == [("L2", "2024-06-01")]
    with pytest.raises(ImportFailure, match=r"has no sheet 'July'\. It has: 'May', 'June'"):
        cells_of(path, sheet="July")


def test_hidden_sheets_are_read_only_by_name(tmp_path: Path) -> None:
    path, made = tmp_path / "leads.xlsx", openpyxl.Workbook()
    hidden = made.create_sheet("Old")
    hidden.sheet_state = "hidden"
    for row in LEADS:
        hidden.append(row)
    made.save(path)
    with pytest.raises(ImportFailure, match="no visible sheet with values"):
        cells_of(path)
    assert cells_of(path, sheet="Old") == [("L1", "2024-05-01")]


def test_a_workbook_is_recognised_whatever_its_name_says(book: Book) -> None:
    assert cells_of(book("leads.csv", Leads=LEADS)) == [("L1", "2024-05-01")]
    with pytest.raises(ImportFailure, match="is a workbook: change `format:`"):
        cells_of(book(Leads=LEADS), format="csv")


def test_a_workbook_of_excel_97_is_read() -> None:
    assert cells_of(OLD) == [("L1", "2026-03-02"), (4711, "2026-03-02T09:30:00")]


def test_a_missing_column_of_a_sheet_is_reported_with_the_nearest(book: Book) -> None:
    with pytest.raises(ImportFailure, match=r"no column 'id'\. Do you mean 'ID'"):
        cells_of(book(Leads=[["ID", "at"], ["L1", "x"]]))


def test_a_damaged_workbook_is_an_import_failure(book: Book) -> None:
    path = book(Leads=LEADS)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ImportFailure, match="truncated or damaged"):
        cells_of(path)


def test_a_workbook_with_a_damaged_sheet_is_an_import_failure(book: Book, tmp_path: Path) -> None:
    path, damaged = book(Leads=LEADS), tmp_path / "damaged.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(damaged, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data[: len(data) // 2] if "sheet1" in name else data)
    with pytest.raises(ImportFailure, match=r"damaged\.xlsx"):
        cells_of(damaged)


def test_a_workbook_with_a_password_is_named(tmp_path: Path) -> None:
    path = tmp_path / "leads.xlsx"
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)  # MS-OFFCRYPTO: a compound file with this stream
    path.write_bytes(head + "EncryptedPackage".encode("utf-16-le") + bytes(2_000))
    with pytest.raises(ImportFailure, match="protected by a password: save a copy without one"):
        cells_of(path)


def test_a_compound_file_that_is_no_workbook_is_an_import_failure(tmp_path: Path) -> None:
    path = tmp_path / "leads.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_000))
    with pytest.raises(ImportFailure, match=r"cannot read .*leads\.xls"):
        cells_of(path)


def test_a_stray_cell_far_from_the_table_does_not_exhaust_the_memory(tmp_path: Path) -> None:
    path, made = tmp_path / "leads.xlsx", openpyxl.Workbook()
    sheet = made.create_sheet()
    sheet["A1"], sheet["XFD1048576"] = "id", " "
    made.save(path)
    with pytest.raises(ImportFailure, match="a cell in row 1,048,576 and one in column 16,384"):
        cells_of(path)


def test_a_binary_workbook_is_named(tmp_path: Path) -> None:
    path = tmp_path / "leads.xlsb"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.bin", b"")
    with pytest.raises(ImportFailure, match="binary workbook"):
        cells_of(path)


ODS = """<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
<office:body><office:spreadsheet><table:table table:name="Leads">
<table:table-row><table:table-cell office:value-type="string"><text:p>id</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>at</text:p></table:table-cell>
</table:table-row>
<table:table-row>
<table:table-cell office:value-type="float" office:value="4711"><text:p>4711</text:p></table:table-cell>
<table:table-cell office:value-type="date" office:date-value="2025-03-02T09:30:00"><text:p>2.3.</text:p>
</table:table-cell>
</table:table-row>
<table:table-row table:number-rows-repeated="1048574"><table:table-cell
 table:number-columns-repeated="16384"/></table:table-row></table:table></office:spreadsheet></office:body>
</office:document-content>"""
ODS_MANIFEST = """<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>"""


def test_a_workbook_of_libreoffice_is_read(tmp_path: Path) -> None:
    path = tmp_path / "leads.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", ODS.replace("\n", ""))
        archive.writestr("META-INF/manifest.xml", ODS_MANIFEST)
    assert cells_of(path) == [(4711, "2025-03-02T09:30:00")]
