"""The table of topics: their records and writers, and how Kafka keeps them.

All inputs of streams have equally many partitions and are keyed by lead_id with Java's murmur2. The
Kafka timestamp of a record is never `occurred_at`: retention would delete an imported history while it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from struct import unpack_from
from types import MappingProxyType
from typing import Literal

from . import events
from .instants import DAY_MS

Cleanup = Literal["delete", "compact"]
Compatibility = Literal["FULL_TRANSITIVE", "BACKWARD_TRANSITIVE"]

MAX_LEAD_ID = 128
"""The longest lead_id, in characters."""
MAX_RECORD_BYTES = 65_536
"""The longest value of a record, framing included."""

WAITS: Mapping[str, int] = MappingProxyType(
    {"1s": 1_000, "10s": 10_000, "1m": 60_000, "10m": 600_000, "1h": 3_600_000, "6h": 21_600_000}
)
"""How long, in ms, a record waits in a topic `delivery-wait-…` before it is processed."""

_MIB = 1_048_576


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic. `record` is None where values are opaque bytes.

    `holds_state`: state is recovered from it, so the partition of a key must not change. `partitions` is None if the
    number is configured. `retention_ms` is how long records are kept, in a compacted topic tombstones. The default is
    less than 30 days, so that deleted personal data leaves the log in time.
    """

    name: str
    record: type[events.AnyRecord] | None
    written_by: tuple[str, ...]
    cleanup: Cleanup = "delete"
    public: bool = False
    is_input: bool = False
    holds_state: bool = False
    partitions: int | None = None
    retention_ms: int = 28 * DAY_MS
    max_message_bytes: int = _MIB

    @property
    def config(self) -> dict[str, str]:
        """Kafka's settings of the topic, as strings."""
        keeps = "delete.retention.ms" if self.cleanup == "compact" else "retention.ms"
        return {
            "cleanup.policy": self.cleanup,
            keeps: str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": "CreateTime",
        }

    @property
    def compatibility(self) -> Compatibility:
        """The required compatibility of a new version of the record's schema."""
        return "FULL_TRANSITIVE" if self.public else "BACKWARD_TRANSITIVE"


def _fact(name: str, record: type[events.AnyRecord], *written_by: str) -> Topic:
    return Topic(name=name, record=record, written_by=written_by, public=True, is_input=True)


_TABLE = (
    _fact("lead-created", events.LeadCreated, "upstream"),
    _fact("lead-updated", events.LeadUpdated, "upstream"),
    _fact("lead-contacted", events.LeadContacted, "upstream"),
    _fact("deal-closed", events.DealClosed, "upstream"),
    _fact("lead-stalled", events.LeadStalled, "upstream", "streams"),
    _fact("lead-recycled", events.LeadRecycled, "streams"),
    Topic(
        name="stream-heartbeats",
        record=events.Heartbeat,
        written_by=("import", "streams"),
        is_input=True,
        retention_ms=7 * DAY_MS,
    ),
    Topic(name="lead-escalated", record=events.LeadEscalated, written_by=("streams",), public=True),
    Topic(name="lead-decisions", record=events.LeadDecided, written_by=("streams",), public=True),
    Topic(
        name="lead-snapshots",
        record=events.LeadSnapshot,
        written_by=("streams",),
        public=True,
        cleanup="compact",
        retention_ms=7 * DAY_MS,
    ),
    Topic(name="delivery-results", record=events.DeliveryResult, written_by=("deliver",), holds_state=True),
    *(Topic(name=f"delivery-wait-{delay}", record=None, written_by=("deliver",), holds_state=True) for delay in WAITS),
    Topic(
        name="endpoint-states",
        record=events.EndpointState,
        written_by=("deliver",),
        cleanup="compact",
        partitions=1,
        retention_ms=7 * DAY_MS,
    ),
    Topic(
        name="endpoint-events",
        record=None,
        written_by=("deliver",),
        partitions=1,
        retention_ms=90 * DAY_MS,  # how endpoints did, and no data of leads
    ),
    Topic(
        name="operator-actions",
        record=None,
        written_by=("report", "operate"),
        partitions=1,
        retention_ms=365 * DAY_MS,  # who did what: longer than the data of leads
    ),
    Topic(
        name="policy-versions",
        record=None,
        written_by=("streams",),
        partitions=1,
        retention_ms=3_650 * DAY_MS,  # what was agreed when, and no data of leads
    ),
    Topic(
        name="lead-dead-letters",
        record=None,
        written_by=("streams", "ingest", "deliver"),
        # The longest possible record of an input, unchanged, with the headers of a dead letter.
        max_message_bytes=2 * _MIB,
    ),
)

TOPICS: Mapping[str, Topic] = MappingProxyType({topic.name: topic for topic in _TABLE})
"""Every topic by its name without prefix."""

INPUTS: tuple[str, ...] = tuple(topic.name for topic in _TABLE if topic.is_input)
"""The inputs of streams; their order settles ties of event time."""

TOPIC_OF: Mapping[type, Topic] = MappingProxyType({topic.record: topic for topic in _TABLE if topic.record})
"""The topic of each type of record."""


def changelog_of(app_id: str) -> Topic:
    """The topic that keeps the state of streams: absolute values by lead, newest wins."""
    return Topic(
        name=f"{app_id}-changelog",
        record=None,
        written_by=("streams",),
        cleanup="compact",
        holds_state=True,
        # A local store that was away for less than this cannot bring a deleted lead back.
        retention_ms=7 * DAY_MS,
    )


def subject_of(topic: Topic, prefix: str = "") -> str:
    """The registry's subject of a topic's values (subject strategy TOPIC)."""
    return f"{prefix}{topic.name}-value"


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Java's default partitioner gives a key (librdkafka calls it murmur2_random)."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


_M = 0x5BD1E995
_32_BITS = 0xFFFFFFFF


def _murmur2(data: bytes) -> int:
    """As org.apache.kafka.common.utils.Utils.murmur2, but unsigned."""
    words, rest = divmod(len(data), 4)
    h = 0x9747B28C ^ len(data)
    for word in unpack_from(f"<{words}I", data):
        k = word * _M & _32_BITS
        h = (h * _M ^ (k ^ k >> 24) * _M) & _32_BITS
    if rest:
        h = (h ^ int.from_bytes(data[-rest:], "little")) * _M & _32_BITS
    h = (h ^ h >> 13) * _M & _32_BITS
    return h ^ h >> 15
