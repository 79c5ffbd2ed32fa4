"""Cells become values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.json_value import JsonValue
from tests.builders_imports import CLOSED, CONTACTED, CREATED, STALLED, fact_of
from workers.imports.errors import RowError

MONEY = {**CREATED, "expected_amount": "money"}
GERMAN = {**CREATED, "expected_amount": {"column": "money", "decimal": ","}}
YEN = {**CREATED, "expected_amount": {"column": "money", "digits": 0}}


@pytest.mark.parametrize(
    ("mapping", "cell", "minor"),
    [
        (MONEY, "1234.56", 123_456),
        (MONEY, "1,234.56", 123_456),
        (MONEY, "$ 1,234", 123_400),
        (MONEY, "-12.5", -1_250),
        (MONEY, "0.125", 13),
        (MONEY, ".5", 50),
        (MONEY, 99.99, 9_999),
        (MONEY, 100, 10_000),
        (MONEY, 1e3, 100_000),
        (GERMAN, "1.234,56", 123_456),
        (GERMAN, "1\u00a0234,56 €", 123_456),
        (GERMAN, "1'234'567,8", 123_456_780),
        (YEN, "1,000", 1_000),
        (MONEY, "", None),
    ],
)
def test_amounts_are_converted_to_minor_units(mapping: dict[str, object], cell: JsonValue, minor: int | None) -> None:
    assert fact_of({"money": cell}, mapping).expected_amount == minor


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1.234,56", "not_a_number"),
        ("12,34", "not_a_number"),
        ("abc", "not_a_number"),
        ("€", "not_a_number"),
        ("1e5", "not_a_number"),
        ("9" * 5_000, "not_a_number"),
        ("99999999999999999999", "out_of_range"),
        (1e300, "not_a_number"),
        (float("inf"), "not_a_number"),
        (True, "not_a_number"),
        ([1], "nested"),
    ],
)
def test_amounts_that_are_not_numbers_are_rejected(cell: JsonValue, reason: str) -> None:
    with pytest.raises(RowError) as error:
        fact_of({"money": cell}, MONEY)
    assert (error.value.reason, error.value.column) == (reason, "money")


@given(st.text() | st.integers() | st.floats() | st.none())
def test_any_cell_becomes_an_amount_or_rejects_the_row(cell: JsonValue) -> None:
    try:
        amount = fact_of({"money": cell}, MONEY).expected_amount
    except RowError:
        return
    assert amount is None or -(2**63) < amount < 2**63


def test_text_is_trimmed_and_otherwise_unchanged() -> None:
    assert fact_of({"o": " Paid  Search "}, {**CREATED, "origin": "o"}).origin == "Paid  Search"


def test_numbers_and_booleans_of_json_become_texts_in_text_fields() -> None:
    assert fact_of({"id": 123, "o": True}, {**CREATED, "origin": "o"}).lead_id == "123"
    assert fact_of({"o": True}, {**CREATED, "origin": "o"}).origin == "true"


def test_values_are_looked_up_without_case() -> None:
    outcome = {"column": "o", "values": {"No Answer": "no_answer"}}
    assert fact_of({"o": " NO ANSWER "}, {**CONTACTED, "outcome": outcome}).outcome == "no_answer"


def test_a_value_that_is_not_in_the_table_is_rejected_with_its_column() -> None:
    with pytest.raises(RowError, match="add it to `values:`") as error:
        fact_of({"o": "Fax"}, {**CONTACTED, "outcome": {"column": "o", "values": {"a": "busy"}}})
    assert (error.value.column, error.value.value) == ("o", "Fax")


def test_a_value_that_is_not_in_the_table_can_be_kept_or_replaced() -> None:
    by = {"column": "o", "values": {"x": "y"}}
    assert fact_of({"o": "Fax"}, {**CREATED, "origin": {**by, "otherwise": "keep"}}).origin == "Fax"
    assert fact_of({"o": "Fax"}, {**CREATED, "origin": {**by, "otherwise": "other"}}).origin == "other"


def test_allowed_values_of_a_field_need_no_table() -> None:
    assert fact_of({"o": "Connected"}, {**CONTACTED, "outcome": "o"}).outcome == "connected"
    with pytest.raises(RowError, match="no_answer"):
        fact_of({"o": "Fax"}, {**CONTACTED, "outcome": "o"})


def test_an_empty_cell_is_absent_or_a_value_or_rejected_as_the_mapping_says() -> None:
    assert fact_of({"o": ""}, {**CREATED, "origin": "o"}).origin == ""
    assert fact_of({"o": " "}, {**CREATED, "origin": {"column": "o", "empty": "unknown"}}).origin == "unknown"
    with pytest.raises(RowError, match="empty"):
        fact_of({"o": None}, {**CREATED, "origin": {"column": "o", "empty": "reject"}})


def test_a_table_can_declare_other_texts_to_be_empty() -> None:
    assert fact_of({"o": "n/a"}, {**CREATED, "origin": "o"}, empty_values=["N/A", "-"]).origin == ""


@pytest.mark.parametrize("cell", ["yes", "TRUE", "1", 1, True, "x"])
def test_booleans_are_read_in_their_usual_spellings(cell: JsonValue) -> None:
    assert fact_of({"f": cell}, {**CREATED, "do_not_contact": "f"}).do_not_contact is True


def test_booleans_are_read_by_a_table() -> None:
    words = {"column": "f", "values": {"gesperrt": True, "frei": False}}
    assert fact_of({"f": "Gesperrt"}, {**CREATED, "do_not_contact": words}).do_not_contact is True
    with pytest.raises(RowError):
        fact_of({"f": "yes"}, {**CREATED, "do_not_contact": words})


@pytest.mark.parametrize(
    ("lead_id", "reason"),
    [("", "empty"), ("  ", "empty"), (None, "empty"), ("x" * 129, "too_long"), ("a\nb", "control_character"),
     ("a\0", "control_character"), ({"a": 1}, "nested")],
)  # fmt: skip
def test_an_invalid_lead_id_is_rejected(lead_id: JsonValue, reason: str) -> None:
    with pytest.raises(RowError) as error:
        fact_of({"id": lead_id})
    assert (error.value.reason, error.value.column) == (reason, "id")


@pytest.mark.parametrize("how", [{}, {"values": {"a": "b"}, "otherwise": "keep"}, {"prefix": "from "}])
def test_a_text_beyond_the_limit_is_rejected_with_its_column(how: dict[str, object]) -> None:
    with pytest.raises(RowError, match="256 are allowed") as error:
        fact_of({"o": "x" * 257}, {**CREATED, "origin": {"column": "o", **how}})
    assert (error.value.reason, error.value.column) == ("too_long", "o")


def test_a_note_may_be_long() -> None:
    assert fact_of({"n": "x" * 2_000, "why": "timing"}, {**STALLED, "note": "n"}).note == "x" * 2_000


def test_a_note_may_contain_line_breaks() -> None:
    assert fact_of({"n": "one\ntwo", "why": "timing"}, {**STALLED, "note": "n"}).note == "one\ntwo"


def test_a_currency_is_a_code_of_three_letters() -> None:
    assert fact_of({"c": "eur"}, {**CLOSED, "currency": "c"}).currency == "EUR"
    with pytest.raises(RowError, match="such as EUR"):
        fact_of({"c": "€"}, {**CLOSED, "currency": "c"})
