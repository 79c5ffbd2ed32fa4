"""A dead letter in words, its content decoded as far as possible."""

import json
from typing import Any

import msgspec

from schemas.catalogue import RECORDS
from schemas.codec import Codec, Undecodable
from schemas.topics import TOPICS
from workers.instants import iso

from .letter import Letter

SHOWN_BYTES = 4_096


def in_short(letter: Letter, *, is_replayed: bool) -> dict[str, Any]:
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


def in_full(letter: Letter, codec: Codec, prefix: str, *, is_replayed: bool) -> dict[str, Any]:
    """All of it."""
    return in_short(letter, is_replayed=is_replayed) | {
        "error": letter.error,
        "bytes": len(letter.value),
        "cut_bytes": letter.cut_bytes,
        "headers": {name: value.decode(errors="replace") for name, value in letter.kept},
        **_content(letter, codec, prefix),
    }


def _content(letter: Letter, codec: Codec, prefix: str) -> dict[str, Any]:
    """As the record of its topic, as any record of ours, as JSON, as text, as bytes: whatever comes first."""
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
