"""Shows what travels: decodes records of Leadloop's topics into JSON lines, for people and for pipes."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas.codec import Codec, Undecodable
from schemas.topics import TOPICS

INSTANTS = ("_at", "idle_since", "not_before")


class NoTopic(LookupError):
    """A topic that was asked for is not there."""


def read(
    conf: dict[str, Any], codec: Codec, names: Sequence[str], prefix: str, *, is_following: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield each record as a dict, oldest first per partition; ends where the topics end, unless following.

    Raises:
        NoTopic: when one is not there.
        KafkaException: when the broker is out of reach.
    """
    consumer = Consumer(
        conf
        | {
            "group.id": f"leadloop-tail-{uuid4().hex}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        ends = _assign(consumer, [prefix + name for name in names])
        yield from _records(consumer, codec, prefix, ends, is_following=is_following)
    finally:
        consumer.close()


def _assign(consumer: Consumer, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """Start every partition at its beginning; returns the ends of those that hold anything."""
    ends = {}
    starts = []
    for topic in topics:
        metadata = consumer.list_topics(topic, timeout=20).topics[topic]
        if metadata.error or not metadata.partitions:
            raise NoTopic(f"there is no topic {topic}: `leadloop topics create` makes it")
        for number in metadata.partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)
            starts.append(TopicPartition(topic, number, low))
            if high > low:
                ends[topic, number] = high
    consumer.assign(starts)
    return ends


def _records(
    consumer: Consumer, codec: Codec, prefix: str, ends: dict[tuple[str, int], int], *, is_following: bool
) -> Iterator[dict[str, Any]]:
    while ends or is_following:
        for message in consumer.consume(1000, timeout=0.2):
            if message.error():
                raise KafkaException(message.error())
            yield described(message, codec, prefix)
        for place in consumer.position([TopicPartition(*at) for at in ends]) if ends else ():
            if place.offset >= ends[place.topic, place.partition]:
                del ends[place.topic, place.partition]


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
        return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return str(at)


def as_line(described_record: dict[str, Any]) -> str:
    return json.dumps(described_record, ensure_ascii=False)
