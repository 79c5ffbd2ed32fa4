"""What `meanings.yml` says, as types; every topic, field and symbol has a meaning."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec


class RecordMeaning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a record means.

    Attributes:
        publish: For whoever publishes it.
        consume: For whoever consumes it.
        required: Of a fact: without it the record is a dead letter; of an output: never empty.
        fields: Meanings of its fields; for the others those of `Meanings.shared` apply.
    """

    meaning: str
    publish: str
    consume: str
    required: tuple[str, ...]
    fields: Mapping[str, str]


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values of a text field that has a fixed set of them. `otherwise`: what else it may contain."""

    field: str
    values: Mapping[str, str]
    otherwise: str


class Meanings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole document. `reached`: the step of each number; `opaque`: topics without a schema, by pattern."""

    shared: Mapping[str, str]
    records: Mapping[str, RecordMeaning]
    symbols: Mapping[str, Mapping[str, str]]
    words: Mapping[str, Words]
    reached: Mapping[int, str]
    opaque: Mapping[str, str]

    def of_field(self, record: str, name: str) -> str:
        """The meaning of one field of a record."""
        return self.records[record].fields.get(name) or self.shared[name]


@cache
def meanings() -> Meanings:
    text = resources.files(__package__).joinpath("meanings.yml").read_text(encoding="utf-8")
    return msgspec.yaml.decode(text, type=Meanings)
