"""Records to bytes and back: Avro in the Confluent wire format (a zero byte, four of the schema's id, the datum).

Undecodable(ValueError)   the bytes are not the expected record: send them to the dead-letter topic and continue
Unencodable(ValueError)   a record cannot be written: reject the input that it was made from; otherwise it is a bug
RegistryUnavailable       (of schemas.registry) the schema is unknown for now: retry later
"""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from msgspec import Struct

from . import events
from .catalogue import RECORDS, Catalogue, schema_of
from .compiled import FRAMING_BYTES, Schema, reader_of, writer_of
from .resolved import is_readable, name_of, resolver_of, same_layout
from .topics import MAX_RECORD_BYTES

R = TypeVar("R", bound=Struct)
Reason = Literal["empty", "oversized", "not_avro", "unknown_schema", "foreign", "wrong_record", "bad_avro"]


class Undecodable(ValueError):
    """The bytes are not the expected record. `detail` contains none of them."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Unencodable(ValueError):
    """A value does not fit the schema of its record, or the record is too long."""


class Codec:
    """Writes each record with its newest schema; reads records of every version in the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._writers: dict[type[Struct], Callable[[object], bytes]] = {
            record: writer_of(schema_of(record), _framing(schema_id)) for record, schema_id in catalogue.ids.items()
        }
        # By record, then by the framing at the start of the bytes. Any: no dict relates the types of keys and values.
        self._readers: dict[type[Struct], dict[bytes, Callable[[bytes], Any]]] = {
            record: {} for record in catalogue.ids
        }

    def encode(self, record: events.AnyRecord) -> bytes:
        """Encode a record.

        Raises:
            Unencodable: A value does not fit its field, or the result is longer than MAX_RECORD_BYTES.
        """
        try:
            value = self._writers[type(record)](record)
        except (AttributeError, LookupError, TypeError, OverflowError, ValueError) as fault:
            raise Unencodable(f"{type(record).__name__}: {fault!r}") from fault
        if len(value) > MAX_RECORD_BYTES:
            raise Unencodable(f"{type(record).__name__}: {len(value)} bytes, more than {MAX_RECORD_BYTES}")
        return value

    def decode(self, value: bytes | None, expected: type[R]) -> R:
        """Decode the value of a Kafka record.

        Raises:
            Undecodable: It is not such a record; another attempt gives the same result.
            RegistryUnavailable: Its schema is not known yet, and the registry does not answer: retry later.
        """
        if value is None:
            raise Undecodable("empty", "a null value")
        if len(value) > MAX_RECORD_BYTES:
            raise Undecodable("oversized", f"{len(value)} bytes, more than {MAX_RECORD_BYTES}")
        read = self._readers[expected].get(value[:FRAMING_BYTES]) or self._new_reader(value, expected)
        try:
            record: R = read(value)
        except Undecodable:
            raise
        except (LookupError, ValueError) as fault:
            raise Undecodable("bad_avro", f"{type(fault).__name__}: {fault}") from fault
        return record

    def _new_reader(self, value: bytes, expected: type[R]) -> Callable[[bytes], R]:
        if len(value) < FRAMING_BYTES or value[0]:
            raise Undecodable("not_avro", "no zero byte and schema id in front")
        schema_id = int.from_bytes(value[1:FRAMING_BYTES], "big")
        writer = self._catalogue.schema_of_id(schema_id)
        if writer is None:
            raise Undecodable("unknown_schema", f"schema id {schema_id}")
        reader = _reader(writer, expected, schema_id)
        self._readers[expected][value[:FRAMING_BYTES]] = reader
        return reader


def _reader(writer: Schema, expected: type[R], schema_id: int) -> Callable[[bytes], R]:
    ours = schema_of(expected)
    if same_layout(writer, ours):
        return reader_of(ours, expected)
    if is_readable(writer, ours):
        return resolver_of(writer, ours, expected)
    name, expected_name = name_of(writer) or "no record", _full_name(ours)
    is_ours = name in {_full_name(schema_of(record)) for record in RECORDS}
    reason: Reason = "wrong_record" if is_ours else "foreign"

    def refuse(_: bytes) -> R:
        raise Undecodable(reason, f"schema id {schema_id}, {name}, is not a readable version of {expected_name}")

    return refuse


def _full_name(schema: Schema) -> str:
    return f"{schema['namespace']}.{schema['name']}"


def _framing(schema_id: int) -> bytes:
    return b"\x00" + schema_id.to_bytes(FRAMING_BYTES - 1, "big")
