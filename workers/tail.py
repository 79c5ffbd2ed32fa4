"""Decodes records of Leadloop's topics into JSON lines."""

import json
from collections.abc import Iterator, Sequence
from typing import cast

import msgspec
from confluent_kafka import Message

from schemas.codec import Codec, Undecodable
from schemas.events import AnyRecord
from schemas.instants import iso
from schemas.json_value import JsonObject
from schemas.topics import TOPICS
from workers.kafka import KafkaConf
from workers.reading import records_of

INSTANTS = ("_at", "idle_since", "not_before")


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
    return {
        name: _iso(value) if name.endswith(INSTANTS) and value is not None else value
        for name, value in msgspec.structs.asdict(record).items()
    }


def _iso(at: int) -> str:
    try:
        return iso(at).replace("Z", "+00:00")
    except (OverflowError, ValueError, OSError):
        return str(at)


def as_line(described_record: JsonObject) -> str:
    return json.dumps(described_record, ensure_ascii=False)
