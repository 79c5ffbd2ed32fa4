"""Formats that contradict each other are chosen for whole columns.

After submersion-app/submersion#1828, espocrm/espocrm#2904, SuiteCRM/SuiteCRM#9462 and dannymcc/may#250.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.builders_imports import CREATED, NOW, a_mapping, fact_of
from workers.imports.conversion import TableConverter
from workers.imports.errors import RowError
from workers.imports.field_steps import ConversionContext
from workers.imports.file_assignment import AssignedFile
from workers.imports.format_survey import survey_formats

EUROPEAN, AMERICAN = "%d/%m/%Y", "%m/%d/%Y"
BOTH = [EUROPEAN, AMERICAN]


def _import(folder: Path, *dates: str, formats: object = BOTH) -> tuple[list[str], list[str]]:
    """The dates or reasons of a file with these cells, and the doubts."""
    path = folder / "leads.csv"
    path.write_text("\n".join(["id,at", *(f"{number},{date}" for number, date in enumerate(dates))]), "utf-8")
    mapping = a_mapping(CREATED, formats=formats)
    (table,) = mapping.tables.values()
    evident, doubts = survey_formats(AssignedFile(path, mapping, mapping.tables), [table], NOW)
    converter = TableConverter(table, ConversionContext("t", "UTC", NOW, evident_formats=evident))
    return [_result(converter, date) for date in dates], doubts


def _result(converter: TableConverter, date: str) -> str:
    try:
        ((_, fact),) = converter.facts([{"id": "L1", "at": date}[column] for column in converter.columns])
    except RowError as error:
        return error.reason
    return datetime.fromtimestamp(fact.occurred_at / 1000, UTC).date().isoformat()


def test_a_column_that_contradicts_itself_rejects_the_rows_that_fit_both(tmp_path: Path) -> None:
    read, (doubt,) = _import(tmp_path, "12/31/2024", "03/04/2025", "25/03/2025")
    assert read == ["2024-12-31", "ambiguous_time", "2025-03-25"]
    assert "leads.csv, at: 1 rows fit %d/%m/%Y and %m/%d/%Y; 1 only %d/%m/%Y, 1 only %m/%d/%Y" in doubt
    assert "were rejected" in doubt


@pytest.mark.parametrize(("evidence", "expected"), [("25/03/2025", "2025-04-03"), ("03/25/2025", "2025-03-04")])
def test_one_cell_that_fits_only_one_format_decides_for_the_column(
    tmp_path: Path, evidence: str, expected: str
) -> None:
    read, (doubt,) = _import(tmp_path, "03/04/2025", "03/04/2025", evidence)
    assert read[:2] == [expected, expected]
    assert "2 rows fit" in doubt
    assert "all were read by" in doubt


def test_without_evidence_rows_that_fit_several_formats_are_rejected(tmp_path: Path) -> None:
    read, (doubt,) = _import(tmp_path, "03/04/2025", "05/05/2025")
    assert read == ["ambiguous_time", "2025-05-05"]
    assert "0 only %d/%m/%Y, 0 only %m/%d/%Y" in doubt


def test_a_reading_in_the_future_is_none(tmp_path: Path) -> None:
    """The clock says 2025-10-09: 02/12/2025 can only be in February."""
    read, doubts = _import(tmp_path, "02/12/2025", "01/02/2025")
    assert read == ["2025-02-12", "2025-01-02"]
    assert "all were read by %m/%d/%Y" in doubts[0]


def test_formats_that_complete_each_other_raise_no_doubt(tmp_path: Path) -> None:
    formats = ["%d.%m.%Y %H:%M", "%d.%m.%Y", "iso"]
    read, doubts = _import(tmp_path, "03.04.2025", "03.04.2025 09:00", "2025-04-03", formats=formats)
    assert (read, doubts) == (["2025-04-03"] * 3, [])


def test_two_digit_years_are_in_doubt_too(tmp_path: Path) -> None:
    """firefly-iii: 01/02/03 may be read in three ways."""
    read, _ = _import(tmp_path, "01/02/03", formats=["%d/%m/%y", "%m/%d/%y", "%y/%m/%d"])
    assert read == ["ambiguous_time"]


def test_a_single_item_of_a_webhook_has_no_column_that_could_decide() -> None:
    with pytest.raises(RowError, match="ambiguous_time"):
        fact_of({"at": "03/04/2025"}, formats=BOTH)
    assert fact_of({"at": "25/03/2025"}, formats=BOTH).occurred_at == 1_742_860_800_000
