"""`leadloop mapping new` on workbooks that people have edited by hand: dates beside texts, in several formats."""

from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from tests.unit.imports.test_drafts import checked
from workers.imports.drafting.draft import draft_mapping
from workers.imports.drafting.time_formats import time_column


def _edited(folder: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    rows: list[list[object]] = [
        ["ACME - Leads"],
        [],
        ["Lead-Nr", "Eingang", "Verantwortlich", "Letzter Kontakt", "Kontaktergebnis", "Status", "Abschlussdatum"],
        [1, datetime(2024, 1, 5, 9), "Ann", datetime(2024, 1, 7, 10), "erreicht", "Gewonnen", datetime(2024, 2, 1)],  # noqa: DTZ001  # a workbook knows no zones
        [2, "06.01.2024", "#N/A", None, None, "Offen", None],
        ["3", "7.1.24", "Bob", "8.1.2024", "keine Antwort", "verloren", "9.2.2024 14:30"],
        [4, "in KW 3", "Bob", "", "", "Offen", ""],
    ]
    for row in rows:
        sheet.append(row)
    path = folder / "Leads (final) v3.xlsx"
    book.save(path)
    return path


def test_a_column_of_dates_and_texts_gets_the_formats_of_both(tmp_path: Path) -> None:
    path = _edited(tmp_path)
    text = draft_mapping([path], source="crm", zone="")
    _, summary = checked(path, text)
    assert summary.published == {"lead-created": 3, "lead-contacted": 2, "deal-closed": 2}, text
    assert summary.rejected == 1  # in KW 3
    assert "'in KW 3' is read by none of the formats" in text
    assert "times without an offset" in text
    for line in ("owner_id: Verantwortlich", "values: {erreicht: connected, keine Antwort: no_answer}"):
        assert line in text
    assert f"--check '{path}'" in text


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["06.01.2024", "7.1.24", "8.1.2024 14:30"], ("%d.%m.%Y", "%d.%m.%y", "%d.%m.%Y %H:%M")),
        (["2024-01-06", "13.1.2024"], ("iso", "%d.%m.%Y")),
        (["1/13/2024", "12/31/23"], ("%m/%d/%Y", "%m/%d/%y")),
        (["13/1/2024", "1/13/2024"], ()),
        (["soon", "2024-01-06"], ()),
        (["soon", "2024-01-06", "2024-01-07"], ("iso",)),
    ],
)
def test_formats_are_those_that_read_most_values(values: list[str], formats: tuple[str, ...]) -> None:
    assert set(time_column(values, is_named=True).formats) == set(formats)


def test_a_column_that_is_not_named_as_times_holds_nothing_else() -> None:
    assert time_column(["soon", "2024-01-06", "2024-01-07"]).formats == ()


def test_a_report_and_an_export_of_salesforce_name_one_lead_alike(tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_text("Lead ID,Created Date\n00Q5e000009AbCd,2024-01-02\n")
    (tmp_path / "task.csv").write_text("Id,WhoId,CreatedDate,TaskSubtype\n00T1,00Q5e000009AbCdEAK,2024-01-03,Call\n")
    text = draft_mapping(sorted(tmp_path.iterdir()), source="crm", zone="UTC")
    assert text.count("salesforce: true") == 2
    assert "salesforce" not in draft_mapping([_edited(tmp_path)], source="crm", zone="UTC")
