"""Converts cells to texts and amounts. An invalid cell raises RowError, whose advice says how to fix it.

A cell is a `str` from a CSV file, or any JSON value from a JSONL file. Converters return None if it holds no value.
"""

import re
from collections.abc import Callable, Collection, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeAlias
from unicodedata import category

from schemas.json_value import JsonValue

from .errors import RowError

Cell: TypeAlias = JsonValue
FieldValue: TypeAlias = str | int | bool
Convert = Callable[[Cell], FieldValue | None]
"""Converts one cell; None if it holds no value. Raises RowError if it cannot be converted."""

MAX_LONG = 2**63 - 1
_BREAKS = "\t\n\r"
_MAX_EXCERPT = 80
_MAX_CACHED = 4_096  # distinct cells of a column: most columns have few
_MAX_DIGITS = 20  # a longer number does not fit into 64 bits


def text_of(cell: Cell) -> str:
    """Return the cell as trimmed text; absent and null are empty.

    Raises:
        RowError: it is a list or an object.
    """
    if type(cell) is str:
        return cell.strip()
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return str(cell)
    raise RowError("nested", "name what is inside, such as `parent.child`; a list cannot be read")


def abbreviated(cell: object) -> str:
    """Shorten a cell for a message."""
    text = str(cell)
    return text if len(text) <= _MAX_EXCERPT else f"{text[:_MAX_EXCERPT]}… ({len(text)} characters)"


class EmptyCells:
    """Which texts count as empty, and the value of an empty cell.

    Args:
        texts: Compared without case and surrounding blanks; the empty text is always one of them.
        replacement: The value of an empty cell: "reject" raises, "skip" and None are no value.
    """

    def __init__(self, texts: Collection[str], replacement: FieldValue | None) -> None:
        self._texts = frozenset(text.strip().casefold() for text in texts) | {""}
        self._replacement = replacement

    def __contains__(self, text: str) -> bool:
        return not text or text.casefold() in self._texts

    def value(self) -> FieldValue | None:
        """Return the value of an empty cell.

        Raises:
            RowError: the field must not be empty.
        """
        if self._replacement == "reject":
            raise RowError("empty", "fill the column, or say in the mapping what empty means (`empty:`)")
        return None if self._replacement == "skip" else self._replacement


def printable(text: str, *, breaks: bool = False) -> str:
    """Return the text unchanged if it has no control characters; `breaks` permits line breaks and tabs.

    Raises:
        RowError: it has one.
    """
    if text.isprintable():
        return text
    allowed = _BREAKS if breaks else ""
    for character in text:
        if category(character) == "Cc" and character not in allowed:
            raise RowError("control_character", f"remove {character!r} from the value")
    return text


def to_text(empties: EmptyCells, prefix: str, *, breaks: bool = False, longest: int | None = None) -> Convert:
    """Make a converter for free text."""

    def convert(cell: Cell) -> FieldValue | None:
        text = text_of(cell)
        if text in empties:
            return empties.value()
        return within(longest, prefix + printable(text, breaks=breaks))

    return convert


def within(longest: int | None, text: str) -> str:
    """Return the text unchanged if it has at most `longest` characters.

    Raises:
        RowError: it is longer.
    """
    if longest is not None and len(text) > longest:
        raise RowError("too_long", f"{len(text)} characters, {longest} are allowed: is it the right column?")
    return text


def to_mapped_value(
    empties: EmptyCells,
    table: Mapping[str, FieldValue],
    otherwise: str,
    allowed: Collection[str],
    prefix: str = "",
    longest: int | None = None,
) -> Convert:
    """Make a converter that looks texts up in a table.

    Args:
        empties: Which texts count as empty.
        table: The value of each text, in lower case.
        otherwise: For a text that is not in the table: "reject", "keep", or the value.
        allowed: The values that the field accepts; empty if any.
        prefix: Put before the value, if it is a text.
        longest: The most characters of the value.
    """
    known = {value.casefold(): value for value in allowed}
    cache: dict[str, FieldValue] = {}

    def convert(cell: Cell) -> FieldValue | None:
        if type(cell) is str and (value := cache.get(cell)) is not None:
            return value
        text = text_of(cell)
        if text in empties:
            return empties.value()
        value = table.get(text.casefold())
        if value is None:
            value = _unlisted(text, otherwise, known)
        if isinstance(value, str) and value:  # the empty text removes a value
            value = within(longest, prefix + value)
        if type(cell) is str and len(cache) < _MAX_CACHED:
            cache[cell] = value
        return value

    return convert


def _unlisted(text: str, otherwise: str, known: Mapping[str, str]) -> str:
    if otherwise == "reject":
        raise RowError("unknown_value", "add it to `values:`, or say what to do with the rest (`otherwise:`)")
    if otherwise != "keep":
        return otherwise
    if not known:
        return printable(text)
    if (value := known.get(text.casefold())) is None:
        raise RowError("unknown_value", f"add it to `values:`; the field takes {', '.join(known.values())}")
    return value


def to_amount(empties: EmptyCells, decimal: str, digits: int) -> Convert:
    """Make a converter from major units of money, such as "€ 1.234,56", to minor units; `digits` is their number."""
    thousands = "." if decimal == "," else ","
    number = re.compile(rf"[+-]?(\d+|\d{{1,3}}([{thousands} '\u00a0\u202f]\d{{3}})+)?([{decimal}]\d*)?")

    def convert(cell: Cell) -> FieldValue | None:
        if type(cell) is int or type(cell) is float:
            return _minor(str(cell), digits)
        text = text_of(cell)
        if text in empties:
            return empties.value()
        bare = text.strip(_symbols(text))
        if not number.fullmatch(bare):
            raise RowError("not_a_number", f"the mapping reads {decimal!r} as the decimal sign: change `decimal:`?")
        return _minor("".join("." if c == decimal else c for c in bare if c in f"+-0123456789{decimal}"), digits)

    return convert


def _symbols(text: str) -> str:
    return " \u00a0\u202f" + "".join(c for c in text if category(c) == "Sc")


def whole(number: str, places: int) -> int:
    """Multiply a decimal number by 10 to the power of `places`, rounded half up.

    Raises:
        ValueError: it is not a number, or far beyond 64 bits.
    """
    try:
        value = Decimal(number)
        if (
            not value.is_finite() or value.adjusted() > _MAX_DIGITS
        ):  # 1e999999999 is a short text, but gigabytes as an int
            raise ValueError(number)
        return int(value.scaleb(places).to_integral_value(ROUND_HALF_UP))
    except ArithmeticError as error:
        raise ValueError(number) from error


def _minor(number: str, digits: int) -> int:
    try:
        minor = whole(number, digits)
    except ValueError:
        raise RowError("not_a_number", "write a number that fits into 64 bits") from None
    if abs(minor) > MAX_LONG:
        raise RowError("out_of_range", "an amount must fit into 64 bits")
    return minor


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
