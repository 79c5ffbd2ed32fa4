"""Mapping documents: what is right is read, what is wrong is named with its line and what to write."""

from pathlib import Path

import pytest

from streams.runtime.documents import DocumentError
from workers.demo.generated_history import history_mapping
from workers.imports.mapping import load_mapping, parse_mapping

REPOSITORY = Path(__file__).parents[3]
HEAD = "source: crm\ntables:\n  leads:\n    files: leads.csv\n"
FACT = "    facts:\n      - kind: lead-created\n        lead_id: id\n        occurred_at: at\n"


def test_a_mapping_without_optional_keys_is_valid() -> None:
    mapping = parse_mapping(HEAD + FACT, "crm.yml")
    assert mapping.tables["leads"].facts[0].lead_id.column == "id"


def test_numbers_in_yaml_are_read_as_texts_where_texts_are_expected() -> None:
    mapping = parse_mapping(f"{HEAD}{FACT}        origin: {{column: o, values: {{2: ads, true: 3}}}}\n", "crm.yml")
    assert mapping.tables["leads"].facts[0].origin.values == {"2": "ads", "true": "3"}  # type: ignore[union-attr]  # it is a lead-created


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("        orign: o", "there is no such key; did you mean 'origin'?"),
        ("        outcome: o", "there is no such key; write one of: account_id"),
        ("        origin: {colum: o}", "did you mean 'column'?"),
        ("        origin: {column: o, constant: x}", "either `column:` or `constant:`"),
        ("        origin: {column: o, values: {a: b, A: c}}", "two keys differ only in case"),
        ("        do_not_contact: {column: o, empty: perhaps}", "perhaps"),
        ("        event_id: {column: o, values: {a: b}}", "an id is not translated"),
        ("        recorded_at: {column: o, formats: '%d.%m'}", "is not a format"),
        ("        recorded_at: {column: o, formats: '%Y'}", "has no year and month"),
        ("        recorded_at: {column: o, formats: '%Y-%m-%d %Z'}", "%Z cannot be read reliably"),
        ("        recorded_at: {column: o, zone: Europe/Berln}", "'Europe/Berln' is not a time zone"),
        ("        recorded_at: {column: o, zone: ../../etc/passwd}", "is not a time zone"),
        ("        when: {status: {}}", "the condition is empty"),
        ("        expected_amount: {column: o, digits: 9}", "9 does not fit"),
        ("    encoding: utf-9", "'utf-9' is not an encoding"),
        ("    encoding: rot13", "'rot13' is not an encoding"),
        ("    delimiter: ', '", "does not fit"),
        ('    delimiter: "\\n"', "cannot separate values"),
    ],
)
def test_an_error_is_reported_with_its_line_and_a_fix(line: str, message: str) -> None:
    with pytest.raises(DocumentError) as faults:
        parse_mapping(HEAD + FACT + line, "crm.yml")
    assert message in str(faults.value)
    assert "crm.yml:9: " in str(faults.value)


@pytest.mark.parametrize(
    ("kind", "message"), [("lead-creatd", "did you mean 'lead-created'?"), ("lead-recycled", "is not a kind of fact")]
)
def test_an_unknown_kind_of_fact_is_reported(kind: str, message: str) -> None:
    with pytest.raises(DocumentError) as faults:
        parse_mapping((HEAD + FACT).replace("lead-created", kind), "crm.yml")
    assert message in str(faults.value)
    assert str(faults.value).startswith("crm.yml:6: ")


def test_values_that_a_field_does_not_accept_are_reported() -> None:
    text = HEAD + FACT.replace("lead-created", "lead-contacted")
    with pytest.raises(DocumentError, match="did you mean 'connected'"):
        parse_mapping(f"{text}        outcome: {{column: o, values: {{x: conected}}}}\n", "crm.yml")


def test_two_facts_of_a_row_cannot_share_an_id() -> None:
    named = FACT + "        event_id: no\n"
    text = HEAD + named + named.replace("    facts:\n", "").replace("lead-created", "lead-contacted")
    with pytest.raises(DocumentError, match="share one event_id"):
        parse_mapping(text, "crm.yml")


@pytest.mark.parametrize("text", ["", "source: crm\ntables: {}\n", HEAD + "    facts: []\n"])
def test_a_missing_key_is_reported(text: str) -> None:
    with pytest.raises(DocumentError):
        parse_mapping(text, "crm.yml")


def test_all_errors_are_reported_at_once() -> None:
    with pytest.raises(DocumentError) as faults:
        parse_mapping(f"zone: Nowhere\n{HEAD}{FACT}        orign: o\n", "crm.yml")
    assert len(faults.value.faults) == 2


def test_the_example_mappings_are_valid() -> None:
    paths = sorted((REPOSITORY / "deploy/config/mappings").glob("*.yml"))
    assert paths
    for path in paths:
        assert load_mapping(path).tables
    assert history_mapping().source == "demo-crm"
