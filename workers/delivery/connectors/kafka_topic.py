"""Kind `kafka`: the event as it is, to a topic of yours on the same cluster, keyed by lead_id.

Sent: the record as Avro with CloudEvents headers, as in `lead-recycled`; RECYCLE and REVOKE alike, and whoever reads it
undoes. Accepted: the broker's ack. A repeat is the same bytes with the same `ce_id`. The preset is ours; a broker has
no limit of this kind.
"""

from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import AfterValidator, StringConstraints, ValidationInfo

from schemas.events import LeadRecycled
from schemas.headers import Headers, cloudevents_headers
from schemas.topics import TOPICS
from streams.runtime.documents import violation
from workers.kafka import Full, Undelivered

from ..attempts import Accepted, DeliveryRequest, Outcome, Retry
from ..target import Limits, Target
from .unbatched import UnbatchedConnector


class Produce(Protocol):
    """Sends a record to a topic, keyed by its lead_id; is done when the broker has acked."""

    async def __call__(self, topic: str, event: LeadRecycled, headers: Headers) -> None:
        """Raises Undelivered or Full (of workers.kafka)."""


def _not_ours(topic: str, asked: ValidationInfo) -> str:
    """A document is read with the prefix of our topics."""
    prefix = str(asked.context or "")
    if topic.startswith(prefix) and topic.removeprefix(prefix) in TOPICS:
        raise violation(f"{topic} is a topic of Leadloop's own", "name another: what we read would come back for ever")
    return topic


class KafkaTopicTarget(Target):
    """`topic`: its full name; the prefix of Leadloop's own topics is not put in front."""

    PRESET: ClassVar[Limits] = Limits(per_second=5_000, burst=1_000, concurrency=8)

    kind: Literal["kafka"]
    topic: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$"), AfterValidator(_not_ours)]


class KafkaTopic(UnbatchedConnector):
    """Produces events, one a call; the producer makes batches of them."""

    def __init__(self, target: KafkaTopicTarget, produce: Produce) -> None:
        self._target = target
        self._produce = produce

    async def _deliver(self, parcel: DeliveryRequest) -> Outcome:
        trace = parcel.traceparent.encode() or None
        headers = cloudevents_headers(parcel.event, "lead-recycled", trace)
        try:
            await self._produce(self._target.topic, parcel.event, headers)
        except Full:
            return Retry("more is under way to Kafka than may be", after_seconds=1.0, throttled=True)
        except Undelivered as fault:
            return Retry(f"not acked by Kafka: {fault}")
        return Accepted(None)
