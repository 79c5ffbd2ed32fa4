"""What waits for each endpoint, and how its last attempts went: read from Kafka, with no worker's help.

The waiting topics hold each waiting delivery with what it waits for; `delivery-results` holds every attempt. Deliveries
that deliver holds in memory at this moment (about a second's worth) are in neither, so counts are accurate to that.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from confluent_kafka import Consumer, Message, TopicPartition

from schemas.codec import Codec, Undecodable
from schemas.events import DeliveryResult
from schemas.names import lookup_group
from workers.kafka import repeated
from workers.reading import RESPONSE_SECONDS, Ranges, any_error, read_ranges

from .core.model import RetryState
from .core.unsettled import sendable_since
from .core.wait_topics import WaitTopics
from .events import TOPICS, decode_event, id_of, result_key
from .history import replay_of

RESULTS_MS = 86_400_000
"""How far back results are read, and at most so many of each partition: what an endpoint did of late."""
RESULTS_OF_PARTITION = 5_000
PASSING_SECONDS = 10.0
RECENT_MS = 300_000
"""The time over which accepted deliveries are counted, to say how fast a backlog shrinks."""

BacklogKey = tuple[str, str, str, str]
"""Endpoint, recycle_id or escalation_id, action, replay."""


class BacklogDelivery(NamedTuple):
    """A delivery that waits. `blocked_on`: what for; instants are epoch ms, 0 where not known."""

    endpoint: str
    lead_id: str
    event_id: str
    action: str
    replay: str
    blocked_on: str
    blocked_since: int
    due_since: int
    due_at: int
    attempts: int
    written_at: int

    @property
    def key(self) -> BacklogKey:
        return self.endpoint, self.event_id, self.action, self.replay


@dataclass(slots=True)
class EndpointActivity:
    """The last attempts of one endpoint. `failures` in a row since `failing_since`, the last of them with its cause.

    A failed first attempt of a replay says nothing about the endpoint that whoever asked for it does not know.
    """

    accepted_at: int = 0
    recently_accepted: int = 0
    failures: int = 0
    failing_since: int = 0
    failed_at: int = 0
    status: int | None = None
    cause: str = ""

    def add(self, result: DeliveryResult, now: int, replay: str = "") -> None:
        """Results come in the order of their instants."""
        if not result.attempts and result.outcome != "retry":
            return  # it ended without an attempt
        if result.outcome in ("retry", "dead"):
            if replay and result.attempts <= 1:
                return
            self.failures += 1
            self.failing_since = self.failing_since or result.occurred_at
            self.failed_at, self.status, self.cause = result.occurred_at, result.status, result.detail
            return
        self.failures = self.failing_since = 0
        if result.outcome in ("accepted", "unverified"):
            self.accepted_at = result.occurred_at
            self.recently_accepted += now - result.occurred_at <= RECENT_MS


@dataclass(frozen=True)
class Backlog:
    """What was found at `now` (epoch ms).

    `unread`: events that no worker has consumed yet, which may be for any endpoint. Not `is_complete`: there was no
    time to read everything, so all counts are too low.
    """

    now: int
    waiting: Sequence[BacklogDelivery]
    activity: Mapping[str, EndpointActivity]
    unread: int = 0
    is_complete: bool = True

    def of(self, endpoint: str) -> list[BacklogDelivery]:
        return [one for one in self.waiting if one.endpoint == endpoint]


def read_backlog(conf: Mapping[str, Any], codec: Codec, prefix: str, group: str, seconds: float = 120.0) -> Backlog:
    """Read it.

    Args:
        conf: librdkafka's connection settings.
        codec: Decodes records.
        prefix: Of the topics.
        group: The consumer group of deliver: what waits begins at its committed offsets.
        seconds: How long reading may take.

    Raises:
        KafkaException: The broker is unavailable, or denies access.
    """
    until, patience = time.monotonic() + seconds, min(seconds, PASSING_SECONDS)
    reading = _Reading(codec, prefix, int(time.time() * 1000), lambda: time.monotonic() < until)
    places = _consumer({**conf, "group.id": group})
    try:
        events = repeated(lambda: _left(places, [prefix + one for one in TOPICS]), within=patience)
        waits = repeated(lambda: _left(places, reading.topics), within=patience)
    finally:
        places.close()
    consumer = _consumer({**conf, "group.id": lookup_group(), "fetch.wait.max.ms": 50})
    try:
        reading.read_waiting(consumer, waits)
        reading.read_results(consumer)
    finally:
        consumer.close()
    return reading.backlog(sum(high - low for low, high in events.values()))


def _consumer(conf: Mapping[str, Any]) -> Consumer:
    return Consumer({**conf, "enable.auto.commit": False})


def _left(consumer: Consumer, topics: Sequence[str]) -> Ranges:
    """From the committed offsets of the group to the ends now. A topic that does not exist has nothing."""
    known = consumer.list_topics(timeout=RESPONSE_SECONDS).topics
    places = [TopicPartition(name, number) for name in topics if name in known for number in known[name].partitions]
    ranges = {}
    for place in consumer.committed(places, timeout=RESPONSE_SECONDS) if places else ():
        low, high = consumer.get_watermark_offsets(
            TopicPartition(place.topic, place.partition), timeout=RESPONSE_SECONDS
        )
        ranges[place.topic, place.partition] = (min(max(place.offset, low), high), high)
    return ranges


@dataclass
class _Reading:
    codec: Codec
    prefix: str
    now: int
    has_time: Callable[[], bool]
    found: dict[BacklogKey, BacklogDelivery] = field(default_factory=dict)
    results: list[tuple[DeliveryResult, str]] = field(default_factory=list)

    @property
    def topics(self) -> list[str]:
        return [self.prefix + name for name, _ in WaitTopics().waits]

    def read_waiting(self, consumer: Consumer, ranges: Ranges) -> None:
        for message in read_ranges(consumer, ranges, any_error, is_wanted=self.has_time):
            one = self._waiting(message)
            # A delivery that went from one waiting topic to the next is where it was written last.
            if one is not None and (one.key not in self.found or self.found[one.key].written_at <= one.written_at):
                self.found[one.key] = one

    def _waiting(self, message: Message) -> BacklogDelivery | None:
        try:
            event = decode_event(self.codec, message.value())
            retry = RetryState.of(cast("list[tuple[str, bytes | None]]", message.headers() or []))
        except (Undecodable, ValueError):
            return None  # it becomes a dead letter when it is consumed
        since = sendable_since(event, retry)
        about = retry.endpoint, event.lead_id, id_of(event), event.action, retry.replay
        waits = retry.why, retry.why_since, since, retry.due_at, retry.attempts
        return BacklogDelivery(*about, *waits, message.timestamp()[1])

    def read_results(self, consumer: Consumer) -> None:
        topic = f"{self.prefix}delivery-results"
        known = consumer.list_topics(topic, timeout=RESPONSE_SECONDS).topics[topic].partitions
        starts = [TopicPartition(topic, number, self.now - RESULTS_MS) for number in known]
        ranges = {}
        for start in consumer.offsets_for_times(starts, RESPONSE_SECONDS) if starts else ():
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, start.partition), timeout=RESPONSE_SECONDS)
            first = high if start.offset < 0 else max(start.offset, low)
            ranges[topic, start.partition] = (max(first, high - RESULTS_OF_PARTITION), high)
        for message in read_ranges(consumer, ranges, any_error, is_wanted=self.has_time):
            try:
                result = self.codec.decode(message.value(), DeliveryResult)
            except Undecodable:
                continue
            replay = replay_of(message)
            self.results.append((result, replay))
            if result.outcome != "retry":
                self._finished(result, replay)

    def _finished(self, result: DeliveryResult, replay: str) -> None:
        """It does not wait any more, although the offset of its record is not committed yet."""
        key = (result.endpoint, *result_key(result), replay)
        if key in self.found and self.found[key].written_at <= result.occurred_at:
            del self.found[key]

    def backlog(self, unread: int) -> Backlog:
        activity: dict[str, EndpointActivity] = {}
        for result, replay in sorted(self.results, key=lambda one: one[0].occurred_at):
            activity.setdefault(result.endpoint, EndpointActivity()).add(result, self.now, replay)
        return Backlog(self.now, list(self.found.values()), activity, unread, self.has_time())
