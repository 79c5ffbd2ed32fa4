"""Endpoints that are topics of the same cluster."""

from schemas.headers import Headers
from tests.component.delivery.connectors.harness import a_recycle, a_request, an_escalation, target_of
from workers.delivery.attempts import Accepted, Retry
from workers.delivery.connectors import connector_of
from workers.delivery.connectors.kafka_topic import KafkaTopic, KafkaTopicTarget
from workers.delivery.events import DeliveredEvent
from workers.delivery.target import Endpoint
from workers.kafka import Full, Undelivered


class FakeTopic:
    """Takes what is produced, or raises."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.taken: list[tuple[str, DeliveredEvent, Headers]] = []
        self._fault = fault

    async def __call__(self, topic: str, event: DeliveredEvent, headers: Headers) -> None:
        if self._fault:
            raise self._fault
        self.taken.append((topic, event, headers))


def _to(produce: FakeTopic) -> KafkaTopic:
    target = target_of({"kind": "kafka", "topic": "crm.recycles"})
    assert isinstance(target, KafkaTopicTarget)
    connector = connector_of(Endpoint("crm", target), None, lambda: 0.0, produce)  # type: ignore[arg-type]  # no HTTP
    assert isinstance(connector, KafkaTopic)
    return connector


async def test_a_topic_endpoint_receives_the_event_unchanged_and_the_ack_is_its_acceptance() -> None:
    topic, trace = FakeTopic(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert await _to(topic).deliver([a_request(traceparent=trace)]) == [Accepted(None)]
    ((name, event, headers),) = topic.taken
    assert (name, event) == ("crm.recycles", a_recycle())
    assert dict(headers)["ce_id"] == b"r7"
    assert dict(headers)["traceparent"] == trace.encode()


async def test_a_topic_endpoint_receives_an_escalation_unchanged() -> None:
    topic = FakeTopic()
    assert await _to(topic).deliver([a_request(an_escalation())]) == [Accepted(None)]
    ((_, event, headers),) = topic.taken
    assert event == an_escalation()
    assert dict(headers)["ce_type"] == b"leadloop.v1.LeadEscalated"


async def test_a_topic_endpoint_without_an_ack_is_retried() -> None:
    assert await _to(FakeTopic(Undelivered("timed out"))).deliver([a_request()]) == [
        Retry("not acknowledged by Kafka: timed out")
    ]
    (outcome,) = await _to(FakeTopic(Full("full"))).deliver([a_request()])
    assert isinstance(outcome, Retry)
    assert outcome.throttled
