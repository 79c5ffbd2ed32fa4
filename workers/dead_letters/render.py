"""Renders a dead letter as JSON, its content decoded as far as possible."""

import json

import msgspec

from schemas.catalogue import RECORDS
from schemas.codec import Codec, Undecodable
from schemas.instants import iso
from schemas.json_value import JsonObject
from schemas.topics import TOPICS

from .parsing import DeadLetter

SHOWN_BYTES = 4_096


def in_short(dead_letter: DeadLetter, *, is_replayed: bool) -> JsonObject:
    """One line of a list."""
    return {
        "place": dead_letter.place,
        "seen_at": iso(dead_letter.seen_at),
        "reason": dead_letter.reason,
        "topic": dead_letter.from_topic,
        "partition": dead_letter.from_partition,
        "offset": dead_letter.from_offset,
        "key": (dead_letter.key or b"").decode(errors="replace"),
        "error": dead_letter.error[:200],
        **({"endpoint": dead_letter.endpoint} if dead_letter.endpoint else {}),
        **({"replayed": True} if is_replayed else {}),
    }


def in_full(dead_letter: DeadLetter, codec: Codec, prefix: str, *, is_replayed: bool) -> JsonObject:
    """All of it."""
    return in_short(dead_letter, is_replayed=is_replayed) | {
        "error": dead_letter.error,
        "bytes": len(dead_letter.value),
        "cut_bytes": dead_letter.cut_bytes,
        "headers": {name: value.decode(errors="replace") for name, value in dead_letter.kept},
        **_content(dead_letter, codec, prefix),
    }


def _content(dead_letter: DeadLetter, codec: Codec, prefix: str) -> JsonObject:
    """The value as its topic's record, as any of our records, as JSON, as text or as bytes: the first that fits."""
    topic = TOPICS.get(dead_letter.from_topic.removeprefix(prefix))
    for record in (topic.record if topic else None, *RECORDS):
        if record is None:
            continue
        try:
            return {record.__name__: msgspec.structs.asdict(codec.decode(dead_letter.value, record))}
        except Undecodable:
            continue
    try:
        text = dead_letter.value.decode()
    except UnicodeDecodeError:
        return {"hex": dead_letter.value[:SHOWN_BYTES].hex()}
    try:
        return {"json": json.loads(text)}
    except (ValueError, RecursionError):
        return {"text": text[:SHOWN_BYTES]}
