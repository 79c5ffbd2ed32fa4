"""Publishes facts and heartbeats. A heartbeat for T goes out only after the broker has acked everything up to T."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.events import AnyRecord, Heartbeat
from schemas.headers import cloudevents_headers

from .conversion import RECORDS
from .errors import BrokerFailure, ImportFailure
from .sorting import SortEntry

Encode = Callable[[AnyRecord], bytes]

HEARTBEATS = "stream-heartbeats"
CONNECT_SECONDS = 15.0
SETTLE_SECONDS = 5.0
_POLL_EVERY = 512
_LOG = logging.getLogger("leadloop.import.kafka")

PRODUCER: Mapping[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",  # as Java's producers: a lead's facts meet on one partition
    "compression.type": "lz4",
    "linger.ms": 20,
    "message.timeout.ms": 60_000,
    "delivery.report.only.error": True,  # a callback for each success would cost more than encoding
    "log.connection.close": False,
}
"""What an import asks of its producer; connection settings come in addition."""


class Publisher:
    """A producer for the topics of one import. Every method raises BrokerFailure where the broker fails it.

    Args:
        conf: librdkafka's settings; what stands in them goes before PRODUCER.
        kinds: The topics of facts that must be there.
        prefix: Of the physical names of topics.
    """

    def __init__(
        self,
        conf: Mapping[str, Any],
        kinds: Iterable[str],
        prefix: str,
        encode: Encode,
        source: str = "leadloop/import",
    ) -> None:
        self.sent = 0
        self._acked = 0
        self._trouble = ""
        self._failure: str | None = None
        self._prefix = prefix
        self._encode = encode
        self._source = source
        self._producer = Producer({**PRODUCER, **conf, "error_cb": self._noticed}, logger=_LOG)
        self.partitions = self._look([*kinds, HEARTBEATS])

    @property
    def acked(self) -> int:
        """How many of the sent the broker has, at least; it never goes back."""
        # The client's own events stand in the same queue: now and then it looks longer than it is.
        self._acked = max(self._acked, self.sent - len(self._producer))
        return self._acked

    def send(self, kind: str, entry: SortEntry) -> None:
        """Send a fact to the topic of its kind."""
        at, _, event_id, lead_id, source, value = entry
        named = RECORDS[kind](event_id=event_id, lead_id=lead_id, occurred_at=at, source=source)
        self._produce(kind, lead_id.encode(), value, cloudevents_headers(named, kind))

    def complete(self, until: int, now: int) -> None:
        """Wait until all that was sent is acked, then say to every partition that it is complete up to `until`."""
        self.flush()
        beat = Heartbeat(occurred_at=until, recorded_at=now, source=self._source, says="complete")
        value, headers = self._encode(beat), cloudevents_headers(beat, HEARTBEATS)
        for partition in range(self.partitions):
            self._produce(HEARTBEATS, None, value, headers, partition)

    def flush(self) -> None:
        """Wait until everything that was sent is acked."""
        while self._producer.flush(0.2):
            self._raise_failure()
        self._raise_failure()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self._producer.purge()
        self._producer.flush(1.0)

    def _produce(self, topic: str, key: bytes | None, value: bytes, headers: Any, partition: int = -1) -> None:
        while True:
            try:
                self._producer.produce(
                    self._prefix + topic, value, key, partition, on_delivery=self._delivered, headers=headers
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

    def _look(self, kinds: Iterable[str]) -> int:
        """How many partitions the topics have. Every one must be there, with as many as the others."""
        names = [self._prefix + kind for kind in kinds]
        there, deadline = self._topics(), time.monotonic() + SETTLE_SECONDS
        while (missing := [name for name in names if name not in there]) and time.monotonic() < deadline:
            self._producer.poll(0.2)  # topics that were made a moment ago are not known to every broker yet
            there = self._topics()
        if missing:
            raise ImportFailure(f"there is no topic {', '.join(missing)}: make them with `leadloop topics create`")
        counts = {name: len(there[name].partitions) for name in names}
        if len(set(counts.values())) > 1:
            said = ", ".join(f"{name} has {count}" for name, count in counts.items())
            raise ImportFailure(f"the topics must have equally many partitions: {said}")
        return counts[names[0]]

    def _topics(self) -> Mapping[str, Any]:
        try:
            topics: Mapping[str, Any] = self._producer.list_topics(timeout=CONNECT_SECONDS).topics
        except KafkaException as error:
            self._producer.poll(0)
            raise BrokerFailure(f"cannot reach the brokers: {self._trouble or error.args[0].str()}") from error
        return topics

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failure is None:
            self._failure = f"{message.topic()} did not take a record: {error.str()}"

    def _noticed(self, error: KafkaError) -> None:
        self._trouble = error.str()
        if error.fatal():
            self._failure = self._failure or error.str()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise BrokerFailure(f"{self._failure} ({self._trouble or 'no more is known'})")
