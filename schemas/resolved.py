"""Reads what another version of a record's schema has written: Avro's schema resolution, done by fastavro.

Slower than `compiled`, and rare. Neither the writer's schema, from a registry, nor the bytes are trusted. So a schema
whose data could take more time to read than is linear in their length is rejected: recursive records,
and arrays of items that take no bytes (2**62 nulls are ten bytes).
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any, TypeVar

from fastavro import parse_schema, schemaless_reader
from fastavro.schema import SchemaParseException, UnknownType, to_parsing_canonical_form
from msgspec import convert

from .compiled import FRAMING_BYTES, AvroType, Schema
from .varint import MalformedVarint

R = TypeVar("R")

_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


def same_layout(writer: Schema, reader: Schema) -> bool:
    """Whether both schemas give the same bytes the same meaning: their parsing canonical forms are equal."""
    try:
        return to_parsing_canonical_form(writer) == to_parsing_canonical_form(reader)
    except (SchemaParseException, UnknownType, LookupError, TypeError, AttributeError):
        return False


def is_readable(writer: Schema, reader: Schema) -> bool:
    """Whether the writer's schema is another version of the reader's, and safe to read with."""
    name = name_of(writer)
    return name != "" and name == name_of(reader) and _is_linear(writer, ())


def name_of(schema: Schema) -> str:
    """The full name of a record's schema; empty if it is no valid schema of a record."""
    try:
        parsed: Any = parse_schema(schema)  # fastavro declares a union
        return str(parsed["name"])
    except (SchemaParseException, UnknownType, LookupError, TypeError, AttributeError):
        return ""


def resolver_of(writer: Schema, reader: Schema, record: type[R]) -> Callable[[bytes], R]:
    """Return a function that reads a framed datum of the writer's schema as the type `record`.

    The function raises ValueError if the bytes are not such a datum.
    """
    written, wanted = parse_schema(writer), parse_schema(reader)

    def read(data: bytes) -> R:
        source = BytesIO(data)
        source.seek(FRAMING_BYTES)
        try:
            # Through the type: an array of records comes as a list of dicts.
            read_as_type = convert(schemaless_reader(source, written, wanted), record)
        except Exception as fault:  # fastavro documents no errors here; whatever it is, the bytes caused it
            raise MalformedVarint(f"{type(fault).__name__} while reading another version's datum") from fault
        if source.tell() != len(data):
            raise MalformedVarint("the datum does not end where its bytes end")
        return read_as_type

    return read


def _is_linear(schema: AvroType, within: tuple[str, ...]) -> bool:  # noqa: PLR0911 - one answer a kind of schema
    """Whether every datum can be read in time linear in its bytes."""
    if isinstance(schema, str):
        return schema.rpartition(".")[2] not in within
    if isinstance(schema, list):
        return all(_is_linear(branch, within) for branch in schema)
    match schema["type"]:
        case "record":
            here = (*within, schema["name"].rpartition(".")[2])
            return all(_is_linear(field["type"], here) for field in schema["fields"])
        case "array":
            return _takes_bytes(schema["items"]) and _is_linear(schema["items"], within)
        case "map":
            return _is_linear(schema["values"], within)
        case "enum" | "fixed":
            return True
        case kind:
            return _is_linear(kind, within)


def _takes_bytes(schema: AvroType) -> bool:
    if isinstance(schema, str):  # of a named type the worst case is assumed
        return schema in _PRIMITIVES - {"null"}
    if isinstance(schema, list):
        return True
    match schema["type"]:
        case "record":
            return any(_takes_bytes(field["type"]) for field in schema["fields"])
        case "fixed":
            return bool(schema["size"])
        case "array" | "map" | "enum":
            return True
        case kind:
            return _takes_bytes(kind)
