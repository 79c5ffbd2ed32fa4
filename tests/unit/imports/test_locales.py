"""What any locale prints is read back or rejected, never read as something else."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from babel import Locale, localedata
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.json_value import JsonValue
from tests.builders_imports import CLOSED, CREATED, fact_of
from workers.imports.errors import RowError
from workers.values.currencies import minor_digits

LOCALES = st.sampled_from([Locale.parse(name) for name in sorted(localedata.locale_identifiers())])
SYSTEMS = st.sampled_from(["latn", "default"])
DECIMALS = st.sampled_from([".", ","])
DAYS = st.dates(date(2000, 1, 1), date(2025, 9, 30))
SIZES = st.sampled_from(["short", "medium", "long", "dd.MM.yyyy", "d/M/yyyy", "M/d/yyyy", "yyyy-MM-dd", "dd/MM/yy"])
FORMATS = ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "iso"]
FORMATS += ["%d. %B %Y", "%d %b %Y"]


def _day_of(made: Any) -> date:
    return datetime.fromtimestamp(made.occurred_at / 1000, UTC).date()


def _read(row: dict[str, JsonValue], part: Mapping[str, object], read: Callable[[Any], object], **table: object) -> Any:
    """What is read of the fact, or None if the row is rejected."""
    try:
        return read(fact_of(row, part, **table))
    except RowError:
        return None


@given(LOCALES, SYSTEMS, DECIMALS, st.integers(-(10**9), 10**9), st.sampled_from(["EUR", "JPY", "KWD", "CHF", "INR"]))
def test_money_of_any_locale(locale: Locale, system: str, decimal: str, minor: int, currency: str) -> None:
    amount = Decimal(minor).scaleb(-minor_digits(currency))
    part = {**CLOSED, "amount": {"column": "worth", "decimal": decimal}, "currency": "cur"}
    for kind in ("standard", "accounting"):
        text = format_currency(amount, currency, locale=locale, format_type=kind, numbering_system=system)
        assert _read({"worth": text, "cur": currency}, part, lambda made: made.amount) in (minor, None)


@given(LOCALES, SYSTEMS, DECIMALS, st.integers(-(10**9), 10**9), st.sampled_from(["EUR", "JPY"]))
def test_plain_numbers_of_any_locale(locale: Locale, system: str, decimal: str, minor: int, currency: str) -> None:
    amount = Decimal(minor).scaleb(-minor_digits(currency))
    part = {**CLOSED, "amount": {"column": "worth", "decimal": decimal}, "currency": {"constant": currency}}
    text = format_decimal(amount, locale=locale, numbering_system=system)
    assert _read({"worth": text}, part, lambda made: made.amount) in (minor, None)


def test_money_of_most_locales_is_read_with_their_decimal_sign() -> None:
    """Otherwise the properties above could hold because everything is rejected."""
    read = 0
    names = sorted(localedata.locale_identifiers())
    for locale in map(Locale.parse, names):
        text = format_currency(Decimal("-1234.5"), "EUR", locale=locale)
        decimal = "," if locale.number_symbols["latn"]["decimal"] == "," else "."
        part = {**CLOSED, "amount": {"column": "worth", "decimal": decimal}}
        read += _read({"worth": text}, part, lambda made: made.amount) == -123_450
    assert read > len(names) * 0.9


@example(Locale.parse("tok"), "latn", 100)  # groups of two
@example(Locale.parse("en_CH"), "latn", 10**9)  # one group
@given(LOCALES, SYSTEMS, st.integers(0, 10**12))
def test_ids_that_a_locale_formats_as_numbers(locale: Locale, system: str, number: int) -> None:
    text = format_decimal(number, locale=locale, numbering_system=system)
    assert _read({"id": text}, CREATED, lambda made: made.lead_id) in (str(number), None)


@given(LOCALES, DAYS, SIZES)
def test_dates_of_any_locale(locale: Locale, day: date, size: str) -> None:
    text = format_date(day, size, locale=locale)
    read = _read({"at": text}, CREATED, _day_of, formats=FORMATS)
    assert read in (day, None)
