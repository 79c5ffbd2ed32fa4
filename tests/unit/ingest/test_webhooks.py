"""Webhooks of Pipedrive, Segment and Standard Webhooks: facts by a mapping, and signatures."""

import json
from base64 import b64encode

from tests.builders import T0
from tests.unit.ingest.posting import Posting
from tests.unit.ingest.webhooks import (
    SECRET,
    STANDARD,
    segment_signature,
)
from workers import signing


def a_deal(status: str, **data: object) -> dict[str, object]:
    return {
        "meta": {"action": "change", "entity": "deal", "id": "u-1", "version": "2.0"},
        "data": {"id": 7, "person_id": 12, "status": status, "value": 1250.5, "currency": "EUR", **data},
        "previous": {"status": "open"},
    }


async def test_a_lost_pipedrive_deal_has_its_reason_and_a_won_one_its_amount(webhooks: Posting) -> None:
    basic = "Basic " + b64encode(b"leadloop:pipedrive").decode()
    for deal in (
        a_deal("lost", lost_time="2025-10-01 10:00:00", lost_reason="Too expensive"),
        a_deal("won", won_time="2025-10-01T10:00:00Z"),
    ):
        answer = await webhooks.post(deal, "/v1/webhooks/pipedrive", authorization=basic)
        assert answer.json()["accepted"] == 1
    lost, won = webhooks.facts()
    assert (lost.outcome, lost.reason, lost.lead_id) == ("lost", "price", "pipedrive/12")
    assert (won.outcome, won.amount, won.currency) == ("won", 125_050, "EUR")


async def test_a_pipedrive_deal_whose_status_did_not_change_is_ignored(webhooks: Posting) -> None:
    deal = a_deal("lost", lost_time="2025-10-01 10:00:00") | {"previous": {"title": "x"}}
    answer = await webhooks.post(deal, "/v1/webhooks/pipedrive", authorization="Bearer pipedrive")
    assert answer.json() == {"accepted": 0, "ignored": 1, "dead_letters": 0}


async def test_a_merge_in_pipedrive_is_a_dead_letter(webhooks: Posting) -> None:
    gone = {"meta": {"action": "delete", "entity": "person", "id": "u"}, "data": None, "previous": {"merged_to_id": 5}}
    answer = await webhooks.post(gone, "/v1/webhooks/pipedrive", authorization="Bearer pipedrive")
    assert (answer.json()["dead_letters"], webhooks.dead()[0]["dl_reason"]) == (1, "merge")


async def test_segment_calls_signed_by_either_of_two_secrets_are_accepted(webhooks: Posting) -> None:
    call = {
        "type": "track",
        "event": "Signed Up",
        "messageId": "m",
        "userId": "u1",
        "timestamp": "2025-10-01T10:00:00Z",
    }
    body = json.dumps({**call, "context": {"campaign": {"source": "ads", "name": "spring"}}}).encode()
    for secret, status in ((SECRET, 202), ("the old one", 202), ("another", 401)):
        signature = segment_signature(body, secret)
        answer = await webhooks.send(body, "/v1/webhooks/segment", x_signature=signature, authorization="")
        assert answer.status_code == status
    created, same = webhooks.facts()
    assert (created.lead_id, created.origin, created.campaign_id) == ("segment/u1", "ads", "spring")
    assert created.event_id == same.event_id


async def test_standard_webhooks_are_converted_by_tables_in_the_webhooks_file(webhooks: Posting) -> None:
    body = json.dumps({"type": "form.sent", "timestamp": "2025-10-01T10:00:00Z", "data": {"who": "L9"}}).encode()
    headers = signing.signed_headers("msg_1", T0 // 1000, body, [signing.parse_key(STANDARD)])
    for changed, status in ((body, 202), (body + b" ", 401)):
        answer = await webhooks.send(changed, "/v1/webhooks/forms", authorization="", **headers)
        assert answer.status_code == status
    (fact,) = webhooks.facts()
    assert (fact.lead_id, fact.source) == ("L9", "forms")


async def test_an_unknown_system_is_not_found(webhooks: Posting) -> None:
    assert (await webhooks.post({}, "/v1/webhooks/other")).status_code == 404
