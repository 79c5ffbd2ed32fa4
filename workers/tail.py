"""Shows what travels: decodes records of Leadloop's topics into JSON lines, for people and for pipes."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

import msgspec
from confluent_kafka import Message

from schemas.codec import Codec, Undecodable
from schemas.instants import iso
from schemas.topics import TOPICS
from workers.reading import records_of

INSTANTS = ("_at", "idle_since", "not_before")


def read(
    conf: dict[str, Any], codec: Codec, names: Sequence[str], prefix: str, *, is_following: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield each record as a dict, oldest first per partition; ends where the topics end, unless following.

    Raises:
        UserError: a topic does not exist.
        KafkaException: the broker does not answer.
    """
    for message in records_of(conf, [prefix + name for name in names], is_following=is_following):
        yield described(message, codec, prefix)


def described(message: Message, codec: Codec, prefix: str) -> dict[str, Any]:
    """One record in words: where it stands, its key, its fields with instants as ISO 8601, its dead-letter headers."""
    topic = str(message.topic()).removeprefix(prefix)
    place = {"topic": topic, "partition": message.partition(), "offset": message.offset()}
    key = message.key()
    shown = place | {"key": bytes(key or b"").decode(errors="replace") or None}
    record = TOPICS[topic].record if topic in TOPICS else None
    if record is None:
        return shown | _raw(message)
    try:
        return shown | _fields(codec.decode(message.value(), record))
    except Undecodable:
        return shown | _raw(message)


def _raw(message: Message) -> dict[str, Any]:
    came = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    headers = {name: (value or b"").decode(errors="replace") for name, value in came}
    return {"bytes": (message.value() or b"").hex(), "headers": headers}


def _fields(record: Any) -> dict[str, Any]:
    return {
        name: _iso(value) if name.endswith(INSTANTS) and value is not None else value
        for name, value in msgspec.structs.asdict(record).items()
    }


def _iso(at: int) -> str:
    try:
        return iso(at).replace("Z", "+00:00")
    except (OverflowError, ValueError, OSError):
        return str(at)


def as_line(described_record: dict[str, Any]) -> str:
    return json.dumps(described_record, ensure_ascii=False)
