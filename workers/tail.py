"""Decodes records of Leadloop's topics: as JSON objects, or as one readable line each."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

import msgspec
from confluent_kafka import Message

from schemas.codec import Codec, Undecodable
from schemas.events import AnyRecord
from schemas.instants import iso
from schemas.json_value import JsonObject, JsonValue
from schemas.topics import TOPICS
from workers.kafka import KafkaConf
from workers.reading import records_of

INSTANTS = ("_at", "idle_since", "not_before", "until")
"""How the names of fields end that are epoch ms in the record."""
_NOT_SHOWN = frozenset({"topic", "partition", "offset", "key", "occurred_at", "lead_id", "recorded_at", "source"})
"""Of a line for people: what is in front of it, and what they seldom need."""
_NOTHING: tuple[JsonValue, ...] = (None, "", 0, False, [], "unknown", "UNKNOWN", "unchanged")
_IS_PLAIN = re.compile(r"[\w/:@#.+-]+").fullmatch
_LONGEST = 100


def read(
    conf: KafkaConf, codec: Codec, names: Sequence[str], prefix: str, *, is_following: bool = False
) -> Iterator[JsonObject]:
    """Yield each record as a JSON object, oldest first per partition.

    Args:
        conf: librdkafka's connection settings.
        codec: Decodes the records.
        names: Of the topics, without the prefix.
        prefix: Of the topics.
        is_following: Continue without end, instead of stopping at the end offsets of the start.

    Raises:
        UserError: a topic does not exist.
        KafkaException: the broker does not answer.
    """
    for message in records_of(conf, [prefix + name for name in names], is_following=is_following):
        yield described(message, codec, prefix)


def described(message: Message, codec: Codec, prefix: str) -> JsonObject:
    """One record: its topic, partition and offset, its key, and its fields with instants as ISO 8601.

    An undecodable record has its bytes (hex) and headers instead of fields.
    """
    topic = str(message.topic()).removeprefix(prefix)
    place: JsonObject = {"topic": topic, "partition": message.partition(), "offset": message.offset()}
    key = message.key()
    envelope: JsonObject = place | {"key": bytes(key or b"").decode(errors="replace") or None}
    record = TOPICS[topic].record if topic in TOPICS else None
    if record is None:
        return envelope | _raw(message)
    try:
        return envelope | _fields(codec.decode(message.value(), record))
    except Undecodable:
        return envelope | _raw(message)


def _raw(message: Message) -> JsonObject:
    pairs = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    headers: JsonObject = {name: (value or b"").decode(errors="replace") for name, value in pairs}
    return {"bytes": (message.value() or b"").hex(), "headers": headers}


def _fields(record: AnyRecord) -> JsonObject:
    plain: JsonObject = json.loads(msgspec.json.encode(record))
    return {name: _with_times(name, value) for name, value in plain.items()}


def _with_times(name: str, value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {inner: _with_times(inner, each) for inner, each in value.items()}
    if isinstance(value, list):
        return [_with_times(name, each) for each in value]
    return _iso(value) if type(value) is int and name.endswith(INSTANTS) else value


def _iso(at: int) -> str:
    try:
        return iso(at).replace("Z", "+00:00")
    except (OverflowError, ValueError, OSError):
        return str(at)


def as_json(described_record: JsonObject) -> str:
    """The record as one line of JSON."""
    return json.dumps(described_record, ensure_ascii=False)


def as_text(described_record: JsonObject, zone: ZoneInfo) -> str:
    """The record as one line for people: time, topic, lead, and the fields that have a value.

    Texts that are not plain words are quoted and escaped, so that no content of a record controls the terminal.
    """
    row = described_record
    at, lead = _local(row.get("occurred_at"), zone), row.get("lead_id") or row["key"] or "-"
    if "bytes" in row:
        said = f"not readable: partition {row['partition']}, offset {row['offset']} (--json shows its bytes)"
    else:
        fields = ((name, value) for name, value in row.items() if name not in _NOT_SHOWN and value not in _NOTHING)
        said = " ".join(f"{name}={_shown(name, value, zone)}" for name, value in fields)
    return f"{at:29}  {row['topic']!s:16}  {_quoted(str(lead))}  {said}".rstrip()


def _local(value: JsonValue, zone: ZoneInfo) -> str:
    """An instant of a described record in a time zone; `-` for none."""
    try:
        return datetime.fromisoformat(str(value)).astimezone(zone).isoformat(timespec="milliseconds") if value else "-"
    except (OverflowError, ValueError):
        return str(value)


def _shown(name: str, value: JsonValue, zone: ZoneInfo) -> str:
    if isinstance(value, list):
        return f"[{len(value)}]"
    return _quoted(_local(value, zone) if name.endswith(INSTANTS) else str(value))


def _quoted(text: str) -> str:
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return short if _IS_PLAIN(short) else json.dumps(short, ensure_ascii=not short.isprintable())
