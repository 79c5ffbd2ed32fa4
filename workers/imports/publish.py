"""Publishes facts and heartbeats. A heartbeat for T goes out only after the broker has acked everything up to T."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Protocol, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.events import AnyRecord, Heartbeat
from schemas.headers import Headers, cloudevents_headers

from .errors import BrokerFailure, ImportFailure
from .records import RECORDS
from .sorting import SortEntry

Encode = Callable[[AnyRecord], bytes]

HEARTBEATS = "stream-heartbeats"
CONNECT_SECONDS = 15.0
SETTLE_SECONDS = 5.0
_POLL_EVERY = 512
_LOG = logging.getLogger("leadloop.import.kafka")

PRODUCER: Mapping[str, object] = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",  # as Java's producers: all facts of a lead go to one partition
    "compression.type": "lz4",
    "linger.ms": 20,
    "message.timeout.ms": 60_000,
    "delivery.report.only.error": True,  # a callback for each success would cost more than encoding
    "log.connection.close": False,
}
"""The producer settings of an import; the connection settings are added."""


class _TopicMetadata(Protocol):
    """What is used of confluent-kafka's, which is untyped."""

    partitions: Mapping[int, object]


class Publisher:
    """A producer for the topics of one import.

    Args:
        conf: Settings of librdkafka; they override PRODUCER.
        kinds: The topics of facts that must exist.
        prefix: Of the physical topic names.
        encode: Encodes heartbeats.
        source: The source of the heartbeats.

    Attributes:
        traceparent: The trace of the facts that are sent next; None: of none.

    Raises:
        BrokerFailure: by every method, if the broker fails; run the import again.
        ImportFailure: a topic is missing, or their partition counts differ.
    """

    def __init__(
        self,
        conf: Mapping[str, object],
        kinds: Iterable[str],
        prefix: str,
        encode: Encode,
        source: str = "leadloop/import",
    ) -> None:
        self.sent = 0
        self._acked = 0
        self._last_error = ""
        self._failure: str | None = None
        self._prefix = prefix
        self._encode = encode
        self._source = source
        self.traceparent: bytes | None = None
        self._producer = Producer({**PRODUCER, **conf, "error_cb": self._on_error}, logger=_LOG)
        self.partitions = self._common_partition_count([*kinds, HEARTBEATS])

    @property
    def acked(self) -> int:
        """A lower bound of the records that the broker acknowledged; never decreases."""
        # The length of the queue includes the client's own events.
        self._acked = max(self._acked, self.sent - len(self._producer))
        return self._acked

    def send(self, kind: str, entry: SortEntry) -> None:
        """Send a fact to the topic of its kind."""
        at, _, event_id, lead_id, source, value = entry
        fact = RECORDS[kind](event_id=event_id, lead_id=lead_id, occurred_at=at, source=source)
        self._produce(kind, lead_id.encode(), value, cloudevents_headers(fact, kind, self.traceparent))

    def complete(self, until: int, now: int) -> None:
        """Wait for the acks of all records, then send a heartbeat to every partition.

        Args:
            until: The topics are complete up to it; epoch ms.
            now: When it is sent; epoch ms.
        """
        self.flush()
        beat = Heartbeat(occurred_at=until, recorded_at=now, source=self._source, says="complete")
        value, headers = self._encode(beat), cloudevents_headers(beat, HEARTBEATS)
        for partition in range(self.partitions):
            self._produce(HEARTBEATS, None, value, headers, partition)

    def flush(self) -> None:
        """Wait until the broker has acknowledged all records."""
        while self._producer.flush(0.2):
            self._raise_failure()
        self._raise_failure()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self._producer.purge()
        self._producer.flush(1.0)

    def _produce(self, topic: str, key: bytes | None, value: bytes, headers: Headers, partition: int = -1) -> None:
        while True:
            try:
                self._producer.produce(
                    self._prefix + topic, value, key, partition, on_delivery=self._on_delivery, headers=[*headers]
                )
            except BufferError:
                self._producer.poll(0.1)
                self._raise_failure()
            except KafkaException as error:
                raise BrokerFailure(f"cannot send to {self._prefix}{topic}: {error.args[0].str()}") from error
            else:
                break
        self.sent += 1
        if self.sent % _POLL_EVERY == 0:
            self._producer.poll(0)
            self._raise_failure()

    def _common_partition_count(self, kinds: Iterable[str]) -> int:
        """Check that all topics exist with equally many partitions, and return their number."""
        names = [self._prefix + kind for kind in kinds]
        existing, deadline = self._topics(), time.monotonic() + SETTLE_SECONDS
        while (missing := [name for name in names if name not in existing]) and time.monotonic() < deadline:
            self._producer.poll(0.2)  # not every broker knows a new topic yet
            existing = self._topics()
        if missing:
            raise ImportFailure(f"topic {', '.join(missing)} does not exist: create it with `leadloop topics create`")
        counts = {name: len(existing[name].partitions) for name in names}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
            raise ImportFailure(f"the topics must have equally many partitions: {listed}")
        return counts[names[0]]

    def _topics(self) -> Mapping[str, _TopicMetadata]:
        try:
            topics: Mapping[str, _TopicMetadata] = self._producer.list_topics(timeout=CONNECT_SECONDS).topics
        except KafkaException as error:
            self._producer.poll(0)
            raise BrokerFailure(f"cannot reach the brokers: {self._last_error or error.args[0].str()}") from error
        return topics

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failure is None:
            self._failure = f"{message.topic()} rejected a record: {error.str()}"

    def _on_error(self, error: KafkaError) -> None:
        self._last_error = error.str()
        if error.fatal():
            self._failure = self._failure or error.str()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise BrokerFailure(f"{self._failure} ({self._last_error or 'no details are known'})")
