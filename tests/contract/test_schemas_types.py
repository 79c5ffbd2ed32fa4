"""The types in `schemas.events` and the schemas in `schemas/avro` say the same, field by field."""

import json
import typing
from importlib import resources
from typing import Any, Literal

import msgspec
import pytest

from schemas import events
from schemas.catalogue import RECORDS, releases, schema_of
from schemas.topics import TOPIC_OF, TOPICS

UNITS = (
    "Attempts, from 1.",
    "Bits: 1 created,",
    "Days, rounded down.",
    "Epoch milliseconds, UTC.",
    "Facts.",
    "HTTP status",
    "Minor units of",
    "Passes, from 1.",
    "Recycles.",
    "Touches.",
)
_PLAIN: dict[Any, Any] = {
    bool: "boolean",
    int: "long",
    int | None: ["null", "long"],
    str: "string",
    str | None: ["null", "string"],
}
pytestmark = pytest.mark.parametrize("record", RECORDS)


def _record(kind: Any) -> Any:
    hints = typing.get_type_hints(kind)
    fields = [(one.name, _kind_of(hints[one.name]), one.default) for one in msgspec.structs.fields(kind)]
    return {"type": "record", "name": kind.__name__, "doc": kind.__doc__, "fields": fields}


def _said(schema: Any) -> Any:
    """The kinds and the defaults of a schema's fields; also within its arrays."""
    return [(field["name"], _kind_said(field["type"]), _default(field)) for field in schema["fields"]]


def _default(field: Any) -> Any:
    return () if field["default"] == [] else field["default"]


def _kind_said(kind: Any) -> Any:
    if not isinstance(kind, dict) or kind["type"] != "array":
        return kind
    return {"type": "array", "items": {**kind["items"], "fields": _said(kind["items"])}}


def _kind_of(hint: Any) -> Any:
    """The Avro type that a type hint must have."""
    if typing.get_origin(hint) is Literal:
        symbols = list(typing.get_args(hint))
        (name,) = (name for name, alias in vars(events).items() if alias == hint)
        return {"type": "enum", "name": name, "symbols": symbols, "default": symbols[0]}
    if typing.get_origin(hint) is tuple:
        return {"type": "array", "items": _record(typing.get_args(hint)[0])}
    return _PLAIN[hint]


def test_a_schema_has_the_fields_of_its_type_in_their_order(record: type[events.AnyRecord]) -> None:
    assert tuple(field["name"] for field in schema_of(record)["fields"]) == record.__struct_fields__


def test_a_schema_has_the_field_types_and_defaults_of_its_type(record: type[events.AnyRecord]) -> None:
    assert _said(schema_of(record)) == _record(record)["fields"]


def test_the_first_symbol_of_an_enum_is_the_one_for_unknown_values(record: type[events.AnyRecord]) -> None:
    kinds = [field["type"] for field in schema_of(record)["fields"]]
    enums = [kind for kind in kinds if isinstance(kind, dict) and kind["type"] == "enum"]
    assert all(enum["symbols"][0].lower() in ("unknown", "unchanged") for enum in enums)


def test_a_schema_documents_itself_and_each_field_with_its_unit(record: type[events.AnyRecord]) -> None:
    schema = schema_of(record)
    assert schema["doc"] == " ".join((record.__doc__ or "").split())
    arrays = [field["type"] for field in schema["fields"] if field["default"] == []]
    for field in [*schema["fields"], *(field for array in arrays for field in array["items"]["fields"])]:
        assert field["doc"]
        if field["type"] in ("long", ["null", "long"]):
            assert any(unit in field["doc"] for unit in UNITS), field["name"]


def test_a_schema_has_the_name_of_its_type_and_the_namespace_of_its_major_version(
    record: type[events.AnyRecord],
) -> None:
    schema = schema_of(record)
    assert (schema["namespace"], schema["name"]) == ("leadloop.v1", record.__name__)


def test_a_record_type_belongs_to_exactly_one_topic(record: type[events.AnyRecord]) -> None:
    assert [topic for topic in TOPICS.values() if topic.record is record] == [TOPIC_OF[record]]


def test_every_schema_in_the_tree_belongs_to_a_record_or_a_release(record: type[events.AnyRecord]) -> None:
    avro = resources.files("schemas").joinpath("avro")
    names = {file.name for file in avro.iterdir() if file.is_file()}
    assert names == {f"{one.__name__}.avsc" for one in RECORDS} | {"catalogue.json"}
    kept = {file.name for file in avro.joinpath("released", record.__name__).iterdir()}
    assert kept == {f"v{one.version}.avsc" for one in releases() if one.record == record.__name__}
    assert all(json.loads(one.text())["name"] == one.record for one in releases())
