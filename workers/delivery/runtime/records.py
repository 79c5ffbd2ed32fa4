"""The records that deliver writes to Kafka. All of a delivery stays on the partition that its record came from."""

from dataclasses import replace

import msgspec

from schemas import dead_letters as dl
from schemas.codec import Codec
from schemas.events import DeliveryResult, EndpointState
from schemas.headers import cloudevents_headers
from workers.kafka import Outgoing

from ..core.model import ConsumedRecord, RetryState
from ..core.outcomes import Resolution
from ..core.owned_partition import Delivery
from ..core.wait_topics import WaitTopics
from ..endpoint_events import TOPIC as EVENTS
from ..endpoint_events import EndpointEvent

Headers = list[tuple[str, bytes]]


class RecordFactory:
    """`prefix` is that of all topics. Instants (`now`) are epoch ms."""

    def __init__(self, codec: Codec, prefix: str, wait_topics: WaitTopics) -> None:
        self._codec = codec
        self._prefix = prefix
        self._wait_topics = wait_topics

    def of(self, delivery: Delivery, resolution: Resolution, now: int) -> list[Outgoing]:
        """Return what is written about a resolution, except for the dead letter, which is written before."""
        result = self.result(delivery, resolution.result)
        return [result] if resolution.retry is None else [result, self.waiting(delivery, resolution.retry, now)]

    def result(self, delivery: Delivery, result: DeliveryResult) -> Outgoing:
        """Return the record of `delivery-results`."""
        headers = cloudevents_headers(result, "delivery-results", delivery.traceparent.encode() or None)
        if delivery.retry.replay:
            headers.append(("dw_replay", delivery.retry.replay.encode()))
        source, value = delivery.record.record, self._codec.encode(result)
        return Outgoing(self._prefix + "delivery-results", source.key, value, headers, source.partition)

    def waiting(self, delivery: Delivery, retry: RetryState, now: int) -> Outgoing:
        """Return the record of the waiting topic that fits the time left."""
        is_same = retry.why == delivery.retry.why and delivery.retry.why_since
        retry = replace(retry, why_since=delivery.retry.why_since if is_same else now)
        topic = self._prefix + self._wait_topics.of_event(delivery.event, retry.due_at, now)
        source, headers = delivery.record.record, retry.headers() + _trace(delivery)
        return Outgoing(topic, source.key, source.value or b"", headers, source.partition)

    def dead(self, delivery: Delivery, result: DeliveryResult, now: int) -> Outgoing:
        """Return the dead letter of a delivery that is given up; `dead-letters replay` brings it back."""
        source = delivery.record.record
        about = [(dl.ENDPOINT, result.endpoint.encode()), (dl.ATTEMPTS, b"%d" % result.attempts)]
        headers = _reasons(source, "delivery_dead", result.detail, now) + about + _trace(delivery)
        return Outgoing(self._prefix + dl.TOPIC, source.key, source.value or b"", headers)

    def poison(self, record: ConsumedRecord, reason: str, error: str, now: int) -> Outgoing:
        """Return the dead letter of a record that cannot be used."""
        kept = [(name, value or b"") for name, value in record.headers if not name.startswith(dl.PREFIX)]
        if not dl.fit_to_keep(kept):
            kept = []
        value = record.value or b""
        headers = kept + _reasons(record, reason, error, now) + dl.cut_headers(value)
        return Outgoing(self._prefix + dl.TOPIC, record.key, value[: dl.KEPT_BYTES], headers)

    def state(self, state: EndpointState) -> Outgoing:
        """Return the record of `endpoint-states`.

        What deliver says has another key than what people say: compaction keeps the newest of both, so a late record
        of a 410 is recognised as late also by a worker that starts later.
        """
        headers = cloudevents_headers(state, "endpoint-states")
        key = state.endpoint if state.state != "disabled" else f"{state.endpoint} disabled"
        return Outgoing(self._prefix + "endpoint-states", key.encode(), self._codec.encode(state), headers)

    def endpoint_event(self, event: EndpointEvent) -> Outgoing:
        """Return the record of `endpoint-events`."""
        headers = [("content-type", b"application/json"), ("ce_id", event.event_id.encode())]
        return Outgoing(self._prefix + EVENTS, event.endpoint.encode(), msgspec.json.encode(event), headers)


def _trace(delivery: Delivery) -> Headers:
    return [("traceparent", delivery.traceparent.encode())] if delivery.traceparent else []


def _reasons(record: ConsumedRecord, reason: str, error: str, now: int) -> Headers:
    return dl.reason_headers(
        reason, error, topic=record.topic, partition=record.partition, offset=record.offset, seen_at=now
    )
