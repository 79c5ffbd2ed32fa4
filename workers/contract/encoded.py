"""The examples as they are in Kafka: key, headers and bytes, and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import asdict

from schemas import events
from schemas.codec import Codec
from schemas.headers import cloudevents_headers
from schemas.json_value import JsonObject
from schemas.topics import partition_of

from .described import DescribedTopic
from .examples import EXAMPLES

PARTITIONS = 12
"""Of the inputs, by default: what an example's partition refers to."""


@dataclass(frozen=True)
class EncodedExample:
    """One example. `key` is None for a record that is sent to a partition instead."""

    record: events.AnyRecord
    key: str | None
    headers: dict[str, str]
    value: bytes

    @property
    def fields(self) -> JsonObject:
        """All fields."""
        fields: JsonObject = msgspec.to_builtins(self.record)
        return fields

    @property
    def given_fields(self) -> JsonObject:
        """The fields that differ from their default: what a producer has to give."""
        defaults = asdict(type(self.record)())
        return {name: value for name, value in self.fields.items() if value != defaults[name]}

    @property
    def partition(self) -> int | None:
        """The partition of its key among PARTITIONS; None without a key."""
        return None if self.key is None else partition_of(self.key.encode(), PARTITIONS)

    def row(self) -> JsonObject:
        """Its entry in a file of examples."""
        place: JsonObject = {} if self.key is None else {"key": self.key, f"partition_of_{PARTITIONS}": self.partition}
        return {**place, "headers": {**self.headers}, "record": self.fields, "hex": self.value.hex()}


Examples = Mapping[str, Sequence[EncodedExample]]
"""The examples of each topic."""


def encoded(topic: DescribedTopic, codec: Codec) -> Iterator[EncodedExample]:
    """The examples of a topic."""
    for record in EXAMPLES[topic.record]:
        headers = {name: value.decode() for name, value in cloudevents_headers(record, topic.name)}
        yield EncodedExample(record, _key(record), headers, codec.encode(record))


def _key(record: events.AnyRecord) -> str | None:
    match record:
        case events.Heartbeat():
            return None
        case events.EndpointState():
            return record.endpoint
        case _:
            return record.lead_id
