"""Makes Python of an Avro schema: one function that reads a record from its bytes, one that writes it.

For flat records of strings, longs, booleans, enums and optional longs, which ours are, straight-line code over
the bytes is several times faster than an interpreter of schemas (`make bench` has the figures), and it checks what
it reads: no length is believed, and a datum must end where its bytes end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from .varint import Malformed, read_length, read_long, write_long

R = TypeVar("R")
Schema = dict[str, Any]

FRAMING_BYTES = 5
"""The magic byte and the schema's id, which stand before the datum."""


@dataclass(frozen=True)
class _Kind:
    """How a field of one kind is read (`at` ends behind it) and written (first lines, then pieces of bytes)."""

    read: str
    prepare: str
    pieces: str


_KINDS: Mapping[str, _Kind] = {
    "string": _Kind(
        read="""
            end = data[at]
            if end & 129:  # longer than a byte says, or negative
                end, at = read_length(data, at)
                end += at
            else:
                at += 1
                end = at + (end >> 1)
            {name} = data[at:end].decode()
            at = end""",
        prepare="{name} = record.{name}.encode()",
        pieces="NULL if not {name} else LENGTHS[len({name})] if len({name}) < 64 else write_long(len({name})), {name}",
    ),
    "long": _Kind(
        read="""
            {name} = data[at]
            if {name} < 128:
                {name} = {name} >> 1 ^ -({name} & 1)
                at += 1
            else:
                {name}, at = read_long(data, at)""",
        prepare="",
        pieces="write_long(record.{name})",
    ),
    "optional long": _Kind(
        read="""
            {name} = None
            at += 1
            if IS_SET[data[at - 1]]:
                {name}, at = read_long(data, at)""",
        prepare="{name} = record.{name}",
        pieces="NULL if {name} is None else SET + write_long({name})",
    ),
    "boolean": _Kind(
        read="""
            {name} = BOOLEANS[data[at]]
            at += 1""",
        prepare="",
        pieces="BOOLEAN_BYTES[record.{name}]",
    ),
    "enum": _Kind(
        read="""
            {name} = SYMBOLS_{name}[data[at]]
            at += 1""",
        prepare="",
        pieces="BYTES_{name}[record.{name}]",
    ),
}

_ONE_BYTE = 64
_GIVEN: Mapping[str, Any] = {
    "read_length": read_length,
    "read_long": read_long,
    "write_long": write_long,
    "Malformed": Malformed,
    "LENGTHS": [write_long(n) for n in range(_ONE_BYTE)],
    "IS_SET": {0: False, 2: True},
    "BOOLEANS": {0: False, 1: True},
    "NULL": write_long(0),
    "SET": write_long(1),
    "BOOLEAN_BYTES": {False: b"\x00", True: b"\x01"},
}


def reader_of(schema: Schema, record: type[R]) -> Callable[[bytes], R]:
    """A function that reads a framed datum, written with exactly this schema, as the type.

    It raises LookupError or ValueError (which UnicodeDecodeError is) where the bytes are not such a datum.
    """
    lines = "".join(_read_lines(field) for field in schema["fields"])
    arguments = ", ".join(f"{field['name']}={field['name']}" for field in schema["fields"])
    source = f"""
        def read(data):
            at = {FRAMING_BYTES}{lines}
            if at != len(data):
                raise Malformed("the datum does not end where its bytes end")
            return Record({arguments})"""
    return cast("Callable[[bytes], R]", _function("read", source, schema, Record=record))


def writer_of(schema: Schema, framing: bytes) -> Callable[[object], bytes]:
    """A function that writes a record with this schema behind the framing.

    It raises AttributeError, LookupError, TypeError, OverflowError or ValueError where a value does not fit.
    """
    kinds = [(field["name"], _KINDS[_kind_of(field)]) for field in schema["fields"]]
    prepare = "".join(f"\n            {kind.prepare.format(name=name)}" for name, kind in kinds if kind.prepare)
    pieces = ", ".join(kind.pieces.format(name=name) for name, kind in kinds)
    source = f"""
        def write(record):{prepare}
            return b"".join((FRAMING, {pieces}))"""
    return cast("Callable[[object], bytes]", _function("write", source, schema, FRAMING=framing))


def _read_lines(field: Schema) -> str:
    return _KINDS[_kind_of(field)].read.format(name=field["name"])


def _kind_of(field: Schema) -> str:
    kind = field["type"]
    if isinstance(kind, dict) and kind["type"] == "enum" and len(kind["symbols"]) <= _ONE_BYTE:
        return "enum"
    if kind == ["null", "long"]:
        return "optional long"
    if kind in ("string", "long", "boolean"):
        return str(kind)
    raise NotImplementedError(f"field {field['name']}: teach schemas/compiled.py the kind {kind!r}")


def _function(name: str, source: str, schema: Schema, **given: object) -> Callable[..., Any]:
    scope = {**_GIVEN, **_symbols(schema), **given}
    # The source is made of our own templates and of the names of fields in a schema of ours.
    exec(_without_margin(source), scope)  # noqa: S102
    return cast("Callable[..., Any]", scope[name])


def _symbols(schema: Schema) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for field in schema["fields"]:
        if _kind_of(field) == "enum":
            symbols = field["type"]["symbols"]
            tables[f"SYMBOLS_{field['name']}"] = {2 * n: symbol for n, symbol in enumerate(symbols)}
            tables[f"BYTES_{field['name']}"] = {symbol: write_long(n) for n, symbol in enumerate(symbols)}
    return tables


def _without_margin(source: str) -> str:
    return "\n".join(line[8:] for line in source.splitlines())
