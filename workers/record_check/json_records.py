"""A record as JSON: the fields of its schema by name (times as epoch milliseconds), or an event as ingest takes it."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec

from schemas.catalogue import schema_of
from schemas.events import AnyRecord
from schemas.json_value import JsonObject
from streams.runtime.documents import did_you_mean
from workers.http.problems import FieldError

_MILLISECONDS = "write milliseconds since 1970, UTC, as a whole number"


class NotARecord(ValueError):
    """The JSON is no such record: an Avro serializer would not encode it. `errors` names every field."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error.path}: {error.detail}" for error in errors))
        self.errors = errors


def record_of_json(fields: JsonObject, record: type[AnyRecord]) -> AnyRecord:
    """Build a record.

    Args:
        fields: By name; those that are missing have their default.
        record: Its type.

    Raises:
        NotARecord: A name is unknown, or a value has the wrong type.
    """
    plain = {name: _without_branch(value) for name, value in fields.items()}
    if errors := [*_errors(plain, record)]:
        raise NotARecord(errors)
    converted: AnyRecord = msgspec.convert(plain, record)
    return converted


def _without_branch(value: Any) -> Any:
    """Avro's own JSON encoding names the branch of a union: {"long": 5}."""
    if isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in ("long", "string"):
        return next(iter(value.values()))
    return value


def _errors(fields: Mapping[str, Any], record: type[AnyRecord]) -> Iterator[FieldError]:
    types = {field.name: field.type for field in msgspec.structs.fields(record)}
    for name, value in fields.items():
        if name not in types:
            yield FieldError(name, f"{record.__name__} has no such field", did_you_mean(name, types))
            continue
        try:
            msgspec.convert(value, types[name])
        except msgspec.ValidationError:
            yield FieldError(name, f"{value!r:.60} does not fit its type", _fix(name, types[name], record))


def _fix(name: str, kind: Any, record: type[AnyRecord]) -> str:
    if symbols := [symbol for symbol in get_args(kind) if isinstance(symbol, str)]:
        return f"write one of {', '.join(symbols)}"
    (doc,) = (field["doc"] for field in schema_of(record)["fields"] if field["name"] == name)
    if "Epoch milliseconds" in doc:
        return _MILLISECONDS
    if bool in (kind, *get_args(kind)):
        return "write true or false"
    return "write a whole number" if int in (kind, *get_args(kind)) else "write a text"
