"""Recognises values that are not in the Confluent wire format, and says how to correct the producer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.catalogue import Catalogue
from schemas.codec import Codec, Undecodable
from schemas.compiled import FRAMING_BYTES
from schemas.instants import EARLIEST_MS, LATEST_MS
from schemas.topics import TOPICS, Topic

if TYPE_CHECKING:
    from schemas.events import FactRecord

WIRE_FORMAT = "a zero byte, the id of the schema in four bytes (big-endian), the datum"
_ANOTHER = f"use a serializer for the Confluent wire format: {WIRE_FORMAT}"
_CONTAINER, _SINGLE_OBJECT, _GLUE = b"Obj\x01", b"\xc3\x01", (b"\x03\x00", b"\x03\x05")
_FACTS = [topic for topic in TOPICS.values() if "upstream" in topic.written_by]


@dataclass(frozen=True)
class Framing:
    """What a value is instead, and how to correct the producer."""

    found: str
    fix: str


def schema_id_of(value: bytes) -> int | None:
    """The id in the framing of a value; None if it has no such framing."""
    if len(value) < FRAMING_BYTES or value[0]:
        return None
    return int.from_bytes(value[1:FRAMING_BYTES], "big")


def framed(schema_id: int, datum: bytes) -> bytes:
    return b"\x00" + schema_id.to_bytes(FRAMING_BYTES - 1, "big") + datum


def framing_of(value: bytes, catalogue: Catalogue) -> Framing | None:
    """What a value is that has no framing of a known schema; None if nothing is recognised."""
    return next(_recognised(value, catalogue), None)


def _recognised(value: bytes, catalogue: Catalogue) -> Iterator[Framing]:
    if value[:1] in (b"{", b"["):
        yield Framing("JSON text", f"encode the record with Avro, and write {WIRE_FORMAT}")
    if value.startswith(_CONTAINER):
        yield Framing("an Avro object container file", f"write a single datum: {WIRE_FORMAT}")
    if value.startswith(_SINGLE_OBJECT):
        yield Framing("Avro's single-object encoding", _ANOTHER)
    if value.startswith(_GLUE):
        yield Framing("the framing of AWS Glue's schema registry", _ANOTHER)
    if value.startswith(bytes(FRAMING_BYTES)):
        text = "the id of a schema in eight bytes, as Apicurio's serializers can write it"
        yield Framing(text, "configure the serializer for ids of four bytes, as Confluent's have them")
    for topic, schema_id in _facts_without_framing(value, catalogue):
        front = framed(schema_id, b"").hex(" ")
        fix = (
            f"write the bytes {front} in front of it; a serializer that writes the id into a header (Confluent's "
            "HeaderSchemaIdSerializer) has to be configured to write it there"
        )
        yield Framing(f"a datum of {topic.name} without the framing", fix)


def _facts_without_framing(value: bytes, catalogue: Catalogue) -> Iterator[tuple[Topic, int]]:
    codec = Codec(catalogue)
    for topic in _FACTS:
        record: type[FactRecord] = topic.record  # type: ignore[assignment]  # the facts are among them
        schema_id = catalogue.ids[record]
        try:
            fact = codec.decode(framed(schema_id, value), record)
        except Undecodable:
            continue
        if fact.lead_id and EARLIEST_MS <= fact.occurred_at < LATEST_MS:  # noise can be a datum as well
            yield topic, schema_id
