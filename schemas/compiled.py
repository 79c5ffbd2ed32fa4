"""Compiles an Avro schema to Python: a function that reads a record from its bytes, and one that writes it.

For records of strings, longs (both also optional), booleans, enums and arrays of such records, which ours are,
straight-line code over the bytes is several times faster than an interpreter of schemas (`make bench` has the
figures), and it validates what it reads: no length is trusted, and a datum must end where its bytes end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast, get_args, get_type_hints

from .varint import LAST, LOW, MIDDLE, NOT_SIX, THREE_PAIRS, MalformedVarint, read_length, read_long, write_long

R = TypeVar("R")
Schema = dict[str, Any]
"""A record schema of Avro, as `json.loads` returns it: Any, because fastavro checks its structure, not the types."""

AvroType: TypeAlias = "str | list[AvroType] | Schema"
"""A type within a schema: a name, a union, or an object with the key `type`."""

FRAMING_BYTES = 5
"""The magic byte and the schema's id, which stand before the datum."""


@dataclass(frozen=True)
class _Kind:
    """How a field of one kind is read (`at` ends behind it) and written, in pieces of bytes."""

    read: str
    pieces: str


class _Longs(dict[int, bytes]):
    """A cache of encoded numbers: several records in succession have the same instants."""

    def __missing__(self, number: int) -> bytes:
        if len(self) >= _REMEMBERED:
            self.clear()
        written = self[number] = write_long(number)
        return written


class _Texts(dict[str, bytes]):
    """A cache of encoded texts with their lengths: most are names and ids that occur again."""

    def __missing__(self, text: str) -> bytes:
        data = text.encode()
        written = write_long(len(data)) + data
        if len(data) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[text] = written
        return written


_REMEMBERED = 1 << 15
_LONGEST_REMEMBERED = 128

_KINDS: Mapping[str, _Kind] = {
    "string": _Kind(
        read="""
            end = data[at]
            at += 1
            if not end:
                {name} = ""
            else:
                if end & 129:  # longer than a byte says, or negative
                    end, at = read_length(data, at - 1)
                    end += at
                else:
                    end = at + (end >> 1)
                {name} = data[at:end].decode()
                at = end""",
        pieces="TEXTS[record.{name}]",
    ),
    "long": _Kind(
        read="""
            {name} = data[at]
            if {name} < 128:
                {name} = {name} >> 1 ^ -({name} & 1)
                at += 1
            else:
                try:  # six bytes, as instants have: `read_long` without the call
                    low, middle, last = THREE_PAIRS(data, at)
                    {name} = LOW[low] + MIDDLE[middle] + LAST[last]
                    {name} = {name} >> 1 ^ -({name} & 1)
                    at += 6
                except NOT_SIX:
                    {name}, at = read_long(data, at)""",
        pieces="LONGS[record.{name}]",
    ),
    "optional long": _Kind(
        read="""
            {name} = None
            at += 1
            if IS_SET[data[at - 1]]:
                {name}, at = read_long(data, at)""",
        pieces="NULL if record.{name} is None else SET + LONGS[record.{name}]",
    ),
    "optional string": _Kind(
        read="""
            {name} = None
            at += 1
            if IS_SET[data[at - 1]]:
                end, at = read_length(data, at)
                end += at
                {name} = data[at:end].decode()
                at = end""",
        pieces="NULL if record.{name} is None else SET + TEXTS[record.{name}]",
    ),
    "boolean": _Kind(
        read="""
            {name} = BOOLEANS[data[at]]
            at += 1""",
        pieces="BOOLEAN_BYTES[record.{name}]",
    ),
    "enum": _Kind(
        read="""
            {name} = SYMBOLS_{name}[data[at]]
            at += 1""",
        pieces="BYTES_{name}[record.{name}]",
    ),
    "array": _Kind(
        read="""
            {name}, at = read_items(data, at, READ_{name}) if data[at] else ((), at + 1)""",
        pieces="write_items(record.{name}, WRITE_{name}) if record.{name} else NULL",
    ),
}

_ONE_BYTE = 64

ReadItem = Callable[[bytes, int], tuple[object, int]]
"""Reads the item that begins at an offset; returns it, and the offset after it."""


def _read_items(data: bytes, at: int, read: ReadItem) -> tuple[tuple[object, ...], int]:
    """The items of an array: blocks of so many, the last of none; a negative count is followed by the block's size."""
    items: list[object] = []
    while True:
        count, at = read_long(data, at)
        if not count:
            return tuple(items), at
        if count < 0:
            count, (_, at) = -count, read_long(data, at)
        for _ in range(count):  # every item takes bytes: a count that is too large ends with the data
            item, at = read(data, at)
            items.append(item)


def _write_items(items: Sequence[object], write: Callable[[object], bytes]) -> bytes:
    return b"".join((write_long(len(items)), *map(write, items), write_long(0)))


