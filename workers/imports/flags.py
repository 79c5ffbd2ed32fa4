"""Yes or no as people write it, and what a field of a fact calls it."""

from collections.abc import Mapping
from types import MappingProxyType

from .values import Cell, Convert, EmptyCells, FieldValue, to_mapped_value

_YES = ("true", "yes", "y", "t", "1", "x", "on")
_NO = ("false", "no", "n", "f", "0", "off")
FLAG_WORDS: Mapping[str, bool] = MappingProxyType({**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)})
"""What people write, in lower case."""
CONSENT_WORDS: Mapping[str, bool] = MappingProxyType({**FLAG_WORDS, "granted": True, "withdrawn": False})
"""What people write about a consent, in lower case."""

_NAMES_OF_UPDATE: Mapping[str, Mapping[bool, str]] = MappingProxyType(
    {"consent": {True: "granted", False: "withdrawn"}, "do_not_contact": {True: "yes", False: "no"}}
)


def words_of(name: str) -> Mapping[str, bool]:
    """The words that a field of this name accepts."""
    return CONSENT_WORDS if name == "consent" else FLAG_WORDS


def names_of(name: str, hint: object) -> Mapping[bool, FieldValue]:
    """What a field with this type hint calls yes and no: booleans, or the symbols of LeadUpdated."""
    return {True: True, False: False} if hint is bool else _NAMES_OF_UPDATE[name]


def to_flag(
    empties: EmptyCells, table: Mapping[str, bool], words: Mapping[str, bool], names: Mapping[bool, FieldValue]
) -> Convert:
    """Make a converter for yes and no.

    Args:
        empties: Which texts count as empty; the value of an empty cell is a boolean.
        table: The meaning of each text, in lower case; if it is empty, `words` apply.
        words: The usual spellings.
        names: What the field calls yes and no.
    """
    read = to_mapped_value(empties, table or words, "reject", ())

    def convert(cell: Cell) -> FieldValue | None:
        flag = read(cell)
        return names[flag] if isinstance(flag, bool) else None

    return convert
