"""How each field of a fact is read from JSON, and its JSON Schema: one table, derived from the record types."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal, get_args, get_origin, get_type_hints
from unicodedata import category

from schemas.events import DealClosed, LeadContacted, LeadCreated, LeadStalled, LeadUpdated
from schemas.instants import EARLIEST_MS, LAST_MS, LATEST_MS, NO_DATE_MS, unit_of
from schemas.json_value import JsonObject, JsonValue
from schemas.texts import cleaned, comparable
from schemas.topics import MAX_LEAD_ID, MAX_RECORD_BYTES
from streams.domain.facts import LAST_AT, MAX_TEXT
from streams.runtime.documents import did_you_mean
from workers.imports.flags import names_of, words_of
from workers.imports.records import RECORDS
from workers.imports.values import FieldValue
from workers.values.identifiers import fault_of_id, id_text, is_harmless
from workers.values.numbers import MAX_LONG, is_exact
from workers.values.times import doubt_of_unit, is_zero_date

from .rejections import InvalidValue

PostedFact = LeadCreated | LeadUpdated | LeadContacted | LeadStalled | DealClosed
FieldReader = Callable[[JsonValue], FieldValue | None]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DETECTOR_ONLY = frozenset({"idle_since"})  # set by the detector only
_BREAKS = "\t\n\r"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """How to read one field.

    Attributes:
        read: Converts the JSON value; None for "not given". Raises InvalidValue.
        schema: JSON Schema of the field.
    """

    read: FieldReader
    schema: JsonObject


def _text(longest: int, allowed: str = "") -> FieldSpec:
    return FieldSpec(_text_reader(longest, allowed), {"type": "string", "maxLength": longest})


def _text_reader(longest: int, allowed: str = "") -> Callable[[object], str | None]:
    def read(value: object) -> str | None:
        if type(value) is not str:
            raise InvalidValue("wrong_type", f"{_abbreviated(value)} is not a string", "write a string")
        if len(value) <= longest and is_harmless(value):
            return value
        text = cleaned(value)
        if not text.isprintable():
            _reject_control(text, allowed)
        if len(text) > longest:
            raise InvalidValue("too_long", f"{len(text)} characters", f"write at most {longest}")
        return text or None

    return read


def _id(longest: int, **schema: JsonValue) -> FieldSpec:
    read_text = _text_reader(longest)

    def read(value: object) -> str | None:
        if type(value) is str and len(value) <= longest and is_harmless(value):
            return value
        text = id_text(read_text(value) or "")
        if fault := fault_of_id(text):
            raise InvalidValue("not_an_id", f"{_abbreviated(text)}: {fault.reason}", _FIX_OF_ID[fault.reason])
        return text or None

    return FieldSpec(read, {"type": "string", "maxLength": longest, **schema})


_FIX_OF_ID = {
    "invisible_character": "remove the characters that nobody sees, such as U+200B",
    "rounded_id": "send the id as it was before a spreadsheet rounded it",
    "several_ids": "send one event for each id",
    "no_id": "this stands for no id, or is a template that nobody filled in: send the id",
}


def to_instant(value: object) -> int:
    """Convert a whole number of epoch ms, or ISO 8601 with an offset, to epoch ms.

    Raises:
        InvalidValue: it is neither.
    """
    if type(value) is int:
        return value
    if isinstance(value, float) and is_exact(value):
        return int(value)
    if type(value) is not str:
        raise InvalidValue("not_a_time", f"{_abbreviated(value)} is not a time", _TIME)
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidValue("not_a_time", f"{_abbreviated(value)} is not a time", _TIME) from None
    if at.tzinfo is None:
        raise InvalidValue("not_a_time", "the time has no offset", "append Z for UTC, or an offset such as +01:00")
    return (at - _EPOCH) // _MS


def to_moment(value: object) -> int:
    """Convert the time of an event to epoch ms.

    Raises:
        InvalidValue: it is no time, or outside of 1990 to 3000 (probably in another unit).
    """
    at = to_instant(value)
    if EARLIEST_MS <= at < LAST_AT:
        return at
    problem = "before 1990" if at < EARLIEST_MS else "after the year 3000"
    raise InvalidValue("out_of_range", f"{_abbreviated(value)} is {problem}", f"{doubt_of_unit(at)} {_TIME}".lstrip())


def to_other_moment(value: object) -> int | None:
    """Convert any other time to epoch ms; None for a placeholder such as 0001-01-01.

    Raises:
        InvalidValue: it is no time, before 1990, or probably in another unit.
    """
    if type(value) is str and is_zero_date(value):
        return None
    at = to_instant(value)
    if at < NO_DATE_MS:
        return None
    if at < EARLIEST_MS:
        raise InvalidValue(
            "out_of_range", f"{_abbreviated(value)} is before 1990", f"{doubt_of_unit(at)} {_TIME}".lstrip()
        )
    if type(value) is int and (at > LAST_MS or unit_of(at) not in (None, "milliseconds")):
        raise InvalidValue(
            "out_of_range", f"{_abbreviated(at)} is no time in milliseconds", f"{doubt_of_unit(at)} {_TIME}".lstrip()
        )
    return min(at, LAST_MS)


def to_amount(value: object) -> int:
    """Check an amount in minor units (cents).

    Raises:
        InvalidValue: it is not a whole number of 64 bits.
    """
    if isinstance(value, float) and is_exact(value):
        value = int(value)
    if type(value) is not int:
        raise InvalidValue(
            "wrong_type", f"{_abbreviated(value)} is not a whole number", "write minor units (cents) as a whole number"
        )
    if not -MAX_LONG <= value <= MAX_LONG:
        raise InvalidValue("out_of_range", "the number does not fit into 64 bits", "write minor units (cents)")
    return value


_read_code = _text_reader(MAX_TEXT)


def to_currency(value: object) -> str | None:
    """Convert an ISO 4217 code to upper case; None if empty.

    Raises:
        InvalidValue: it does not have three letters.
    """
    code = _read_code(value)
    if code is not None and not (len(code) == 3 and code.isascii() and code.isalpha()):  # noqa: PLR2004  # ISO 4217
        raise InvalidValue(
            "unknown_word", f"{_abbreviated(code)} is not a currency", "write its three-letter code, such as EUR"
        )
    return code and code.upper()


def _flag(name: str, hint: object) -> FieldSpec:
    """A field for yes or no, in the words that people write; `unchanged` and blank text are "not given"."""
    words, names = words_of(name), names_of(name, hint)
    texts = tuple(text for text in names.values() if isinstance(text, str))
    fix = f"write {' or '.join(texts)}" if texts else "write true or false"

    def read(value: object) -> FieldValue | None:
        word = _word(value)
        if not word or (texts and word == "unchanged"):
            return None
        if word not in words:
            raise InvalidValue("wrong_type", f"{_abbreviated(value)} is not known here", fix)
        return names[words[word]]

    schema: JsonObject = {"anyOf": [{"type": "boolean"}, {"type": "string", "enum": [*(texts or ("yes", "no"))]}]}
    return FieldSpec(read, schema)


def _word(value: object) -> str:
    """A boolean, or 0 or 1, as a word; what cannot mean yes or no as a word that is never known."""
    if type(value) is str:
        return comparable(value)
    return str(value).lower() if value in (True, False) else "?"


def _removable_text() -> FieldSpec:
    """A text whose empty value removes what is known."""
    read_text = _text_reader(MAX_TEXT)
    description = "empty: the value is removed"
    return FieldSpec(
        lambda value: read_text(value) or "", {"type": "string", "maxLength": MAX_TEXT, "description": description}
    )


_TIME = "write ISO 8601 with an offset, such as 2026-03-01T09:30:00Z, or milliseconds since 1970"
_INSTANT: JsonObject = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "integer", "minimum": EARLIEST_MS, "maximum": LATEST_MS},
    ],
    "description": "ISO 8601 with an offset, or milliseconds since 1970",
}


def _enumeration(values: tuple[str, ...]) -> FieldSpec:
    known: dict[object, str] = {value: value for value in values}

    def read(value: object) -> str:
        try:
            return known[value]
        except (KeyError, TypeError):  # TypeError: a list or an object
            raise InvalidValue(
                "unknown_word", f"{_abbreviated(value)} is not known here", did_you_mean(value, values)
            ) from None

    return FieldSpec(read, {"type": "string", "enum": [*values]})


_SPECIAL: Mapping[str, FieldSpec] = {
    "lead_id": _id(MAX_LEAD_ID, minLength=1),
    "event_id": _id(MAX_TEXT),
    "note": _text(MAX_RECORD_BYTES, _BREAKS),
    "occurred_at": FieldSpec(to_moment, _INSTANT),
    "currency": FieldSpec(to_currency, {"type": "string", "pattern": "^[A-Za-z]{3}$"}),
    "declared_by": _enumeration(("sales",)),
}


def _field(name: str, hint: object) -> FieldSpec:
    if name in _SPECIAL:
        return _SPECIAL[name]
    if hint is bool or (get_origin(hint) is Literal and "unchanged" in get_args(hint)):
        return _flag(name, hint)
    if get_origin(hint) is Literal:
        # A record has "unknown" for an absent field; a client leaves the field out.
        return _enumeration(tuple(value for value in get_args(hint) if value != "unknown"))
    if hint in (str, str | None):
        return _text(MAX_TEXT) if hint is str else _removable_text()
    if name.endswith("_at"):
        return FieldSpec(to_other_moment, _INSTANT)
    return FieldSpec(to_amount, {"type": "integer", "format": "int64", "description": "minor units, such as cents"})


FIELDS: Mapping[str, Mapping[str, FieldSpec]] = MappingProxyType(
    {
        kind: {name: _field(name, hint) for name, hint in get_type_hints(record).items() if name not in _DETECTOR_ONLY}
        for kind, record in RECORDS.items()
    }
)
"""The fields of each kind of fact that can be posted."""

READERS: Mapping[str, Mapping[str, FieldReader]] = {
    kind: {name: field.read for name, field in fields.items()} for kind, fields in FIELDS.items()
}

REQUIRED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {kind: ("lead_id", "occurred_at", *(("outcome",) if kind == "deal-closed" else ())) for kind in RECORDS}
)


def has_control_characters(text: str) -> bool:
    """Whether the text contains control characters or surrogates, which could manipulate a log or a terminal."""
    return any(category(character) in ("Cc", "Cs") for character in text)


def _reject_control(text: str, allowed: str) -> None:
    for character in text:
        if category(character) in ("Cc", "Cs") and character not in allowed:
            raise InvalidValue("unprintable", f"the text contains the control character {character!r}", "remove it")


def _abbreviated(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004  # enough to recognise the value
