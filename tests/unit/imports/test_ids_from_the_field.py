"""Ids and words as exports contain them: one lead stays one lead, or the row is rejected.

After public reports: pandas-dev/pandas#28335 (4711.0), forcedotcom/cli#3367 (scientific notation),
opengovsg/postmangovsg#88 and nowthis/sankeymatic#54 (characters that nobody sees), mautic/mautic#5149 (case),
espocrm/espocrm#1442 (several ids),
pagermon/pagermon#440 (leading zeros), forcedotcom/SalesforceMobileSDK-Android#1418 (15 and 18 characters),
unmade/shelf-back#50 (decomposed letters), esitarski/CrossMgr#120 (a leading apostrophe).
"""

import io
from pathlib import Path
from unicodedata import normalize

import msgspec
import pytest

from schemas.json_value import JsonValue
from tests.builders_imports import (
    CLOSED,
    CONTACTED,
    CREATED,
    STALLED,
    UPDATED,
    a_mapping,
    a_recipe,
    cells_of,
    fact_of,
    facts_of,
)
from workers.imports.errors import RowError
from workers.imports.id_doubts import IdDoubts
from workers.imports.mapping import parse_mapping
from workers.imports.rows import read_jsonl


@pytest.mark.parametrize(
    "cell",
    ["4711", " 4711 ", "4711\u200b", "\ufeff4711", "4711\u00ad", "\u200f4711", '="4711"', "'4711", 4711, 4711.0],
)
def test_one_lead_has_one_id_however_it_is_written(cell: JsonValue) -> None:
    assert fact_of({"id": cell}).lead_id == "4711"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1.23457E+12", "rounded_id"),
        ("4.892E+092", "rounded_id"),
        ("501;777", "several_ids"),
        ("47\u200b11", "invisible_character"),
        (1.2345678901234568e23, "rounded_number"),
        (9007199254740994.0, "rounded_number"),
        ("undefined", "no_id"),
        (False, "no_id"),
        (0, "no_id"),
        (0.0, "no_id"),
        ("0", "no_id"),
        ("#N/A", "empty"),
        ("'", "empty"),
        ('=""', "empty"),
        ("\u200b", "empty"),
    ],
)
@pytest.mark.parametrize("column", ["id", "no"])
def test_an_id_that_is_rounded_or_several_rejects_the_row(cell: JsonValue, reason: str, column: str) -> None:
    with pytest.raises(RowError) as error:
        fact_of({"no": "1", column: cell}, {**CREATED, "event_id": "no"})
    assert (error.value.reason, error.value.column) == (reason, column)


def test_a_json_number_beyond_64_bits_rejects_the_row() -> None:
    ((_, cells, _),) = read_jsonl(io.StringIO('{"id": 123456789012345678901234}'), ["id"])
    assert not isinstance(cells, RowError)
    with pytest.raises(RowError, match="rounded_number"):
        fact_of({"id": cells[0]})
    assert fact_of({"id": msgspec.json.decode(b"9223372036854775807")}).lead_id == "9223372036854775807"


SPLIT = {**CREATED, "lead_id": {"column": "id", "prefix": "hubspot/", "split": ";"}}


@pytest.mark.parametrize(
    ("cell", "ids"),
    [
        ("501;777", ["hubspot/501", "hubspot/777"]),
        (" 501 ; 777 ;", ["hubspot/501", "hubspot/777"]),
        ("501;501", ["hubspot/501"]),
        ("501", ["hubspot/501"]),
    ],
)
def test_a_cell_with_several_ids_becomes_one_fact_for_each(cell: str, ids: list[str]) -> None:
    made = facts_of({"id": cell}, SPLIT)
    assert [fact.lead_id for fact in made] == ids
    assert len({fact.event_id for fact in made}) == len(ids)


def test_the_facts_of_a_split_cell_are_those_of_single_rows() -> None:
    single = {**CREATED, "lead_id": {"column": "id", "prefix": "hubspot/"}}
    together = [fact.event_id for fact in facts_of({"id": "501;777"}, SPLIT)]
    assert together == [fact_of({"id": one}, single).event_id for one in ("501", "777")]


def test_an_event_id_of_a_split_row_ends_with_the_lead() -> None:
    made = facts_of({"id": "501;777", "no": "9"}, {**SPLIT, "event_id": "no"})
    assert [fact.event_id for fact in made] == ["9/hubspot/501", "9/hubspot/777"]


@pytest.mark.parametrize(("cell", "reason"), [("", "empty"), (" ; ", "empty"), ("1;2.3E+12", "rounded_id")])
def test_a_split_cell_without_ids_or_with_a_rounded_one_rejects_the_row(cell: str, reason: str) -> None:
    with pytest.raises(RowError, match=reason):
        facts_of({"id": cell}, SPLIT)


@pytest.mark.parametrize(
    ("options", "one", "other"),
    [
        ({"fold": True}, "ada@example.com", "Ada@Example.com "),
        ({"pad": 8}, "00004711", "4711"),
        ({"salesforce": True}, "00Q5e000009AbCdEAK", "00Q5e000009AbCd"),
        ({"salesforce": True, "fold": True}, "00Q5e000009AbCdEAK", "00Q5E000009ABCDEAK"),
        ({}, "M\u00fcller", "Mu\u0308ller"),
    ],
)
def test_a_mapping_brings_ids_into_one_form(options: dict[str, object], one: str, other: str) -> None:
    part = {**CREATED, "lead_id": {"column": "id", **options}}
    assert fact_of({"id": one}, part).lead_id == fact_of({"id": other}, part).lead_id


