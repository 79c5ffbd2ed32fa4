"""What can be posted to /v1/events, and what is said to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import T0
from tests.builders_imports import fact_of as imported
from tests.unit.ingest.posting import ISO, Posting, a_fact, an_event, faults
from workers.http.keys import digest_of
from workers.kafka import Full, Undelivered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

AT = 1_759_996_800_000
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def posting(tmp_path: Path) -> Posting:
    return Posting(tmp_path)


async def test_one_fact_is_accepted_and_told_where_it_is(posting: Posting) -> None:
    answer = await posting.post(a_fact(event_id="e1", origin="webinar"))
    assert (answer.status_code, answer.json()) == (
        202,
        {"status": 202, "event_id": "e1", "topic": "lead-created", "partition": 0, "offset": 0},
    )
    (fact,) = posting.facts()
    assert (fact.event_id, fact.lead_id, fact.occurred_at) == ("e1", "L1", AT)
    assert (fact.recorded_at, fact.source, fact.origin) == (T0, "crm", "webinar")
    assert posting.sender.sent[0].key == b"L1"


async def test_a_batch_is_answered_item_by_item(posting: Posting) -> None:
    answer = await posting.post([a_fact("L1"), a_fact("L2", occured_at=1), a_fact("L3")])
    assert answer.status_code == 207
    told = answer.json()
    assert (told["accepted"], told["refused"]) == (2, 1)
    assert [item["status"] for item in told["items"]] == [202, 422, 202]
    assert told["items"][1]["errors"][0] == {
        "path": "/1/occured_at",
        "detail": "a lead-created has no such field",
        "fix": "did you mean 'occurred_at'?",
    }
    assert [fact.lead_id for fact in posting.facts()] == ["L1", "L3"]


async def test_a_batch_of_which_nothing_can_be_taken_is_one_problem(posting: Posting) -> None:
    answer = await posting.post([a_fact(""), {"kind": "lead-creatd"}])
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert faults(answer) == [("/0/lead_id", "add `lead_id`"), ("/1/kind", "did you mean 'lead-created'?")]
    assert posting.sender.sent == []


async def test_an_empty_batch_is_no_fault(posting: Posting) -> None:
    answer = await posting.post([])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 0)


async def test_more_than_500_events_are_too_many(posting: Posting) -> None:
    assert (await posting.post([a_fact()] * 501)).status_code == 413


@pytest.mark.parametrize(
    ("fields", "path", "fix"),
    [
        ({"occurred_at": "2025-10-09"}, "/occurred_at", "append Z for UTC"),
        ({"occurred_at": "soon"}, "/occurred_at", "write ISO 8601"),
        ({"occurred_at": 1.5}, "/occurred_at", "write ISO 8601"),
        ({"occurred_at": True}, "/occurred_at", "write ISO 8601"),
        ({"occurred_at": -5}, "/occurred_at", "write ISO 8601"),
        ({"occurred_at": T0 * 1000}, "/occurred_at", "write milliseconds"),
        ({"occurred_at": T0 + 600_001}, "/occurred_at", "check the time zone"),
        ({"occurred_at": None}, "/occurred_at", "add `occurred_at`"),
        ({"lead_id": "x" * 129}, "/lead_id", "write at most 128"),
        ({"lead_id": 5}, "/lead_id", "write a string"),
        ({"lead_id": "a\x00b"}, "/lead_id", "remove it"),
        ({"origin": "x" * 257}, "/origin", "write at most 256"),
        ({"origin": ["x"]}, "/origin", "write a string"),
        ({"do_not_contact": "no"}, "/do_not_contact", "write true or false"),
        ({"expected_amount": 1.5}, "/expected_amount", "write minor units"),
        ({"expected_amount": 2**63}, "/expected_amount", "write minor units"),
        ({"consent_expires_at": 2**70}, "/consent_expires_at", "write ISO 8601"),
        ({"a/b~c": 1}, "/a~1b~0c", "write one of"),
    ],
)
async def test_a_field_at_fault_is_named_with_what_would_be_right(
    posting: Posting, fields: dict[str, Any], path: str, fix: str
) -> None:
    answer = await posting.post(a_fact(**fields))
    assert answer.status_code == 422
    (error,) = faults(answer)
    assert error[0] == path
    assert error[1].startswith(fix)


@pytest.mark.parametrize(
    ("kind", "fields", "path"),
    [
        ("lead-contacted", {"outcome": "unreached"}, "/outcome"),
        ("lead-contacted", {"by": "unknown"}, "/by"),
        ("lead-stalled", {"declared_by": "detector"}, "/declared_by"),
        ("lead-stalled", {"idle_since": 5}, "/idle_since"),
        ("deal-closed", {}, "/outcome"),
        ("deal-closed", {"outcome": "won", "currency": "EURO"}, "/currency"),
        ("lead-recycled", {"action": "RECYCLE"}, "/kind"),
        ("stream-heartbeats", {}, "/kind"),
    ],
)
async def test_what_only_streams_may_say_and_unknown_words_are_refused(
    posting: Posting, kind: str, fields: dict[str, Any], path: str
) -> None:
    answer = await posting.post(a_fact(**fields) | {"kind": kind})
    assert (answer.status_code, [place for place, _ in faults(answer)]) == (422, [path])


async def test_a_fact_that_fits_no_record_is_refused(posting: Posting) -> None:
    answer = await posting.post(a_fact(note="x" * 65_530) | {"kind": "lead-stalled"})
    assert (answer.status_code, faults(answer)) == (422, [("", "write less, at most 64 KiB an event")])


async def test_a_blank_name_of_a_lead_is_told_where_it_stands(posting: Posting) -> None:
    answer = await posting.post(a_fact("   "))
    assert faults(answer) == [("/lead_id", "add `lead_id`")]


async def test_null_and_blank_are_not_given(posting: Posting) -> None:
    await posting.post([a_fact(origin=None, segment="  "), a_fact()])
    one, other = posting.facts()
    assert one == other


async def test_the_same_content_has_the_same_id_and_the_id_that_an_import_would_give(posting: Posting) -> None:
    await posting.post([a_fact(origin="web"), a_fact(origin="web"), a_fact(origin="fair")])
    one, same, other = (fact.event_id for fact in posting.facts())
    assert one == same != other
    row = {"id": "L1", "at": ISO, "o": "web"}
    mapped = {"kind": "lead-created", "lead_id": "id", "occurred_at": "at", "origin": "o"}
    assert imported(row, mapped, source="crm").event_id == one


async def test_an_idempotency_key_names_events_that_have_no_id(posting: Posting) -> None:
    await posting.post(a_fact("L1"), idempotency_key="k")
    await posting.post(a_fact("L2"), idempotency_key="k")
    await posting.post([a_fact("L3"), a_fact("L3"), a_fact(event_id="own")], idempotency_key="k")
    ids = [fact.event_id for fact in posting.facts()]
    assert len(set(ids)) == 5
    assert ids[4] == "own"


async def test_an_idempotency_key_that_is_used_for_something_else_swallows_nothing(posting: Posting) -> None:
    for fact in (a_fact("L1"), a_fact("L1", origin="web"), a_fact("L1")):
        await posting.post(fact, idempotency_key="k")
    first, other, again = (fact.event_id for fact in posting.facts())
    assert first == again != other


async def test_an_id_that_was_given_is_the_same_whoever_says_it_but_that_of_a_cloudevent_is_its_sources(
    tmp_path: Path,
) -> None:
    keys = "sources: {" + ", ".join(f"{name}: {{keys: ['{digest_of(name)}']}}" for name in ("crm", "dialler")) + "}"
    posting = Posting(tmp_path, keys=keys)
    for name in ("crm", "dialler"):
        await posting.post(a_fact(event_id="17"), authorization=f"Bearer {name}")
        await posting.post(an_event(id="17", source="x"), authorization=f"Bearer {name}", content_type=STRUCTURED)
    assert [fact.event_id for fact in posting.facts()] == ["17", "crm/x:17", "17", "dialler/x:17"]


async def test_one_event_twice_in_a_batch_is_one_fact(posting: Posting) -> None:
    answer = await posting.post([a_fact(), a_fact()])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert len({fact.event_id for fact in posting.facts()}) == 1


async def test_an_event_of_a_hundred_thousand_slips_is_refused_soon(posting: Posting) -> None:
    begun = time.process_time()
    answer = await posting.post({**a_fact(), **{f"o{number}": 1 for number in range(70_000)}})
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 20)
    assert time.process_time() - begun < 2


async def test_a_slip_that_comes_in_every_event_of_a_batch_is_looked_up_once(
    posting: Posting, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = list[str]()

    def close(word: str, names: list[str], n: int) -> list[str]:
        looked_up.append(word)
        return names[:n]

    monkeypatch.setattr("streams.runtime.documents.get_close_matches", close)
    slips: dict[str, Any] = {f"a_slip_of_this_test_{n}": 1 for n in range(20)}
    answer = await posting.post([a_fact(**slips) for _ in range(500)])
    assert answer.status_code == 422
    assert sorted(looked_up) == sorted(slips)


async def test_a_signature_is_not_asked_for_where_nobody_signs(posting: Posting) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body is read")
        yield b""

    answer = await posting.send(never(), authorization="", webhook_signature="v1,x")
    assert answer.status_code == 401


async def test_cloudevents_come_structured(posting: Posting) -> None:
    answer = await posting.post(an_event(data={"origin": "web"}), content_type=STRUCTURED)
    assert (answer.status_code, answer.json()["event_id"]) == (202, "crm:1")
    (fact,) = posting.facts()
    assert (fact.lead_id, fact.occurred_at, fact.origin) == ("L1", AT, "web")


async def test_cloudevents_come_as_a_batch(posting: Posting) -> None:
    answer = await posting.post([an_event(), an_event(id="2", type="lead-created"), {}], content_type=BATCH)
    assert answer.status_code == 207
    assert [item.get("event_id") for item in answer.json()["items"]] == ["crm:1", "crm:2", None]
    assert [error["path"] for error in answer.json()["items"][2]["errors"]] == [
        "/2/id",
        "/2/source",
        "/2/type",
        "/2/specversion",
    ]


async def test_cloudevents_come_binary_with_attributes_in_headers(posting: Posting) -> None:
    headers = {"ce_specversion": "1.0", "ce_id": "a%20b", "ce_source": "crm/eu", "ce_type": "lead-created"}
    answer = await posting.post({"occurred_at": AT}, **headers, ce_subject="L%C3%A9a")
    assert answer.json()["event_id"] == "crm/eu:a b"
    (fact,) = posting.facts()
    assert (fact.lead_id, fact.source, fact.occurred_at) == ("Léa", "crm/eu", AT)


async def test_the_places_of_a_binary_cloudevent_are_headers_and_the_body(posting: Posting) -> None:
    headers = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "crm", "ce_type": "lead-created"}
    answer = await posting.post({"lead_id": 5}, **headers, ce_time=ISO)
    assert [place for place, _ in faults(answer)] == ["/lead_id"]
    answer = await posting.post({}, **{**headers, "ce_id": ""})
    assert [place for place, _ in faults(answer)] == ["header ce-id"]


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"type": "com.example.other"}, "/type"),
        ({"data": None}, "/data"),
        ({"data": [1]}, "/data"),
        ({"data_base64": "e30="}, "/data_base64"),
        ({"data": {"orign": "x"}}, "/data/orign"),
        ({"time": "yesterday"}, "/data/occurred_at"),
        ({"id": 5}, "/id"),
        ({"id": "a\x1b[2J"}, "/id"),
    ],
)
async def test_a_cloudevent_at_fault_is_named(posting: Posting, attributes: dict[str, Any], path: str) -> None:
    answer = await posting.post(an_event(**attributes), content_type=STRUCTURED)
    assert (answer.status_code, faults(answer)[0][0]) == (422, path)


async def test_a_long_cloudevents_id_still_makes_one_name(posting: Posting) -> None:
    for _ in range(2):
        assert (await posting.post(an_event(id="i" * 400), content_type=STRUCTURED)).status_code == 202
    one, same = posting.facts()
    assert one.event_id == same.event_id
    assert len(one.event_id) == 32


@pytest.mark.parametrize(
    ("named", "source"),
    [("crm", "crm"), ("crm/eu", "crm/eu"), ("erp", "crm/erp"), ("/crm", "crm/crm"), ("crm2", "crm/crm2")],
)
async def test_nobody_speaks_for_another_source(posting: Posting, named: str, source: str) -> None:
    await posting.post(a_fact(source=named))
    await posting.post(an_event(source=named), content_type=STRUCTURED)
    assert [fact.source for fact in posting.facts()] == [source, source]


async def test_a_trace_goes_along_and_what_is_none_does_not(posting: Posting) -> None:
    await posting.post(a_fact(), traceparent=TRACE)
    await posting.post(a_fact(), traceparent="nonsense")
    await posting.post(an_event(traceparent=TRACE), content_type=STRUCTURED)
    traces = [dict(one.headers).get("traceparent") for one in posting.sender.sent]
    assert traces == [TRACE.encode(), None, TRACE.encode()]


@pytest.mark.parametrize("error", [Full("20000 records wait"), Undelivered("timed out")])
async def test_a_broker_that_does_not_take_it_is_a_503_that_says_when(posting: Posting, error: Exception) -> None:
    posting.sender.error = error
    answer = await posting.post(a_fact())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert posting.metrics()['leadloop_ingest_accepted_total{kind="lead-created"}'] == 0


async def test_a_source_has_a_rate_and_hears_when_it_may_go_on(tmp_path: Path) -> None:
    posting = Posting(tmp_path, keys=f"sources: {{crm: {{keys: ['{digest_of('llk_crm')}'], per_second: 2, burst: 4}}}}")
    assert (await posting.post([a_fact()] * 7)).status_code == 202  # a batch may overdraw
    answer = await posting.post(a_fact())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    posting.clock += 2.0
    assert (await posting.post(a_fact())).status_code == 202
    assert posting.metrics()['leadloop_ingest_deferred_total{by="rate"}'] == 1


async def test_a_failed_login_costs_no_rate(tmp_path: Path) -> None:
    posting = Posting(tmp_path, keys=f"sources: {{crm: {{keys: ['{digest_of('llk_crm')}'], per_second: 1, burst: 1}}}}")
    for _ in range(5):
        assert (await posting.post(a_fact(), authorization="Bearer llk_wrong")).status_code == 401
    assert (await posting.post(a_fact())).status_code == 202


async def test_what_came_and_what_stayed_out_is_counted(posting: Posting) -> None:
    await posting.post([a_fact(), a_fact(), a_fact(x=1)])
    counted = posting.metrics()
    assert counted['leadloop_ingest_accepted_total{kind="lead-created"}'] == 2
    assert counted['leadloop_ingest_rejected_total{reason="unknown_field"}'] == 1
    assert counted["leadloop_ingest_ack_seconds_count"] == 1
    route = 'leadloop_http_requests_total{method="POST",route="/v1/events",status="2xx"}'
    assert counted[route] == 1
