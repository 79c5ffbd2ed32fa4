"""POST /v1/events: one event or a batch, authentication, rate, broker and metrics."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.builders import T0
from tests.unit.ingest.posting import AT, STRUCTURED, TRACE, Posting, a_fact, an_event, faults
from workers.http.keys import digest_of
from workers.kafka import Full, Undelivered


async def test_one_accepted_fact_is_answered_with_its_topic_partition_and_offset(posting: Posting) -> None:
    answer = await posting.post(a_fact(event_id="e1", origin="webinar"))
    assert (answer.status_code, answer.json()) == (
        202,
        {"status": 202, "event_id": "e1", "topic": "lead-created", "partition": 0, "offset": 0},
    )
    (fact,) = posting.facts()
    assert (fact.event_id, fact.lead_id, fact.occurred_at) == ("e1", "L1", AT)
    assert (fact.recorded_at, fact.source, fact.origin) == (T0, "crm", "webinar")
    assert posting.sender.sent[0].key == b"L1"


async def test_a_batch_gets_one_result_per_item(posting: Posting) -> None:
    answer = await posting.post([a_fact("L1"), a_fact("L2", occured_at=1), a_fact("L3")])
    assert answer.status_code == 207
    result = answer.json()
    assert (result["accepted"], result["refused"]) == (2, 1)
    assert [item["status"] for item in result["items"]] == [202, 422, 202]
    assert result["items"][1]["errors"][0] == {
        "path": "/1/occured_at",
        "detail": "a lead-created has no such field",
        "fix": "did you mean 'occurred_at'?",
    }
    assert [fact.lead_id for fact in posting.facts()] == ["L1", "L3"]


async def test_a_batch_without_any_valid_event_is_answered_with_one_problem(posting: Posting) -> None:
    answer = await posting.post([a_fact(""), {"kind": "lead-creatd"}])
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert faults(answer) == [("/0/lead_id", "add `lead_id`"), ("/1/kind", "did you mean 'lead-created'?")]
    assert posting.sender.sent == []


async def test_an_empty_batch_is_accepted(posting: Posting) -> None:
    answer = await posting.post([])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 0)


async def test_more_than_500_events_are_rejected_with_413(posting: Posting) -> None:
    assert (await posting.post([a_fact()] * 501)).status_code == 413


async def test_a_body_is_not_read_for_its_signature_if_no_source_can_sign(posting: Posting) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body is read")
        yield b""

    answer = await posting.send(never(), authorization="", webhook_signature="v1,x")
    assert answer.status_code == 401


async def test_a_valid_traceparent_is_propagated_and_an_invalid_one_dropped(posting: Posting) -> None:
    await posting.post(a_fact(), traceparent=TRACE)
    await posting.post(a_fact(), traceparent="nonsense")
    await posting.post(an_event(traceparent=TRACE), content_type=STRUCTURED)
    traces = [dict(one.headers).get("traceparent") for one in posting.sender.sent]
    assert traces == [TRACE.encode(), None, TRACE.encode()]


@pytest.mark.parametrize("error", [Full("20000 records wait"), Undelivered("timed out")])
async def test_a_full_queue_or_a_failed_broker_is_a_503_with_retry_after(posting: Posting, error: Exception) -> None:
    posting.sender.error = error
    answer = await posting.post(a_fact())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert posting.metrics()['leadloop_ingest_accepted_total{kind="lead-created"}'] == 0


async def test_a_source_beyond_its_rate_gets_429_with_retry_after(tmp_path: Path) -> None:
    posting = Posting(tmp_path, keys=f"sources: {{crm: {{keys: ['{digest_of('llk_crm')}'], per_second: 2, burst: 4}}}}")
    assert (await posting.post([a_fact()] * 7)).status_code == 202  # a batch may overdraw
    answer = await posting.post(a_fact())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    posting.clock += 2.0
    assert (await posting.post(a_fact())).status_code == 202
    assert posting.metrics()['leadloop_ingest_deferred_total{by="rate"}'] == 1


async def test_failed_authentication_does_not_use_up_the_rate_of_a_source(tmp_path: Path) -> None:
    posting = Posting(tmp_path, keys=f"sources: {{crm: {{keys: ['{digest_of('llk_crm')}'], per_second: 1, burst: 1}}}}")
    for _ in range(5):
        assert (await posting.post(a_fact(), authorization="Bearer llk_wrong")).status_code == 401
    assert (await posting.post(a_fact())).status_code == 202


async def test_accepted_and_rejected_events_are_counted(posting: Posting) -> None:
    await posting.post([a_fact(), a_fact(), a_fact(x=1)])
    counted = posting.metrics()
    assert counted['leadloop_ingest_accepted_total{kind="lead-created"}'] == 2
    assert counted['leadloop_ingest_rejected_total{reason="unknown_field"}'] == 1
    assert counted["leadloop_ingest_ack_seconds_count"] == 1
    route = 'leadloop_http_requests_total{method="POST",route="/v1/events",status="2xx"}'
    assert counted[route] == 1
