"""Turns what stands in a cell into a value: texts, flags, money. Raises RowError with what its owner can do.

A cell is a `str` out of a CSV file, or any JSON value out of a JSONL file. Converters return None for "not given".
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
"""Converts a cell; None if it holds no value. Raises RowError."""

MAX_LONG = 2**63 - 1
_BREAKS = "\t\n\r"
_YES = dict.fromkeys(("true", "yes", "y", "t", "1", "x", "on"), True)
_NO = dict.fromkeys(("false", "no", "n", "f", "0", "off"), False)
_SHOWN = 80
_REMEMBERED = 4_096  # words of a column: mostly there are a few
_LONGEST = 20  # digits: what is longer fits nowhere


def text_of(cell: Cell) -> str:
    """The cell as trimmed text; absent and null are empty. Raises RowError for a list or an object."""
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
    """The cell, short enough for a message."""
    text = str(cell)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


class EmptyCells:
    """Which texts count as empty, and what then."""

    def __init__(self, words: Collection[str], answer: FieldValue | None) -> None:
        self._words = frozenset(word.strip().casefold() for word in words) | {""}
        self._answer = answer

    def __contains__(self, text: str) -> bool:
        return not text or text.casefold() in self._words

    def answer(self) -> FieldValue | None:
        """What to take instead. Raises RowError where empty is not allowed."""
        if self._answer == "reject":
            raise RowError("empty", "fill the column, or say in the mapping what empty means (`empty:`)")
        return None if self._answer == "skip" else self._answer


def printable(text: str, *, breaks: bool = False) -> str:
    """The text, unless it holds control characters (line breaks and tabs only with `breaks`). Raises RowError."""
    if text.isprintable():
        return text
    allowed = _BREAKS if breaks else ""
    for character in text:
        if category(character) == "Cc" and character not in allowed:
            raise RowError("control_character", f"take {character!r} out of the value")
    return text


def to_text(empties: EmptyCells, prefix: str, *, breaks: bool = False, longest: int | None = None) -> Convert:
    """Reads text as it stands."""

    def convert(cell: Cell) -> FieldValue | None:
        text = text_of(cell)
        if text in empties:
            return empties.answer()
        return within(longest, prefix + printable(text, breaks=breaks))

    return convert


def within(longest: int | None, text: str) -> str:
    """The text, unless it is longer. Raises RowError."""
    if longest is not None and len(text) > longest:
        raise RowError("too_long", f"{len(text)} characters, {longest} are allowed: is it the right column?")
    return text


def to_word(
    empties: EmptyCells,
    table: Mapping[str, FieldValue],
    otherwise: str,
    allowed: Collection[str],
    prefix: str = "",
    longest: int | None = None,
) -> Convert:
    """Reads a word by a table: `otherwise` is "reject", "keep" or the word to take. `allowed`: none is any."""
    known = {word.casefold(): word for word in allowed}
    seen: dict[str, FieldValue] = {}

    def convert(cell: Cell) -> FieldValue | None:
        if type(cell) is str and (word := seen.get(cell)) is not None:
            return word
        text = text_of(cell)
        if text in empties:
            return empties.answer()
        word = table.get(text.casefold())
        if word is None:
            word = _unlisted(text, otherwise, known)
        if isinstance(word, str):
            word = within(longest, prefix + word)
        if type(cell) is str and len(seen) < _REMEMBERED:
            seen[cell] = word
        return word

    return convert


def _unlisted(text: str, otherwise: str, known: Mapping[str, str]) -> str:
    if otherwise == "reject":
        raise RowError("unknown_value", "add it to `values:`, or say what to do with the rest (`otherwise:`)")
    if otherwise != "keep":
        return otherwise
    if not known:
        return printable(text)
    if (word := known.get(text.casefold())) is None:
        raise RowError("unknown_value", f"add it to `values:`; the field takes {', '.join(known.values())}")
    return word


def to_flag(empties: EmptyCells, table: Mapping[str, bool]) -> Convert:
    """Reads yes and no, by a table or in the usual words."""
    return to_word(empties, table or {**_YES, **_NO}, "reject", ())


def to_amount(empties: EmptyCells, decimal: str, digits: int) -> Convert:
    """Reads major units of money, such as "€ 1.234,56", into minor ones."""
    thousands = "." if decimal == "," else ","
    number = re.compile(rf"[+-]?(\d+|\d{{1,3}}([{thousands} '\u00a0\u202f]\d{{3}})+)?([{decimal}]\d*)?")

    def convert(cell: Cell) -> FieldValue | None:
        if type(cell) is int or type(cell) is float:
            return _minor(str(cell), digits)
        text = text_of(cell)
        if text in empties:
            return empties.answer()
        bare = text.strip(_symbols(text))
        if not number.fullmatch(bare):
            raise RowError("not_a_number", f"the mapping reads {decimal!r} as the decimal sign: change `decimal:`?")
        return _minor("".join("." if c == decimal else c for c in bare if c in f"+-0123456789{decimal}"), digits)

    return convert


def _symbols(text: str) -> str:
    return " \u00a0\u202f" + "".join(c for c in text if category(c) == "Sc")


def whole(number: str, places: int) -> int:
    """The number, its decimal sign moved to the right and rounded half up. Raises ValueError for no such number."""
    try:
        value = Decimal(number)
        if not value.is_finite() or value.adjusted() > _LONGEST:  # a short text can name a number of gigabytes
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
    """Reads an ISO 4217 code."""
    read = to_word(empties, table, otherwise, ())

    def convert(cell: Cell) -> FieldValue | None:
        word = read(cell)
        if not isinstance(word, str) or not word:
            return word
        if len(word) != 3 or not (word.isascii() and word.isalpha()):  # noqa: PLR2004  # as the standard has it
            raise RowError("unknown_value", "write a code of three letters such as EUR, or translate it by `values:`")
        return word.upper()

    return convert
