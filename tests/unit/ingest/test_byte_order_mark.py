"""A byte order mark before JSON: RFC 8259 allows a receiver to ignore it, and several clients send one."""

import json

import pytest

from tests.builders import T0
from tests.unit.ingest.posting import BATCH, STRUCTURED, Posting, a_fact, an_event
from tests.unit.ingest.webhooks import a_change, a_salesforce_event, hubspot_signature

MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("value", "content_type"),
    [
        (a_fact(), "application/json"),
        ([a_fact(), a_fact("L2")], "application/json; charset=utf-8"),
        (an_event(), STRUCTURED),
        ([an_event()], BATCH),
    ],
)
async def test_events_may_begin_with_a_byte_order_mark(posting: Posting, value: object, content_type: str) -> None:
    body = json.dumps(value).encode()
    answers = [await posting.send(one, content_type=content_type) for one in (MARK + body, body)]
    assert [answer.status_code for answer in answers] == [202, 202]
    ids = [fact.event_id for fact in posting.facts()]
    assert ids[: len(ids) // 2] == ids[len(ids) // 2 :]


async def test_webhooks_may_begin_with_a_byte_order_mark(webhooks: Posting) -> None:
    body = MARK + json.dumps([a_change("lifecyclestage", "customer")]).encode()
    signed = {"x_hubspot_signature_v3": hubspot_signature(body), "x_hubspot_request_timestamp": str(T0)}
    answer = await webhooks.send(body, "/v1/webhooks/hubspot", authorization="", **signed)
    assert answer.json() == {"accepted": 1, "ignored": 0, "dead_letters": 0}
    body = MARK + json.dumps(a_salesforce_event("CREATE")).encode()
    answer = await webhooks.send(body, "/v1/webhooks/salesforce", authorization="Bearer salesforce")
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize("body", [MARK, MARK + MARK + b"{}", b"{}" + MARK, '{"a": 1}'.encode("utf-16")])
async def test_a_mark_elsewhere_or_of_another_encoding_is_a_bad_request(posting: Posting, body: bytes) -> None:
    assert (await posting.send(body)).status_code == 400
