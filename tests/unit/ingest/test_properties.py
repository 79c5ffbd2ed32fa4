"""Whatever is posted, the answer is one that is documented; and what is accepted, streams will fold."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.agents.inbound import Inbound
from streams.agents.inbound import RejectedRecord as StreamsRefused
from streams.domain.fact_of_record import fact_of
from streams.domain.received import Misplaced
from tests.builders import T0
from tests.unit.ingest.posting import CODEC, Posting, a_fact
from workers.ingest.envelopes import MEDIA_TYPES
from workers.ingest.events import IngestServices
from workers.ingest.fields import FIELDS
from workers.ingest.rejections import InvalidEvent
from workers.ingest.validation import KINDS, PostedEvent, to_fact

if TYPE_CHECKING:
    from workers.kafka import Outgoing

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
HINTS = st.sampled_from(
    ["2025-10-09T08:00:00Z", "won", "lost", "sales", "call", "replied", "EUR", 1_700_000_000_000, "yes", "granted", ""]
)
NAMES = sorted({name for fields in FIELDS.values() for name in fields})


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    """Nearly right, so that much of it is accepted."""
    fields = draw(st.dictionaries(st.sampled_from(NAMES), HINTS | VALUES, max_size=6))
    return {**a_fact(), **fields, "kind": draw(st.sampled_from(KINDS))}


@given(facts())
@settings(max_examples=400, deadline=None)
def test_every_accepted_fact_can_be_folded_and_fits_into_a_record(given_fact: dict[str, Any]) -> None:
    kind = given_fact.pop("kind")
    try:
        fact = to_fact(PostedEvent("", kind, given_fact), "crm", T0)
    except InvalidEvent:
        return
    fact_of(fact)
    assert not isinstance(heard(fact, outgoing(fact)), Misplaced | StreamsRefused)
    assert CODEC.decode(CODEC.encode(fact), type(fact)) == fact
    assert fact.source.startswith("crm")
    assert fact.occurred_at <= T0 + 600_000


def outgoing(fact: Any) -> Outgoing:
    services: Any = SimpleNamespace(prefix="", codec=CODEC)
    return IngestServices.outgoing(services, fact, None)


def heard(fact: Any, record: Outgoing) -> Any:
    """What streams makes of the record, at the same moment."""
    inbound = Inbound(CODEC, "", lambda: T0)
    fetched: Any = SimpleNamespace(topic=record.topic, key=record.key, value=record.value)
    assert dict(record.headers)["ce_id"] == fact.event_id.encode()
    return inbound(fetched)[1]


@pytest.fixture(scope="module")
def posting(tmp_path_factory: pytest.TempPathFactory) -> Posting:
    return Posting(tmp_path_factory.mktemp("posting"))


@given(
    body=st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()),
    media_type=st.sampled_from([*MEDIA_TYPES, "text/plain", ""]),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_body_is_accepted_or_gets_a_4xx_problem_with_a_detail(
    posting: Posting, body: bytes, media_type: str
) -> None:
    answer = await posting.send(body, content_type=media_type)
    if answer.status_code != 202:
        assert answer.status_code in (400, 413, 415, 422)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]
