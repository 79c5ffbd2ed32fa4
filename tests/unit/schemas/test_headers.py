import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import RECORDS
from schemas.events import AnyRecord, DeliveryResult, LeadCreated, LeadRecycled
from schemas.headers import cloudevents_headers, exemplar_of, traceparent_of
from tests.builders_schemas import any_record

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ANY_RECORD = st.one_of(*(any_record(record) for record in RECORDS))


def test_a_fact_carries_what_cloudevents_asks_for() -> None:
    fact = LeadRecycled(event_id="e1", lead_id="l1", source="leadloop", occurred_at=1_700_000_000_007)
    assert dict(cloudevents_headers(fact, "lead-recycled", TRACE)) == {
        "ce_specversion": b"1.0",
        "ce_type": b"leadloop.v1.LeadRecycled",
        "content-type": b"application/avro",
        "ce_id": b"e1",
        "ce_source": b"leadloop",
        "ce_time": b"2023-11-14T22:13:20.007Z",
        "ce_subject": b"l1",
        "traceparent": TRACE,
    }


@given(ANY_RECORD)
def test_any_record_has_headers_and_only_one_of_each(record: AnyRecord) -> None:
    headers = cloudevents_headers(record, "topic")
    names = [name for name, _ in headers]
    assert len(names) == len(set(names))
    assert {"ce_specversion", "ce_type", "ce_id", "ce_source", "content-type"} <= set(names)
    assert re.fullmatch(rb"[\x21-\x7e]+", dict(headers)["ce_source"])


def test_a_record_without_a_source_has_its_topic_for_one() -> None:
    assert ("ce_source", b"delivery-results") in cloudevents_headers(DeliveryResult(), "delivery-results")


def test_results_of_a_recycle_and_of_an_escalation_have_ids_of_their_own() -> None:
    recycled = DeliveryResult(endpoint="e", recycle_id="x", action="RECYCLE", occurred_at=1)
    escalated = DeliveryResult(endpoint="e", escalation_id="x", escalation="ESCALATE", occurred_at=1)
    at_risk = DeliveryResult(endpoint="e", escalation_id="x", escalation="AT_RISK", occurred_at=1)
    ids = {dict(cloudevents_headers(one, "delivery-results"))["ce_id"] for one in (recycled, escalated, at_risk)}
    assert ids == {b"e:x:RECYCLE:1", b"e:x:ESCALATE:1", b"e:x:AT_RISK:1"}


def test_a_source_becomes_a_uri_reference() -> None:
    assert ("ce_source", b"CRM%20K%C3%B6ln") in cloudevents_headers(LeadCreated(source="CRM Köln"), "lead-created")


def test_the_trace_is_found_among_the_headers() -> None:
    assert traceparent_of([("x", None), ("traceparent", TRACE)]) == TRACE


NO_TRACES = [
    b"hello",
    TRACE[:-1],
    b"ff" + TRACE[2:],
    TRACE.replace(b"4bf92f3577b34da6a3ce929d0e0e4736", b"0" * 32),
    TRACE.replace(b"00f067aa0ba902b7", b"0" * 16),
]


@pytest.mark.parametrize(
    "headers", [None, [], [("traceparent", None)], [("x", TRACE)], *([("traceparent", one)] for one in NO_TRACES)]
)
def test_what_is_not_a_trace_is_not_passed_on(headers: list[tuple[str, bytes | None]] | None) -> None:
    assert traceparent_of(headers) is None


def test_a_trace_that_is_recorded_is_an_exemplar_and_no_other_is() -> None:
    assert exemplar_of(b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01") == {"trace_id": "ab" * 16}
    assert exemplar_of(b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-00") is None
    assert exemplar_of(None) is None
