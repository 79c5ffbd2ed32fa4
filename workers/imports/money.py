"""Converts cells to amounts in minor units, and to currencies."""

from collections.abc import Callable, Mapping

from streams.domain.facts import MAX_TEXT
from workers.values.amounts import AmountReader, NotAnAmount, to_minor

from .errors import RowError
from .field_sources import AmountSource
from .values import MAX_CACHED, Cell, Convert, EmptyCells, FieldValue, text_of, to_mapped_value

Scale = Callable[[str], Convert]
"""The converter of amounts in a currency; the empty text is an unknown one."""


def to_amount(empties: EmptyCells, source: AmountSource) -> Scale:
    """Make a converter from major units of money, such as "€ 1.234,56", to minor units, for each currency."""
    reader = AmountReader(source.decimal, source.digits, is_grouped=source.grouped)
    converters: dict[str, Convert] = {}

    def in_currency(currency: str) -> Convert:
        if currency not in converters:
            converters[currency] = _to_minor(empties, reader, currency)
        return converters[currency]

    return in_currency


def _to_minor(empties: EmptyCells, reader: AmountReader, currency: str) -> Convert:
    digits = reader.digits_of(currency)
    cache: dict[str, FieldValue | None] = {}

    def convert(cell: Cell) -> FieldValue | None:
        if type(cell) is not str:
            return read(cell)
        if cell not in cache:
            if len(cache) >= MAX_CACHED or len(cell) > MAX_TEXT:
                return read(cell)
            cache[cell] = read(cell)
        return cache[cell]

    def read(cell: Cell) -> FieldValue | None:
        try:
            if type(cell) is int or type(cell) is float:
                return to_minor(str(cell), digits)
            text = text_of(cell)
            return empties.value() if text in empties else reader.minor(text, currency)
        except NotAnAmount as fault:
            raise RowError(fault.reason, fault.advice) from None

    return convert


def to_currency(empties: EmptyCells, table: Mapping[str, FieldValue], otherwise: str) -> Convert:
    """Make a converter for ISO 4217 codes."""
    read = to_mapped_value(empties, table, otherwise, ())

    def convert(cell: Cell) -> FieldValue | None:
        code = read(cell)
        if not isinstance(code, str) or not code:
            return code
        if len(code) != 3 or not (code.isascii() and code.isalpha()):  # noqa: PLR2004  # ISO 4217
            raise RowError("unknown_value", "write a code of three letters such as EUR, or translate it by `values:`")
        return code.upper()

    return convert
