"""Which file belongs to which table."""

import os
from pathlib import Path

import pytest

from workers.imports.errors import ImportFailure
from workers.imports.file_assignment import AssignedFile, assign
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


@pytest.mark.parametrize(
    ("pattern", "name", "is_matched"),
    [
        ("export[1].csv", "export[1].csv", True),
        ("export[1].csv", "export1.csv", False),
        ("leads [EU]*.csv", "Leads [eu] 2026.csv", True),
        ("[!a]*.csv", "b.csv", False),
        ("leads-?.csv", "leads-1.csv", True),
        ("leads-*.csv", "leads-1.csv.gz", True),
        ("leads-*.csv", "leads-1.CSV.GZ", True),
        ("leads-*.csv.gz", "leads-1.csv.gz", True),
        ("leads-*.csv", "leads-1.csv.zip", False),
    ],
)
def test_a_pattern_is_literal_except_for_stars_and_question_marks(
    tmp_path: Path, pattern: str, name: str, is_matched: bool
) -> None:
    (tmp_path / name).write_text("id,at\n")
    mapping = _mapping(leads=pattern, other="nothing")
    if is_matched:
        assert _names(assign([tmp_path], [mapping])) == [(name, "leads")]
    else:
        with pytest.raises(ImportFailure, match="no file in"):
            assign([tmp_path], [mapping])


@pytest.mark.parametrize("name", ["._leads-1.csv", "~$leads.xlsx"])
def test_companion_and_lock_files_are_left_out_of_folders_and_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\0\5\x16\7")
    mapping = _mapping(leads="*leads*")
    assert [found for found, _ in _names(assign([folder], [mapping]))] == ["leads-1.csv", "leads-2.csv"]
    with pytest.raises(ImportFailure, match="leave out"):
        assign([folder / name], [mapping])


def _conditional(kind: str, **table: object) -> dict[str, object]:
    facts = [{**FACTS[0], "kind": kind, "event_id": "id", "when": {"type": kind}}]
    return {"files": "*.csv", "facts": facts, **table}


def test_several_tables_read_one_file_if_conditions_tell_their_rows_apart(folder: Path) -> None:
    tables = {"a": _conditional("lead-created"), "b": _conditional("lead-contacted")}
    mapping = Mapping.model_validate({"source": "crm", "tables": tables})
    (found,) = assign([folder / "leads-1.csv"], [mapping])
    assert found.name == "a and b"
    assert [fact.kind for fact in found.table.facts] == ["lead-created", "lead-contacted"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"delimiter": ";"}, "they must agree in `delimiter:`"),
        ({"facts": [{**FACTS[0], "event_id": "id", "when": {"x": "y"}}]}, "would share one event_id"),
        ({"facts": FACTS}, "or write with `when:`"),
    ],
)
def test_tables_of_one_file_that_do_not_fit_together_are_an_import_failure(
    folder: Path, other: dict[str, object], message: str
) -> None:
    tables = {"a": _conditional("lead-created"), "b": {**_conditional("lead-contacted"), **other}}
    mapping = Mapping.model_validate({"source": "crm", "tables": tables})
    with pytest.raises(ImportFailure, match=message):
        assign([folder / "leads-1.csv"], [mapping])
