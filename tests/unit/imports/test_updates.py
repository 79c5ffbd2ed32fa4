"""Rows become changes without a touch: what they change, what they leave as it is, and when they are no fact."""

from typing import Any

import pytest

from schemas.events import LeadUpdated
from schemas.json_value import JsonValue
from streams.runtime.documents import DocumentError
from tests.builders_imports import CREATED, UPDATED, fact_of, facts_of
from workers.imports.errors import RowError
from workers.imports.mapping import parse_mapping

OWNER: dict[str, Any] = {**UPDATED, "owner_id": "owner"}
HEAD = "source: crm\ntables:\n  leads:\n    files: a\n    facts:\n"
FACT = "      - kind: lead-updated\n        lead_id: id\n        occurred_at: at\n"


YES: tuple[JsonValue, ...] = ("yes", " Y ", "TRUE", "t", "1", 1, True, "x", "on")
NO: tuple[JsonValue, ...] = ("no", "n", "False", "f", "0", 0, False, "off")


@pytest.mark.parametrize(("cell", "flag"), [*((cell, True) for cell in YES), *((cell, False) for cell in NO)])
def test_an_opt_out_and_a_consent_are_read_as_people_write_them(cell: JsonValue, flag: bool) -> None:
    made = fact_of({"what": cell}, {**UPDATED, "do_not_contact": "what", "consent": "what"})
    assert made.do_not_contact == ("yes" if flag else "no")
    assert made.consent == ("granted" if flag else "withdrawn")
    assert fact_of({"what": cell}, {**CREATED, "do_not_contact": "what"}).do_not_contact is flag


@pytest.mark.parametrize(("cell", "consent"), [("Granted", "granted"), ("withdrawn", "withdrawn")])
def test_a_consent_has_words_of_its_own(cell: str, consent: str) -> None:
    assert fact_of({"what": cell}, {**UPDATED, "consent": "what"}).consent == consent
    with pytest.raises(RowError, match="unknown_value"):
        fact_of({"what": cell}, {**UPDATED, "do_not_contact": "what"})


def test_a_mapping_translates_the_words_of_a_system() -> None:
    mapped = {
        **UPDATED,
        "consent": {"column": "news", "values": {"Subscribed": "granted", "None": "withdrawn"}},
        "do_not_contact": {"column": "state", "values": {"blocked": "yes", "free": False}},
    }
    made = fact_of({"news": "subscribed", "state": "Free"}, mapped)
    assert (made.consent, made.do_not_contact) == ("granted", "no")
    with pytest.raises(RowError, match="unknown_value") as error:
        fact_of({"news": "yes", "state": "free"}, mapped)
    assert error.value.column == "news"


@pytest.mark.parametrize(
    ("name", "constant", "value"),
    [
        ("do_not_contact", True, "yes"),
        ("do_not_contact", "no", "no"),
        ("consent", "withdrawn", "withdrawn"),
        ("consent", True, "granted"),
        ("owner_id", "ann", "ann"),
        ("owner_id", "", ""),
        ("expected_amount", 500, 500),
    ],
)
def test_a_mapping_can_write_the_same_change_for_every_row(name: str, constant: object, value: object) -> None:
    assert getattr(fact_of({}, {**UPDATED, name: {"constant": constant}}), name) == value


def test_an_empty_column_leaves_a_value_as_it_is_unless_the_mapping_removes_it() -> None:
    kept = fact_of({"owner": "", "segment": "smb"}, {**OWNER, "segment": "segment"})
    assert (kept.owner_id, kept.segment, kept.do_not_contact, kept.consent) == (None, "smb", "unchanged", "unchanged")
    removed = fact_of({"owner": ""}, {**UPDATED, "owner_id": {"column": "owner", "empty": "", "prefix": "crm/"}})
    assert removed.owner_id == ""
    mapped = {**UPDATED, "owner_id": {"column": "owner", "values": {"nobody": ""}, "otherwise": "keep"}}
    assert [fact_of({"owner": owner}, mapped).owner_id for owner in ("Nobody", "ann")] == ["", "ann"]


def test_a_row_that_changes_nothing_is_no_fact() -> None:
    mapped = {**OWNER, "do_not_contact": "blocked", "currency": "currency"}
    assert facts_of({}, mapped) == []
    assert facts_of({"currency": "EUR"}, mapped) == []
    assert [type(fact) for fact in facts_of({"blocked": "no"}, mapped)] == [LeadUpdated]


def test_the_id_of_a_change_depends_on_what_it_changes() -> None:
    removing = {**UPDATED, "owner_id": {"column": "owner", "empty": ""}}
    ids = [fact_of({"owner": owner}, removing).event_id for owner in ("ann", "bob", "", "ann")]
    assert len(set(ids)) == 3
    assert ids[0] == ids[3] == fact_of({"owner": "ann"}, OWNER).event_id


def test_a_row_can_retract_an_earlier_report() -> None:
    mapped = {**UPDATED, "retracts": {"column": "call", "prefix": "calls/"}}
    assert fact_of({"call": "42"}, mapped).retracts == "calls/42"
    assert facts_of({"call": ""}, mapped) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "a lead-updated needs a change"),
        ("currency: c", "a lead-updated needs a change"),
        ("origin: o", "origin"),
        ("consent: {column: c, values: {a: perhaps}}", "consent"),
        ("do_not_contact: {constant: perhaps}", "do_not_contact"),
    ],
)
def test_a_mapping_that_cannot_change_a_lead_is_reported(line: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message) as faults:
        parse_mapping(f"{HEAD}{FACT}        {line}\n", "crm.yml")
    assert str(faults.value).startswith("crm.yml:")