def test_without_fold_ids_are_told_apart_by_case() -> None:
    assert fact_of({"id": "ada@example.com"}).lead_id != fact_of({"id": "Ada@Example.com"}).lead_id


def test_what_is_no_salesforce_id_rejects_the_row() -> None:
    with pytest.raises(RowError, match="15 or 18"):
        fact_of({"id": "4711"}, {**CREATED, "lead_id": {"column": "id", "salesforce": True}})


TOO_DEAR = "Zu teuer für Müller"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("other", ["NFC", "NFD"])
def test_words_of_files_and_mappings_are_compared_composed(form: str, other: str) -> None:
    text = f"""
        source: t
        tables:
          t:
            files: "*"
            empty_values: [für nichts]
            facts:
              - kind: lead-stalled
                when: {{Größe: {{not: [ähnlich]}}}}
                lead_id: id
                occurred_at: at
                reason: {{column: Größe, values: {{{TOO_DEAR}: grün}}}}
    """
    mapping = parse_mapping(normalize(other, text), "t.yml")  # type: ignore[arg-type]  # a form
    part = mapping.tables["t"].facts[0].model_dump(by_alias=True, exclude_unset=True)
    cell = normalize(form, f" {TOO_DEAR.upper()}\u200b")  # type: ignore[arg-type]  # a form
    made = fact_of({"Größe": cell}, part)
    assert made.reason == "grün"


def test_texts_are_composed_whatever_their_form_in_the_file() -> None:
    made = fact_of({"why": normalize("NFD", "Größe")}, STALLED)
    assert made.reason == "Größe"
    assert made.event_id == fact_of({"why": "Größe"}, STALLED).event_id


def test_columns_are_found_as_they_appear(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(f"\ufeffid\u200b,Created\u200b on,Closed\u00a0on,{normalize('NFD', 'Größe')}\n1,2,3,4\n", "utf-8")
    columns = ("id", "Created on", "Closed on", "Größe")
    assert cells_of(path, columns) == [("1", "2", "3", "4")]


def test_names_of_json_are_found_in_both_forms() -> None:
    for name in (normalize("NFC", "Größe"), normalize("NFD", "Größe")):
        line = msgspec.json.encode({name: "x"}).decode()
        assert next(read_jsonl(io.StringIO(line), ["Größe"]))[1] == ["x"]


def _doubts(*ids: str, is_created: bool = True) -> list[str]:
    doubts = IdDoubts()
    for one in ids:
        doubts.add_all([one], [one] if is_created else [])
    return list(doubts.sentences())


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        (["4711.0", "4712.0", "4713"], "2 ids end in .0 (4711.0, 4712.0)"),
        (["ada@x.de", "Ada@X.de", "bob"], "1 ids differ from another only by case (ada@x.de and Ada@X.de)"),
        (["n/a"] * 6 + ["L1"], "1 leads were created 6 times or more (n/a)"),
        (["4711.00", "v1.20"], "1 ids end in .0 (4711.00)"),
        (
            ["01-Mar", "Mar-01", "2-Okt", "2026-03-01", "MARCH1", "A-12"],
            "4 ids look like dates (01-Mar, Mar-01, 2-Okt, …)",
        ),
    ],
)
def test_ids_that_are_doubtful_as_a_whole_are_reported(ids: list[str], sentence: str) -> None:
    (found,) = _doubts(*ids)
    assert sentence in found


def test_an_id_after_the_most_is_compared_with_those_before() -> None:
    doubts = IdDoubts(most=2)
    for ids in (["A1", "b"], ["c", "a1", "C"]):
        doubts.add_all(ids, ids * 6)
    assert [sentence.partition(" (")[2].partition(")")[0] for sentence in doubts.sentences()] == ["A1 and a1", "A1, b"]


def test_ids_without_doubt_are_not_reported() -> None:
    assert _doubts("L1", "L1", "l-2", "4711", "v1.2", "4711") == []
    assert _doubts(*["L1"] * 20, is_created=False) == []


@pytest.mark.parametrize(
    "error", ["#N/A", "#n/a", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NV", "#WERT!", "#BEZUG!", "#¡REF!", "#N/D"]
)
def test_an_error_of_a_spreadsheet_is_an_empty_cell_in_every_field(error: str) -> None:
    row = {"owner": error, "next": error, "name": "#1 Ltd"}
    contacted = {**CONTACTED, "owner_id": "owner", "next_step_at": "next"}
    contact = fact_of(row, contacted)
    assert (contact.owner_id, contact.next_step_at) == ("", None)
    assert facts_of({"at": error}, {**CREATED, "occurred_at": {"column": "at", "empty": "skip"}}) == []
    assert fact_of({"name": "#1 Ltd"}, {**CREATED, "origin": "name"}).origin == "#1 Ltd"


def test_rows_without_an_id_can_be_passed_over() -> None:
    skipped = {**CREATED, "lead_id": {"column": "id", "empty": "skip"}}
    assert facts_of({"id": "null"}, skipped, empty_values=["NULL"]) == []


def test_a_row_without_an_id_names_the_facts_that_are_lost_with_it() -> None:
    row = {"at": "2025-03-02", "won": "yes", "id": ""}
    won = {**CLOSED, "when": {"won": "yes"}}
    lost = {**CONTACTED, "when": {"won": "no"}}
    mapping = a_mapping(CREATED, won, lost, {**UPDATED, "owner_id": "o"})
    converter = a_recipe(mapping)
    assert converter.kinds([row.get(column) for column in converter.columns]) == (
        "lead-created",
        "deal-closed",
        "lead-updated",
    )
