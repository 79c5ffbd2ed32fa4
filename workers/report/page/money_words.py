"""Money and durations as people write them. Amounts of two currencies are never added."""

from collections.abc import Mapping

from htpy import Element, Node, b, fragment, span, td

from workers.report.api_models import Money
from workers.report.funnel_models import Durations
from workers.values.currencies import whole_units

from .phrases import joined, number

_SIGNS: Mapping[str, str] = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def money(minor: float, currency: str) -> str:
    """`€12,400`; `CHF 12,400`."""
    if not currency:
        return f"{whole_units(minor, currency)} without a currency"
    return f"{_SIGNS.get(currency) or f'{currency} '}{whole_units(minor, currency)}"


def all_money(amounts: Money) -> Node:
    """Within a sentence, each currency by itself: `€12,400 and $9,800`."""
    parts = [b[money(minor, currency)] for currency, minor in amounts.items()]
    return joined(parts) if parts else "no money that is known"


def money_cell(amounts: Money, currency: str, over: int = 1) -> Element:
    """The amount of one currency, divided by a number of leads."""
    minor = amounts.get(currency, 0)
    return td(".n")[whole_units(minor / over, currency) if minor and over else span(".none")["–"]]


def currency_name(currency: str) -> str:
    return currency or "no currency"


def lasted(seconds: int | None) -> str:
    """`26 h`; `3.0 d`."""
    if seconds is None:
        return "longer"
    if seconds < 2 * _MINUTE:
        return f"{seconds} s"
    if seconds < 2 * _HOUR:
        return f"{seconds // _MINUTE} min"
    return f"{seconds // _HOUR} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.1f} d"


def duration_cells(took: Durations | None) -> Node:
    """Half of all, and nine of ten: `longer` if not so many have got there yet."""
    if took is None or not took.known:
        return fragment[td(".n")[span(".none")["–"]], td(".n")[span(".none")["–"]]]
    return fragment[td(".n")[lasted(took.half_seconds)], td(".n")[lasted(took.nine_of_ten_seconds)]]


def known_of(took: Durations | None) -> str:
    """How many durations are known, for a note."""
    took = took or Durations()
    unknown = f", {number(took.unknown)} unknown" if took.unknown else ""
    return f"{number(took.known)} known{unknown}, {number(took.longer)} longer"
