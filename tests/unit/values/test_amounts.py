"""Amounts as they are written in many countries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.values.amounts import AmountReader, NotAnAmount
from workers.values.currencies import CODES, minor_digits


@pytest.mark.parametrize(
    ("decimal", "text", "minor"),
    [
        (".", "1'234.50", 123_450),
        (".", "1\u2019234.50", 123_450),
        (".", "CHF-1\u2019234.50", -123_450),
        (".", "1,23,456.00", 12_345_600),
        (".", "₹ 12,34,567.89", 123_456_789),
        (",", "1.234.567", 123_456_700),
        (",", "1\u202f234,56 €", 123_456),
        (".", "USD 1,200.00", 120_000),
        (".", "1,200.00 USD", 120_000),
        (".", "US$1,200.00", 120_000),
        (",", "1 200,00 kr", 120_000),
        (".", "Rs.500", 50_000),
        (".", "+12.50", 1_250),
        (".", ".5", 50),
        (".", "5.", 500),
        (".", "12.3456", 1_235),
        (".", "1234.250", 123_425),
        (".", "0.125", 13),
        (",", "\u0663\u066c\u0662\u0663\u0664\u066b\u0665\u0660", 323_450),
        # firefly-iii/firefly-iii#1087 and #1938, buckets/application#740
        (".", "(33.52)", -3_352),
        (".", "€(63.12)", -6_312),
        (".", "($182.77)", -18_277),
        (".", "$(0.01)", -1),
        (",", "-1.000,00 €", -100_000),
        (",", "-950,00 €", -95_000),
        # rustledger/rustledger#1473, abap2xlsx/abap2xlsx#15
        (".", "1,234.56-", -123_456),
        (",", "123,00-", -12_300),
        # actualbudget/actual#6206
        (",", "\u2212100,00", -10_000),
    ],
)
def test_amounts_are_read_in_the_customs_of_many_countries(decimal: str, text: str, minor: int) -> None:
    assert AmountReader(decimal, None).minor(text) == minor


@pytest.mark.parametrize(
    ("decimal", "text"),
    [
        (".", "1.234,56"),
        (".", "12,34"),
        (",", "1,234.56"),
        (",", "0.125"),
        (",", "1.23"),
        (".", "1,2345"),
        (".", "1 23"),
        (".", "1,234'567"),
        (".", "12k"),
        (".", "5 MIO"),
        (".", "50 %"),
        (".", "1e5"),
        (".", "--5"),
        (".", "(-5)"),
        (".", "1-2"),
        (".", "$5 EUR"),
        (".", "€"),
        (".", "-"),
        (".", "5 pieces"),
    ],
)
def test_a_text_that_is_no_amount_with_this_decimal_sign_is_refused(decimal: str, text: str) -> None:
    with pytest.raises(NotAnAmount) as fault:
        AmountReader(decimal, None).minor(text)
    assert fault.value.reason == "not_a_number"


@pytest.mark.parametrize(
    ("decimal", "text", "currency"),
    [
        (".", "1.250", ""),
        (".", "12.500", "EUR"),
        (".", "€ 1.250", "EUR"),
        (".", "-1.250", "EUR"),
        (",", "1,250", ""),
        (".", "5.000", "JPY"),
        (".", "1,250", "KWD"),
    ],
)
def test_three_digits_that_may_be_a_group_or_decimals_are_refused(decimal: str, text: str, currency: str) -> None:
    with pytest.raises(NotAnAmount, match=r"grouped: false") as fault:
        AmountReader(decimal, None).minor(text, currency)
    assert fault.value.reason == "doubtful_number"


def test_a_column_without_groups_may_have_three_decimals() -> None:
    assert AmountReader(".", None, is_grouped=False).minor("1.250") == 125
    with pytest.raises(NotAnAmount):
        AmountReader(".", None, is_grouped=False).minor("1,250.00")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("5000", "JPY", 5_000),
        ("5,000", "JPY", 5_000),
        ("¥5000", "JPY", 5_000),
        ("5000", "EUR", 500_000),
        ("5.000", "KWD", 5_000),
        ("1,234.567", "BHD", 1_234_567),
        ("5000", "XYZ", 500_000),
        ("JPY 5000", "", 5_000),
        ("5.000 KWD", "", 5_000),
    ],
)
def test_minor_digits_are_those_of_the_currency(text: str, currency: str, minor: int) -> None:
    assert AmountReader(".", None).minor(text, currency) == minor


def test_digits_that_are_given_apply_to_every_currency() -> None:
    assert AmountReader(".", 0).minor("125050", "EUR") == 125_050


@pytest.mark.parametrize(("text", "currency"), [("USD 5", "EUR"), ("¥5000", ""), ("₩5000", "")])
def test_an_amount_whose_currency_is_contradicted_or_unclear_is_refused(text: str, currency: str) -> None:
    with pytest.raises(NotAnAmount, match="not_a_number"):
        AmountReader(".", None).minor(text, currency)


def test_the_currencies_with_other_digits_are_those_of_iso_4217() -> None:
    """The published table of ISO 4217 (list one), in excerpts of each number of digits."""
    assert {code: minor_digits(code) for code in ("EUR", "JPY", "VND", "ISK", "KWD", "IQD", "CLF", "MRU")} == {
        "EUR": 2, "JPY": 0, "VND": 0, "ISK": 0, "KWD": 3, "IQD": 3, "CLF": 4, "MRU": 2,
    }  # fmt: skip
    assert len(CODES) > 150


@given(st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_what_is_written_with_all_minor_digits_is_read_back(minor: int, currency: str) -> None:
    digits = minor_digits(currency)
    text = f"{'-' * (minor < 0)}{abs(minor) // 10**digits:,}"
    if digits:
        text += f".{abs(minor) % 10**digits:0{digits}}"
    assert AmountReader(".", None).minor(text, currency) == minor