_GIVEN: Mapping[str, object] = {
    "read_length": read_length,
    "read_long": read_long,
    "THREE_PAIRS": THREE_PAIRS,
    "LOW": LOW,
    "MIDDLE": MIDDLE,
    "LAST": LAST,
    "NOT_SIX": NOT_SIX,
    "read_items": _read_items,
    "write_items": _write_items,
    "MalformedVarint": MalformedVarint,
    "LONGS": _Longs(),
    "TEXTS": _Texts(),
    "IS_SET": {0: False, 2: True},
    "BOOLEANS": {0: False, 1: True},
    "NULL": write_long(0),
    "SET": write_long(1),
    "BOOLEAN_BYTES": {False: b"\x00", True: b"\x01"},
}


def reader_of(schema: Schema, record: type[R]) -> Callable[[bytes], R]:
    """Compile a function that reads a framed datum, written with exactly this schema, as the type `record`.

    The function raises LookupError or ValueError (also UnicodeDecodeError) if the bytes are not such a datum.

    Raises:
        NotImplementedError: A field has an unsupported type.
    """
    source = f"""
        def read(data):
            at = {FRAMING_BYTES}{_read_lines(schema)}
            if at != len(data):
                raise MalformedVarint("the datum does not end where its bytes end")
            return Record({_arguments(schema)})"""
    given = {f"READ_{name}": _item_reader(items, _type_of(record, name)) for name, items in _arrays(schema)}
    return cast("Callable[[bytes], R]", _function("read", source, schema, Record=record, **given))


def writer_of(schema: Schema, framing: bytes) -> Callable[[object], bytes]:
    """Compile a function that writes a record with this schema, after the bytes of `framing`.

    The function raises AttributeError, LookupError, TypeError, OverflowError or ValueError if a value does not fit.

    Raises:
        NotImplementedError: A field has an unsupported type.
    """
    pieces = ", ".join(_KINDS[_kind_of(field)].pieces.format(name=field["name"]) for field in schema["fields"])
    source = f"""
        def write(record):
            return b"".join((FRAMING, {pieces}))"""
    given = {f"WRITE_{name}": writer_of(items, b"") for name, items in _arrays(schema)}
    return cast("Callable[[object], bytes]", _function("write", source, schema, FRAMING=framing, **given))


def _item_reader(schema: Schema, record: type[object]) -> ReadItem:
    source = f"""
        def read(data, at):{_read_lines(schema)}
            return Record({_arguments(schema)}), at"""
    return _function("read", source, schema, Record=record)


def _arrays(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The fields that are arrays, with the schema of their items."""
    return ((field["name"], field["type"]["items"]) for field in schema["fields"] if _kind_of(field) == "array")


def _type_of(record: type[object], name: str) -> type[object]:
    """The type of the items of a field that is a tuple of any length."""
    item: type[object] = get_args(get_type_hints(record)[name])[0]
    return item


def _read_lines(schema: Schema) -> str:
    return "".join(_KINDS[_kind_of(field)].read.format(name=field["name"]) for field in schema["fields"])


def _arguments(schema: Schema) -> str:
    return ", ".join(f"{field['name']}={field['name']}" for field in schema["fields"])


def _kind_of(field: Schema) -> str:
    kind = field["type"]
    if isinstance(kind, dict) and kind["type"] == "enum" and len(kind["symbols"]) <= _ONE_BYTE:
        return "enum"
    if isinstance(kind, dict) and kind["type"] == "array" and _is_flat(kind["items"]):
        return "array"
    if kind in (["null", "long"], ["null", "string"]):
        return f"optional {kind[1]}"
    if kind in ("string", "long", "boolean"):
        return str(kind)
    raise NotImplementedError(f"field {field['name']}: schemas/compiled.py does not support the kind {kind!r}")


def _is_flat(items: AvroType) -> bool:
    if not isinstance(items, dict) or items["type"] != "record":
        return False
    return all(isinstance(field["type"], str | list) for field in items["fields"])


def _function(
    name: str, source: str, schema: Schema, **given: object
) -> Callable[..., Any]:  # generated code is untyped
    scope = {**_GIVEN, **_symbols(schema), **given}
    # The source is made of our own templates and of the names of fields in a schema of ours.
    exec(_without_margin(source), scope)  # noqa: S102
    return cast("Callable[..., Any]", scope[name])


def _symbols(schema: Schema) -> dict[str, object]:
    tables: dict[str, object] = {}
    for field in schema["fields"]:
        if _kind_of(field) == "enum":
            symbols = field["type"]["symbols"]
            tables[f"SYMBOLS_{field['name']}"] = {2 * n: symbol for n, symbol in enumerate(symbols)}
            tables[f"BYTES_{field['name']}"] = {symbol: write_long(n) for n, symbol in enumerate(symbols)}
    return tables


def _without_margin(source: str) -> str:
    return "\n".join(line[8:] for line in source.splitlines())
