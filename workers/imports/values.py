"""Converts cells to texts and ids. An invalid cell raises RowError, whose advice says how to fix it.

A cell is a `str` from a CSV file, or any JSON value from a JSONL file. Converters return None if it holds no value.
"""

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias
from unicodedata import category, normalize

from schemas.json_value import JsonValue
from schemas.texts import GUARDS, cleaned, comparable
from streams.domain.facts import MAX_TEXT
from workers.values.identifiers import (
    fault_of_id,
    id_forms,
    id_text,
    is_grouped,
    is_harmless,
    is_spreadsheet_error,
)
from workers.values.numbers import LARGEST_EXACT, MAX_LONG, is_exact

from .errors import RowError
from .field_sources import LeadIdSource, TextSource

Cell: TypeAlias = JsonValue
FieldValue: TypeAlias = str | int | bool
Convert = Callable[[Cell], FieldValue | None]
"""Converts one cell; None if it holds no value. Raises RowError if it cannot be converted."""

_BREAKS = "\t\n\r"
_MAX_EXCERPT = 80
MAX_CACHED = 4_096  # distinct cells of a column: most columns have few
_MAX_RECENT_IDS = 16_384
ID_SEPARATOR = "\n"
"""Between the ids of a split cell."""


def text_of(cell: Cell) -> str:
    """Return the cell as text without what nobody sees; absent and null are empty, 4711.0 is 4711.

    Raises:
        RowError: it is a list or an object, or a number that was rounded.
    """
    if type(cell) is str:
        if cell.isascii() and cell[:1] not in GUARDS:  # as `cleaned`, without the call: most cells are like this
            return cell.strip()
        return cleaned(cell)
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return _text_of_number(cell)
    raise RowError("nested", "name what is inside, such as `parent.child`; a list cannot be read")


def _text_of_number(number: float) -> str:
    if is_exact(number):
        return str(int(number))
    if abs(number) > (LARGEST_EXACT if isinstance(number, float) else MAX_LONG):
        raise RowError("rounded_number", "not every program can keep so many digits: write this number as a text")
    return str(number)


def abbreviated(cell: object) -> str:
    """Shorten a cell for a message."""
    text = str(cell)
    return text if len(text) <= _MAX_EXCERPT else f"{text[:_MAX_EXCERPT]}… ({len(text)} characters)"


class EmptyCells:
    """Which texts count as empty, and the value of an empty cell.

    Args:
        texts: Compared without case and surrounding blanks; the empty text is always one of them, and so are the
            errors of spreadsheets, such as #N/A.
        replacement: The value of an empty cell: "reject" raises, "skip" and None are no value.
    """

    def __init__(self, texts: Collection[str], replacement: FieldValue | None) -> None:
        self._texts = frozenset(map(comparable, texts)) - {""}
        self._replacement = replacement
        self.has_numbers = any(text[0].isdecimal() for text in self._texts)
        self.are_rejected = replacement == "reject"

    def __contains__(self, text: str) -> bool:
        if not text or (text[0] == "#" and is_spreadsheet_error(text)):
            return True
        return bool(self._texts) and comparable(text) in self._texts

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


def to_text(empties: EmptyCells, source: TextSource, longest: int | None, *, breaks: bool = False) -> Convert:
    """Make a converter for free text."""
    form, prefix = _form_of(source), source.prefix
    cache: dict[str, FieldValue] = {}

    def convert(cell: Cell) -> FieldValue | None:
        if type(cell) is str and (value := cache.get(cell)) is not None:
            return value
        text = text_of(cell)
        if text in empties:
            return empties.value()
        value = within(longest, prefix + form(printable(text, breaks=breaks)))
        if type(cell) is str and longest is not None and len(cell) <= longest and len(cache) < MAX_CACHED:
            cache[cell] = value
        return value

    return convert


def to_id(empties: EmptyCells, source: TextSource, longest: int, *, recur: bool = False) -> Convert:
    """Make a converter for ids. The ids of a cell that is split are joined by ID_SEPARATOR.

    Args:
        empties: Which texts count as empty.
        source: How the ids are written.
        longest: The most characters of an id.
        recur: Whether an id stands in several rows, mostly close to each other.
    """
    form, prefix, may_be_grouped = _form_of(source), source.prefix.lstrip(), source.grouped

    def one(text: str) -> str:
        text = id_text(text)
        if fault := fault_of_id(text):
            raise RowError(fault.reason, fault.advice)
        if not may_be_grouped and is_grouped(text):
            raise RowError(
                "grouped_id", f"{text} may be a formatted number: export it as text, or write `grouped: true`"
            )
        whole = prefix + form(printable(text))
        return within(longest, whole if whole.isascii() else normalize("NFC", whole))

    def read(cell: Cell) -> FieldValue | None:
        if is_plain and type(cell) is str and is_harmless(cell) and cell not in empties and len(cell) <= longest:
            return cell  # almost all ids
        text = text_of(cell)
        return empties.value() if text in empties or text == "'" else one(text)

    is_plain = not prefix and form is str
    separator = source.split if isinstance(source, LeadIdSource) else None
    convert = read if separator is None else _split(read, separator)
    return _remembering(convert, longest) if recur else convert


def _remembering(read: Convert, longest: int) -> Convert:
    recent: dict[Cell, FieldValue] = {}

    def convert(cell: Cell) -> FieldValue | None:
        if type(cell) is not str:
            return read(cell)
        if (known := recent.get(cell)) is not None:
            return known
        value = read(cell)
        if value is not None and len(cell) <= longest:
            if len(recent) >= _MAX_RECENT_IDS:
                recent.clear()
            recent[cell] = value
        return value

    return convert


def _split(read: Convert, separator: str) -> Convert:
    def convert(cell: Cell) -> FieldValue | None:
        texts = [part for part in text_of(cell).split(separator) if part.strip()]
        ids = dict.fromkeys(str(read(part)) for part in texts)
        return ID_SEPARATOR.join(ids) if ids else read("")

    return convert


def _form_of(source: TextSource) -> Callable[[str], str]:
    form = id_forms(fold=source.fold, pad=source.pad, salesforce=source.salesforce)
    if form is None:
        return str

    def convert(text: str) -> str:
        try:
            return form(text)
        except ValueError:
            raise RowError("not_an_id", "an id of Salesforce has 15 or 18 letters and digits") from None

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
    known = {comparable(value): value for value in allowed}
    cache: dict[str, FieldValue] = {}

    def convert(cell: Cell) -> FieldValue | None:
        if type(cell) is str and (value := cache.get(cell)) is not None:
            return value
        text = text_of(cell)
        if text in empties:
            return empties.value()
        value = table.get(comparable(text))
        if value is None:
            value = _unlisted(text, otherwise, known)
        if isinstance(value, str) and value:  # the empty text removes a value
            value = within(longest, prefix + value)
        if type(cell) is str and len(cell) <= MAX_TEXT and len(cache) < MAX_CACHED:
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
    if (value := known.get(comparable(text))) is None:
        raise RowError("unknown_value", f"add it to `values:`; the field takes {', '.join(known.values())}")
    return value
