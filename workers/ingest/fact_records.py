"""Writes a fact as a record of its topic."""

from schemas.codec import Codec
from schemas.headers import cloudevents_headers
from schemas.topics import TOPIC_OF
from workers.kafka import Outgoing

from .fields import PostedFact


def record_of(fact: PostedFact, codec: Codec, prefix: str, traceparent: bytes | None) -> Outgoing:
    """Encode a fact as a record. `prefix`: of the topics.

    Raises:
        Unencodable: it is too large; reject the event.
    """
    kind = TOPIC_OF[type(fact)].name
    headers = cloudevents_headers(fact, kind, traceparent)
    return Outgoing(prefix + kind, fact.lead_id.encode(), codec.encode(fact), headers)
