"""Amounts of rows: the minor digits of their currency, and doubts.

After public reports: alexmorrisnz/moodle-paygw_stripe#2 and moneyphp/money#684 (yen), actualbudget/actual#2143 and
numbro#414 (1.250), firefly-iii/firefly-iii#4106 (1'000'000,00).
"""

import pytest

from schemas.json_value import JsonValue
from tests.builders_imports import CLOSED, CREATED, UPDATED, fact_of
from workers.imports.errors import RowError

DEAL = {**CLOSED, "amount": "worth", "currency": "cur"}


@pytest.mark.parametrize(
    ("worth", "currency", "minor"),
    [
        ("5000", "JPY", 5_000),
        ("5000", "EUR", 500_000),
        ("5.000", "KWD", 5_000),
        ("5,000", "jpy", 5_000),
        (5000, "JPY", 5_000),
        (5000.5, "EUR", 500_050),
        ("12.5", "", 1_250),
        ("", "JPY", None),
    ],
)
def test_the_minor_digits_follow_the_currency_of_the_row(worth: JsonValue, currency: str, minor: int | None) -> None:
    made = fact_of({"worth": worth, "cur": currency}, DEAL)
    assert made.amount == minor


def test_the_currency_may_be_translated_constant_or_beside_the_amount() -> None:
    translated = {**DEAL, "currency": {"column": "cur", "values": {"Yen": "JPY"}}}
    assert fact_of({"worth": "5000", "cur": "yen"}, translated).amount == 5_000
    assert fact_of({"worth": "5000"}, {**DEAL, "currency": {"constant": "JPY"}}).amount == 5_000
    update = {**UPDATED, "expected_amount": "worth", "currency": "cur"}
    assert fact_of({"worth": "5000", "cur": "JPY"}, update).expected_amount == 5_000
    created = {**CREATED, "expected_amount": {"column": "worth", "currency": "cur"}}
    assert fact_of({"worth": "5000", "cur": "JPY"}, created).expected_amount == 5_000


def test_digits_of_the_mapping_apply_whatever_the_currency() -> None:
    cents = {**DEAL, "amount": {"column": "worth", "digits": 0}}
    assert fact_of({"worth": "125050", "cur": "EUR"}, cents).amount == 125_050


@pytest.mark.parametrize(("worth", "reason"), [("1.250", "doubtful_number"), ("12.500", "doubtful_number")])
def test_three_digits_behind_the_sign_are_questioned(worth: str, reason: str) -> None:
    with pytest.raises(RowError, match="grouped: false") as error:
        fact_of({"worth": worth, "cur": "EUR"}, DEAL)
    assert (error.value.reason, error.value.column) == (reason, "worth")
    plain = {**DEAL, "amount": {"column": "worth", "grouped": False}}
    assert fact_of({"worth": "1.250", "cur": "EUR"}, plain).amount == 125


def test_an_invalid_currency_rejects_the_row_with_its_own_column() -> None:
    with pytest.raises(RowError, match="three letters") as error:
        fact_of({"worth": "5", "cur": "Euro"}, DEAL)
    assert error.value.column == "cur"


def test_an_amount_in_another_currency_than_the_row_is_rejected() -> None:
    with pytest.raises(RowError, match="the amount is in USD, the row in EUR"):
        fact_of({"worth": "USD 5", "cur": "EUR"}, DEAL)


def test_the_currency_of_a_fallback_amount_counts_too() -> None:
    either = {**DEAL, "amount": {"column": ["worth", "estimate"]}}
    assert fact_of({"worth": "", "estimate": "5000", "cur": "JPY"}, either).amount == 5_000
