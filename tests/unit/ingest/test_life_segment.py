"""A lead's life as Segment reports it, by the shipped mapping.

Payloads: "Spec: Common Fields", "Track", "Group", "Alias" and "V2 Ecommerce Events" (segment.com/docs); batches and
their signature: segment-docs, "Webhook (Actions) Destination", and segmentio/action-destinations#3988.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.builders import T0
from tests.unit.ingest.lives import Expected, as_expected, iso, post, post_each, unique
from tests.unit.ingest.posting import Posting
from tests.unit.ingest.webhooks import SECRET, segment_signature

ADA = "segment/u1"

EXPECTED: list[Expected] = [
    ("LeadCreated", ADA, 0, {"origin": "google", "campaign_id": "spring", "account_id": "acme"}),
    ("LeadUpdated", ADA, 1, {"account_id": "acme-2"}),
    ("LeadContacted", ADA, 2, {"by": "sales", "activity": "call", "outcome": "no_answer", "owner_id": "ann"}),
    ("LeadContacted", ADA, 26, {"by": "sales", "outcome": "voicemail"}),
    ("LeadContacted", ADA, 50, {"by": "sales", "outcome": "connected"}),
    ("DealClosed", ADA, 60, {"outcome": "lost", "reason": "price"}),
    ("LeadCreated", ADA, 200, {"origin": "unknown"}),  # asks for a demo again
    ("LeadUpdated", ADA, 210, {"do_not_contact": "yes"}),
    ("DealClosed", ADA, 320, {"outcome": "won", "amount": 2798, "currency": "USD"}),
]


def a_call(hours: float, kind: str, **fields: object) -> dict[str, Any]:
    name = str(fields.get("event", kind))
    return {
        "anonymousId": "507f191e810c19729de860ea",
        "context": {"ip": "8.8.8.8", "library": {"name": "analytics.js", "version": "2.11.1"}},
        "integrations": {},
        "messageId": f"ajs-{name}-{hours}",
        "receivedAt": iso(hours),
        "sentAt": iso(hours),
        "timestamp": iso(hours),
        "originalTimestamp": iso(hours),
        "type": kind,
        "userId": "u1",
        "version": 2,
        **fields,
    }


def a_track(hours: float, event: str, context: dict[str, object] | None = None, **properties: object) -> dict[str, Any]:
    call = a_call(hours, "track", event=event, properties=properties)
    call["context"] |= context or {}
    return call


def a_life() -> list[dict[str, Any]]:
    campaign = {"name": "spring", "source": "google", "medium": "cpc", "term": "crm"}
    order: dict[str, Any] = {"order_id": "50314b8e", "revenue": 25.0, "tax": 2.98, "total": 27.98, "currency": "USD"}
    return [
        a_call(0, "page", name="Pricing", userId=None),
        a_call(0, "identify", traits={"email": "ada@example.com"}),
        a_track(0, "Signed Up", {"campaign": campaign, "groupId": "acme"}),
        a_call(1, "group", groupId="acme-2", traits={"name": "Acme"}),
        a_track(2, "Call Completed", outcome="no answer", owner="ann"),
        a_track(26, "Call Completed", outcome="voicemail"),
        a_track(50, "Call Completed", outcome="connected"),
        a_track(60, "Deal Lost", reason="price"),
        a_track(200, "Demo Requested"),
        a_track(210, "Unsubscribed"),
        a_call(240, "alias", previousId="507f191e810c19729de860ea"),
        a_track(320, "Order Completed", **order),
    ]


async def test_the_life_of_a_lead_in_segment_becomes_the_expected_facts(shipped: Posting) -> None:
    life = a_life()
    await post_each(shipped, "segment", life)
    await post(shipped, "segment", life)  # the same as a batch, as a retry sends it
    await post_each(shipped, "segment", [{**call, "sentAt": iso(400)} for call in life])
    assert as_expected(unique(shipped.facts()), EXPECTED) == EXPECTED
    assert shipped.dead() == []


@pytest.mark.parametrize("event", ["Signed Up", "Call Completed", "Order Completed", "Deal Lost"])
@pytest.mark.parametrize("user", [None, "", "  ", 0, "0"])
async def test_a_call_of_an_anonymous_visitor_concerns_no_lead(shipped: Posting, event: str, user: object) -> None:
    counts = await post(shipped, "segment", {**a_track(1, event), "userId": user})
    assert counts == {"accepted": 0, "ignored": 1, "dead_letters": 0}


@pytest.mark.parametrize(
    ("ahead_ms", "expected"), [(0, 0), (540_000, 540_000), (660_000, -1000), (14 * 86_400_000, -1000)]
)
async def test_a_time_of_a_wrong_clock_is_replaced_by_the_time_of_receipt(
    shipped: Posting, ahead_ms: int, expected: int
) -> None:
    def stamp(ms: int) -> str:
        return datetime.fromtimestamp((T0 + ms) / 1000, UTC).isoformat()

    call = a_track(1, "Demo Requested") | {"timestamp": stamp(ahead_ms), "receivedAt": stamp(-1000)}
    counts = await post(shipped, "segment", call)
    assert counts == {"accepted": 1, "ignored": 0, "dead_letters": 0}
    assert [fact.occurred_at - T0 for fact in shipped.facts()] == [expected]


BATCH = [a_track(2, "Call Completed", name='Zoë, "the" [lead]'), a_track(3, "Call Completed")]


@pytest.mark.parametrize(
    "style", [{}, {"separators": (",", ":"), "ensure_ascii": False}, {"indent": 2}], ids=["blanks", "compact", "lines"]
)
@pytest.mark.parametrize("before", [b"", b" \n", b"\xef\xbb\xbf"])
async def test_a_batch_is_signed_over_its_first_call_or_as_a_whole(
    shipped: Posting, style: dict[str, Any], before: bytes
) -> None:
    one = json.dumps(BATCH[0], **style)
    body = before + f"[{one},{json.dumps(BATCH[1], **style)}]".encode()
    for signed, status in ((one.encode(), 202), (body, 202), (json.dumps(BATCH[1], **style).encode(), 401)):
        signature = segment_signature(signed, SECRET)
        answer = await shipped.send(body, "/v1/webhooks/segment", authorization="", x_signature=signature)
        assert answer.status_code == status
    assert len(unique(shipped.facts())) == 2


@pytest.mark.parametrize(
    ("body", "signed"),
    [
        (b"[]", b""),
        (b"[" * 5000 + b"]" * 5000, b"[" * 4999 + b"]" * 4999),
        (b'{"type": ["a"]}', b'"a"'),
        (b'"[1]"', b"1"),
        (b"\xff[1]", b"1"),
        (b"[1,2]", b"2"),
    ],
)
async def test_a_part_of_something_else_than_a_batch_signs_nothing(
    shipped: Posting, body: bytes, signed: bytes
) -> None:
    signature = segment_signature(signed, SECRET)
    answer = await shipped.send(body, "/v1/webhooks/segment", authorization="", x_signature=signature)
    assert answer.status_code == 401


async def test_a_batch_without_a_signature_is_rejected(shipped: Posting) -> None:
    answer = await shipped.post(BATCH, "/v1/webhooks/segment", authorization="")
    assert answer.status_code == 401
