"""What deliver writes to Kafka about a parcel. All of it stays on the partition that the parcel came from."""

from collections.abc import Sequence

from schemas import dead_letters as dl
from schemas.codec import Codec
from schemas.events import DeliveryResult, EndpointState
from schemas.headers import cloudevents_headers
from workers.kafka import Outgoing

from ..core.model import RetryState
from ..core.outcomes import Resolution
from ..core.partition import Item, OpenRecord
from ..core.wait_topics import WaitTopics

Headers = list[tuple[str, bytes]]


class RecordFactory:
    """`prefix` is that of all topics."""

    def __init__(self, codec: Codec, prefix: str, tiers: WaitTopics) -> None:
        self._codec = codec
        self._prefix = prefix
        self._tiers = tiers

    def of(self, item: Item, settled: Resolution, now: int) -> list[Outgoing]:
        """What is written about a try, but for the dead letter, which goes before."""
        result = self.result(item, settled.result)
        return [result] if settled.note is None else [result, self.waiting(item, settled.note, now)]

    def result(self, item: Item, result: DeliveryResult) -> Outgoing:
        headers = cloudevents_headers(result, "delivery-results", item.pending.traceparent.encode() or None)
        if item.pending.note.replay:
            headers.append(("dw_replay", item.pending.note.replay.encode()))
        value = self._codec.encode(result)
        return Outgoing(self._prefix + "delivery-results", item.receipt.key, value, headers, item.receipt.partition)

    def waiting(self, item: Item, note: RetryState, now: int) -> Outgoing:
        topic = self._prefix + self._tiers.of(note.due_at - now)
        headers = note.headers() + _trace(item)
        return Outgoing(topic, item.receipt.key, item.receipt.value, headers, item.receipt.partition)

    def dead(self, item: Item, result: DeliveryResult, now: int) -> Outgoing:
        """The dead letter of a parcel that is given up: `dead-letters replay` brings it back."""
        told = [(dl.ENDPOINT, result.endpoint.encode()), (dl.ATTEMPTS, b"%d" % result.attempts)]
        headers = _reasons(item.receipt, "delivery_dead", result.detail, now) + told + _trace(item)
        return Outgoing(self._prefix + dl.TOPIC, item.receipt.key, item.receipt.value, headers)

    def poison(
        self, receipt: OpenRecord, came: Sequence[tuple[str, bytes | None]], why: str, error: str, now: int
    ) -> Outgoing:
        """The dead letter of a record that is none."""
        kept = [(name, value or b"") for name, value in came if not name.startswith(dl.PREFIX)]
        if not dl.fit_to_keep(kept):
            kept = []
        headers = kept + _reasons(receipt, why, error, now) + dl.cut_headers(receipt.value)
        return Outgoing(self._prefix + dl.TOPIC, receipt.key, receipt.value[: dl.KEPT_BYTES], headers)

    def state(self, state: EndpointState) -> Outgoing:
        headers = cloudevents_headers(state, "endpoint-states")
        key, value = state.endpoint.encode(), self._codec.encode(state)
        return Outgoing(self._prefix + "endpoint-states", key, value, headers)


def _trace(item: Item) -> Headers:
    return [("traceparent", item.pending.traceparent.encode())] if item.pending.traceparent else []


def _reasons(receipt: OpenRecord, reason: str, error: str, now: int) -> Headers:
    return dl.reason_headers(
        reason, error, topic=receipt.topic, partition=receipt.partition, offset=receipt.offset, seen_at=now
    )
