"""What a generation stores about itself: its format, the cluster that it was read from, and its freshness.

Format of the stored values: metadata is JSON (`Meta`); freshness is a hash by `topic/partition` of `behind:until`.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

SOURCE_TOPICS = (
    "lead-snapshots",
    "lead-created",
    "lead-updated",
    "lead-contacted",
    "lead-stalled",
    "deal-closed",
    "lead-recycled",
    "lead-escalated",
    "lead-decisions",
    "delivery-results",
)
"""The topics, without prefix, that the read model is built from."""


class Meta(msgspec.Struct, frozen=True):
    """The format of a generation, and the id of the Kafka cluster that it was read from."""

    format: int
    cluster: str


class PartitionId(NamedTuple):
    """A partition of a topic, without the topic's prefix."""

    topic: str
    partition: int

    @property
    def name(self) -> str:
        """The field of this partition in the hashes of a generation."""
        return f"{self.topic}/{self.partition}"

    @classmethod
    def parse(cls, name: str) -> "PartitionId":
        """The inverse of `name`."""
        topic, _, partition = name.rpartition("/")
        return cls(topic, int(partition))


class PartitionFreshness(NamedTuple):
    """How far the read model is behind in one partition.

    Attributes:
        behind: Records that Kafka has and the read model has not.
        complete_until: Epoch ms; every record that Kafka had by then is in the read model.
    """

    behind: int
    complete_until: int


def encode_meta(meta: Meta) -> bytes:
    return msgspec.json.encode(meta)


def decode_meta(value: bytes) -> Meta:
    """The metadata in a value that `encode_meta` made.

    Raises:
        msgspec.DecodeError: It is anything else.
    """
    return msgspec.json.decode(value, type=Meta)


def encode_freshness(freshness: Mapping[PartitionId, PartitionFreshness]) -> dict[str, str]:
    """The fields of the hash `Generation.fresh`."""
    return {place.name: f"{one.behind}:{one.complete_until}" for place, one in freshness.items()}


def decode_freshness(fields: Mapping[bytes, bytes]) -> list[PartitionFreshness]:
    """What `encode_freshness` wrote, one entry per partition."""
    return [PartitionFreshness(*map(int, value.split(b":"))) for value in fields.values()]
