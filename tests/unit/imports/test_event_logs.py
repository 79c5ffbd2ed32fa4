"""Logs of events, with a type and an id in each line, become facts of several kinds with their own ids."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from streams.runtime.documents import DocumentError
from tests.builders_imports import NOW
from workers.imports.mapping import Mapping, parse_mapping
from workers.imports.preview import ImportPreview, check_import
from workers.imports.request import ImportRequest

HEAD = "source: log\nids: stable\ntables:\n  log:\n    files: '*.jsonl'\n    facts:\n"
BY_KIND = """\
      - kind: {column: type}
        event_id: event_id
        lead_id: lead
        occurred_at: at
        origin: origin
        outcome: outcome
        reason: reason
        owner_id: owner
"""
LOG: list[dict[str, Any]] = [
    {"type": "lead-created", "event_id": "e1", "lead": "L1", "at": "2024-05-01", "origin": "fair"},
    {"type": "LeadContacted", "event_id": "e2", "lead": "L1", "at": "2024-05-02", "outcome": "connected"},
    {"type": "lead.stalled", "event_id": "e3", "lead": "L1", "at": "2024-05-03", "reason": "price"},
    {"type": "deal_closed", "event_id": "e4", "lead": "L1", "at": "2024-05-04", "outcome": "won"},
    {"type": "lead-updated", "event_id": "e5", "lead": "L1", "at": "2024-05-05", "owner": "ada"},
    {"type": "mail.opened", "event_id": "e6", "lead": "L1", "at": "2024-05-06"},
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in LOG))
    return path


def preview_of(path: Path, mapping: Mapping) -> ImportPreview:
    request = ImportRequest(files=[path], mappings=[mapping])
    return check_import(request, Codec(Catalogue.bundled()).encode, lambda: NOW)


def test_the_kind_of_a_fact_can_stand_in_a_column(log: Path) -> None:
    summary = preview_of(log, parse_mapping(HEAD + BY_KIND, "log.yml")).summary
    kinds = ("lead-created", "lead-contacted", "lead-stalled", "deal-closed", "lead-updated")
    assert summary.published == dict.fromkeys(kinds, 1)
    assert (summary.without_facts, summary.rejected) == (1, 0)


def test_the_texts_of_a_kind_can_be_listed(log: Path) -> None:
    text = BY_KIND.replace("{column: type}", "{column: type, values: {mail.opened: lead-contacted}}")
    text = text.replace("        origin: origin\n", "").replace("        reason: reason\n", "")
    assert preview_of(log, parse_mapping(HEAD + text, "log.yml")).summary.published == {"lead-contacted": 1}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("{column: type, values: {x: lead-creatd}}", "did you mean 'lead-created'"),
        ("{columns: type}", "write `kind: {column"),
        ("{column: type, values: {}}", "write `values:"),
    ],
)
def test_an_invalid_column_of_kinds_is_reported(kind: str, message: str) -> None:
    with pytest.raises(DocumentError) as faults:
        parse_mapping(HEAD + BY_KIND.replace("{column: type}", kind), "log.yml")
    assert message in str(faults.value)


def test_a_field_that_no_kind_has_is_reported_once() -> None:
    with pytest.raises(DocumentError) as faults:
        parse_mapping(f"{HEAD}{BY_KIND}        orign: o\n", "log.yml")
    assert [(fault.line, fault.problem) for fault in faults.value.faults] == [(15, "there is no such key")]


def test_the_column_of_the_kind_cannot_be_a_condition_too() -> None:
    with pytest.raises(DocumentError, match="leave it out of `when:`"):
        parse_mapping(f"{HEAD}{BY_KIND}        when: {{type: x}}\n", "log.yml")


CREATED = "      - {kind: lead-created, event_id: event_id, lead_id: lead, occurred_at: at, when: %s}\n"
CONTACTED = "      - {kind: lead-contacted, event_id: event_id, lead_id: lead, occurred_at: at, when: %s}\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{type: created}", "{type: [call, mail]}"),
        ("{type: created}", "{type: {not: [Created, x]}}"),
        ("{type: {not: call}, x: y}", "{type: call}"),
        ("{called: {empty: true}}", "{called: {empty: false}}"),
    ],
)
def test_facts_whose_conditions_exclude_each_other_may_share_an_id(one: str, other: str) -> None:
    assert parse_mapping(HEAD + CREATED % one + CONTACTED % other, "log.yml").tables


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{type: [a, b]}", "{type: [b, c]}"),
        ("{type: a}", "{state: b}"),
        ("{type: a}", "{type: {not: b}}"),
        ("{type: {not: a}}", "{type: {not: b}}"),
    ],
)
def test_facts_that_one_row_may_make_cannot_share_an_id(one: str, other: str) -> None:
    with pytest.raises(DocumentError, match="conditions in `when:` that exclude each other"):
        parse_mapping(HEAD + CREATED % one + CONTACTED % other, "log.yml")


def test_several_tables_read_a_log_once(log: Path) -> None:
    facts = {"made": CREATED % "{type: lead-created}", "called": CONTACTED % "{type: LeadContacted}"}
    tables = "".join(f"  {name}:\n    files: '*.jsonl'\n    facts:\n{fact}" for name, fact in facts.items())
    summary = preview_of(log, parse_mapping(f"source: log\nids: stable\ntables:\n{tables}", "log.yml")).summary
    assert (summary.files, summary.rows, summary.without_facts) == (1, 6, 4)
    assert summary.published == {"lead-created": 1, "lead-contacted": 1}
