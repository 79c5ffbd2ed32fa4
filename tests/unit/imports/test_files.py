"""Which file belongs to which table."""

import os
from pathlib import Path

import pytest

from workers.imports.errors import ImportFailure
from workers.imports.files import AssignedFile, assign
from workers.imports.mapping import Mapping

FACTS = [{"kind": "lead-created", "lead_id": "id", "occurred_at": "at"}]


def _mapping(**files: object) -> Mapping:
    tables = {name: {"files": patterns, "facts": FACTS} for name, patterns in files.items()}
    return Mapping.model_validate({"source": "crm", "tables": tables})


def _names(found: list[AssignedFile]) -> list[tuple[str, str]]:
    return [(given.path.name, given.name) for given in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("leads-1.csv", "leads-2.csv", "Deals.CSV", "notes.txt"):
        (tmp_path / name).write_text("id,at\n")
    (tmp_path / "leads-old.csv").mkdir()
    return tmp_path


LEADS_AND_DEALS = _mapping(leads=["leads*.csv"], deals="deals*")


def test_a_folder_is_replaced_by_its_files_that_match_a_table(folder: Path) -> None:
    assert _names(assign([folder], [LEADS_AND_DEALS])) == [
        ("Deals.CSV", "deals"),
        ("leads-1.csv", "leads"),
        ("leads-2.csv", "leads"),
    ]


def test_a_file_given_twice_is_read_once(folder: Path) -> None:
    link = folder / "leads-link.csv"
    link.symlink_to(folder / "leads-1.csv")
    given = [folder / "leads-1.csv", folder / ".." / folder.name / "leads-1.csv", link]
    assert _names(assign(given, [LEADS_AND_DEALS])) == [("leads-1.csv", "leads")]


def test_files_are_matched_with_the_tables_of_all_mappings(folder: Path) -> None:
    found = assign([folder / "leads-1.csv", folder / "Deals.CSV"], [_mapping(a="leads*"), _mapping(b="deals*")])
    assert _names(found) == [("leads-1.csv", "a"), ("Deals.CSV", "b")]


def test_a_single_table_reads_any_file_given_by_its_path(folder: Path) -> None:
    assert _names(assign([folder / "notes.txt"], [_mapping(leads="leads*")])) == [("notes.txt", "leads")]


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing.csv", "does not exist"), ("notes.txt", "leads reads leads"), ("leads-old.csv", "no file in")],
)
def test_a_path_that_cannot_be_read_is_an_import_failure(folder: Path, name: str, message: str) -> None:
    with pytest.raises(ImportFailure, match=message):
        assign([folder / name], [LEADS_AND_DEALS])


def test_a_pipe_is_an_import_failure(folder: Path) -> None:
    os.mkfifo(folder / "leads-piped.csv")
    with pytest.raises(ImportFailure, match="copy it to one first"):
        assign([folder / "leads-piped.csv"], [LEADS_AND_DEALS])


def test_a_file_that_matches_two_tables_is_an_import_failure(folder: Path) -> None:
    with pytest.raises(ImportFailure, match="crm/a and crm/b"):
        assign([folder / "leads-1.csv"], [_mapping(a="leads*", b="*.csv")])
