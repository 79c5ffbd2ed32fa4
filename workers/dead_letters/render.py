"""Renders a dead letter as JSON, its content decoded as far as possible."""

import json
from typing import Any

import msgspec

from schemas.catalogue import RECORDS
from schemas.codec import Codec, Undecodable
from schemas.instants import iso
from schemas.topics import TOPICS

from .dead_letter import DeadLetter

SHOWN_BYTES = 4_096


def in_short(letter: DeadLetter, *, is_replayed: bool) -> dict[str, Any]:
    """One line of a list."""
    return {
        "place": letter.place,
        "seen_at": iso(letter.seen_at),
        "reason": letter.reason,
        "topic": letter.from_topic,
        "partition": letter.from_partition,
        "offset": letter.from_offset,
        "key": (letter.key or b"").decode(errors="replace"),
        "error": letter.error[:200],
        **({"endpoint": letter.endpoint} if letter.endpoint else {}),
        **({"replayed": True} if is_replayed else {}),
    }


def in_full(letter: DeadLetter, codec: Codec, prefix: str, *, is_replayed: bool) -> dict[str, Any]:
    """All of it."""
    return in_short(letter, is_replayed=is_replayed) | {
        "error": letter.error,
        "bytes": len(letter.value),
        "cut_bytes": letter.cut_bytes,
        "headers": {name: value.decode(errors="replace") for name, value in letter.kept},
        **_content(letter, codec, prefix),
    }


def _content(letter: DeadLetter, codec: Codec, prefix: str) -> dict[str, Any]:
    """The value as its topic's record, as any of our records, as JSON, as text or as bytes: the first that fits."""
    topic = TOPICS.get(letter.from_topic.removeprefix(prefix))
    for record in (topic.record if topic else None, *RECORDS):
        if record is None:
            continue
        try:
            return {record.__name__: msgspec.structs.asdict(codec.decode(letter.value, record))}
        except Undecodable:
            continue
    try:
        text = letter.value.decode()
    except UnicodeDecodeError:
        return {"hex": letter.value[:SHOWN_BYTES].hex()}
    try:
        return {"json": json.loads(text)}
    except (ValueError, RecursionError):
        return {"text": text[:SHOWN_BYTES]}
