"""Records and topics with their meanings: the schemas of `schemas.catalogue`, merged with `meanings.yml`."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from schemas.catalogue import Catalogue, releases_of, schema_of
from schemas.compiled import Schema
from schemas.events import AnyRecord
from schemas.headers import ce_type
from schemas.topics import TOPICS, Topic

from .contract_meanings import RecordMeaning, meanings

_WORDS = {"string": "text", "long": "integer", "boolean": "true or false"}


@dataclass(frozen=True)
class FieldType:
    """The type of a field in words; with the symbols of an enum, or the name of the record that it is a list of."""

    words: str
    symbols: tuple[str, ...] = ()
    record: str = ""


@dataclass(frozen=True)
class DescribedField:
    """One field of a record. `default` is that of the schema."""

    name: str
    type: FieldType
    is_required: bool
    is_nullable: bool
    default: Any
    meaning: str


@dataclass(frozen=True)
class DescribedTopic:
    """A topic that has records, with what they mean. `schema_id` is the id that they are written with."""

    topic: Topic
    record: type[AnyRecord]
    schema_id: int
    version: int
    meaning: RecordMeaning
    fields: tuple[DescribedField, ...]
    nested: Mapping[str, tuple[DescribedField, ...]]

    @property
    def name(self) -> str:
        return self.topic.name

    @property
    def type(self) -> str:
        """The `ce_type` of its records."""
        return ce_type(self.record)

    @property
    def is_upstream(self) -> bool:
        """Whether upstream systems publish it."""
        return "upstream" in self.topic.written_by


def described(catalogue: Catalogue) -> list[DescribedTopic]:
    """Every topic that has records, in the order of the table of topics."""
    return [_topic(topic, topic.record, catalogue) for topic in TOPICS.values() if topic.record is not None]


def documented_schema(record: type[AnyRecord]) -> Schema:
    """The schema of a record with the contract's meanings as its `doc`: the same layout, and so the same bytes."""
    schema = deepcopy(schema_of(record))
    _document(schema)
    return schema


def _document(schema: Schema) -> None:
    meaning = meanings().records[schema["name"]]
    schema["doc"] = meaning.meaning
    for field in schema["fields"]:
        required = "Required. " if field["name"] in meaning.required else ""
        field["doc"] = required + meanings().of_field(schema["name"], field["name"])
        if (items := _items(field["type"])) is not None:
            _document(items)


def _topic(topic: Topic, record: type[AnyRecord], catalogue: Catalogue) -> DescribedTopic:
    *_, newest = releases_of(record)
    schema = schema_of(record)
    nested = {items["name"]: tuple(_fields(items)) for field in schema["fields"] if (items := _items(field["type"]))}
    meaning = meanings().records[record.__name__]
    return DescribedTopic(topic, record, catalogue.ids[record], newest.version, meaning, tuple(_fields(schema)), nested)


def _fields(schema: Schema) -> Iterator[DescribedField]:
    required = meanings().records[schema["name"]].required
    for field in schema["fields"]:
        name, declared = field["name"], field["type"]
        is_nullable = isinstance(declared, list)  # of null and one other type
        yield DescribedField(
            name=name,
            type=_field_type(declared[1] if is_nullable else declared),
            is_required=name in required,
            is_nullable=is_nullable,
            default=field["default"],
            meaning=meanings().of_field(schema["name"], name),
        )


def _field_type(declared: Any) -> FieldType:
    if isinstance(declared, str):
        return FieldType(_WORDS[declared])
    if declared["type"] == "enum":
        return FieldType(declared["name"], symbols=tuple(declared["symbols"]))
    name = declared["items"]["name"]
    return FieldType(f"list of {name}", record=name)


def _items(kind: Any) -> Schema | None:
    """The record that a field is an array of; None if it is none."""
    return kind["items"] if isinstance(kind, dict) and kind["type"] == "array" else None
