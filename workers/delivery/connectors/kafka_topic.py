"""Kind `kafka`: the unchanged event, to another topic of the same cluster, keyed by lead_id.

Sent: the record as Avro with CloudEvents headers, as in `lead-recycled`; RECYCLE and REVOKE alike: the consumer
undoes. Escalations as in `lead-escalated`, if `only.actions` asks for them. Accepted: the broker's acknowledgement. A
repeat is the same bytes with the same `ce_id`. The preset is ours; Kafka has no such limit.
"""

from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import AfterValidator, StringConstraints, ValidationInfo

from schemas.headers import Headers, cloudevents_headers
from schemas.topics import TOPIC_OF, TOPICS
from streams.runtime.documents import violation
from workers.kafka import Full, Undelivered

from ..attempts import Accepted, DeliveryRequest, Outcome, Retry
from ..events import DeliveredEvent
from ..target import Limits, Target
from .unbatched import UnbatchedConnector


class Produce(Protocol):
    """Sends a record to a topic, keyed by its lead_id; returns after the broker's acknowledgement."""

    async def __call__(self, topic: str, event: DeliveredEvent, headers: Headers) -> None:
        """Produce one record.

        Raises:
            Full: too many records are in flight; retry soon.
            Undelivered: the broker did not acknowledge it; it may have been written.
        """


def _not_ours(topic: str, info: ValidationInfo) -> str:
    """The validation context is the prefix of our topics."""
    prefix = str(info.context or "")
    if topic.startswith(prefix) and topic.removeprefix(prefix) in TOPICS:
        raise violation(
            f"{topic} is one of Leadloop's own topics",
            "name another: the event would be consumed again, in an endless loop",
        )
    return topic


class KafkaTopicTarget(Target):
    """A Kafka topic. `topic`: its full name; the prefix of Leadloop's own topics is not added."""

    PRESET: ClassVar[Limits] = Limits(per_second=5_000, burst=1_000, concurrency=8)

    kind: Literal["kafka"]
    topic: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$"), AfterValidator(_not_ours)]


class KafkaTopic(UnbatchedConnector):
    """Produces events, one per call; the producer batches them."""

    def __init__(self, target: KafkaTopicTarget, produce: Produce) -> None:
        self._target = target
        self._produce = produce

    async def _deliver(self, request: DeliveryRequest) -> Outcome:
        trace = request.traceparent.encode() or None
        headers = cloudevents_headers(request.event, TOPIC_OF[type(request.event)].name, trace)
        try:
            await self._produce(self._target.topic, request.event, headers)
        except Full:
            return Retry("too many records are in flight to Kafka", after_seconds=1.0, throttled=True)
        except Undelivered as error:
            return Retry(f"not acknowledged by Kafka: {error}")
        return Accepted(None)
