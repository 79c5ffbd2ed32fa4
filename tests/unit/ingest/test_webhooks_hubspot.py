"""HubSpot's webhooks: facts, dead letters, and signatures."""

import json

import pytest

from tests.builders import T0
from tests.unit.ingest.posting import Posting
from tests.unit.ingest.webhooks import (
    URL,
    a_change,
    from_hubspot,
    hubspot_signature,
)


async def test_hubspot_changes_become_facts_by_the_mapping(webhooks: Posting) -> None:
    answer = await from_hubspot(
        webhooks,
        a_change("lifecyclestage", "marketingqualifiedlead"),
        a_change("hs_lead_status", "ATTEMPTED_TO_CONTACT", eventId=2),
        a_change("notes_last_contacted", str(T0 - 1000), eventId=3),
        a_change("hs_lead_status", "BAD_TIMING", eventId=4),
        a_change("lifecyclestage", "customer", eventId=5),
        a_change("firstname", "Ada", eventId=6),
        a_change("", "", subscriptionType="contact.creation"),
    )
    assert (answer.status_code, answer.json()) == (202, {"accepted": 5, "ignored": 2, "dead_letters": 0})
    assert [type(fact).__name__ for fact in webhooks.facts()] == [
        "LeadCreated",
        "LeadContacted",
        "LeadContacted",
        "LeadStalled",
        "DealClosed",
    ]
    created, tried, contacted, stalled, _ = webhooks.facts()
    assert (created.lead_id, created.origin, created.source) == ("hubspot/4711", "crm", "hubspot")
    assert (tried.outcome, contacted.occurred_at, stalled.reason) == ("no_answer", T0 - 1000, "bad_timing")


async def test_a_change_has_one_event_id_whichever_message_reports_it_and_another_change_has_another(
    webhooks: Posting,
) -> None:
    change = a_change("lifecyclestage", "customer")
    await from_hubspot(webhooks, change)
    webhooks.clock += 60
    again = [{**change, "attemptNumber": 1}, {**change, "eventId": 9, "subscriptionId": 9}]
    await from_hubspot(webhooks, *again, {**change, "occurredAt": T0 - 4000}, {**change, "objectId": 5})
    first, *same, later, other = (fact.event_id for fact in webhooks.facts())
    assert same == [first, first]
    assert len({first, later, other}) == 3


async def test_items_that_cannot_become_facts_are_dead_letters_with_a_reason(webhooks: Posting) -> None:
    merge = {"subscriptionType": "contact.merge", "primaryObjectId": 1, "mergedObjectIds": [2, 3]}
    answer = await from_hubspot(
        webhooks,
        merge,
        {"subscriptionType": "contact.privacyDeletion", "objectId": 4},
        {"subscriptionType": "deal.deletion", "objectId": 4},
        a_change("lifecyclestage", "customer", objectId=None),
        a_change("hs_lead_status", "BAD_TIMING", occurredAt=T0 + 700_000),
        a_change("lifecyclestage", "customer", objectId="x" * 300),
        "nonsense",
    )
    assert (answer.status_code, answer.json()["dead_letters"]) == (202, 7)
    reasons = [letter["dl_reason"] for letter in webhooks.dead()]
    assert reasons == ["merge", "privacy_deletion", "unmapped", "unfit", "unfit", "unfit", "not_an_item"]
    letter, sent = webhooks.dead()[0], webhooks.sender.sent[0]
    assert (letter["dl_topic"], letter["dl_partition"]) == ("webhooks/hubspot", "-1")
    assert letter["dl_seen_at"] == str(T0)
    assert json.loads(sent.value or b"") == merge
    assert "objectId" in webhooks.dead()[3]["dl_error"]
    assert webhooks.metrics()['leadloop_ingest_dead_letters_total{reason="merge",system="hubspot"}'] == 1


@pytest.mark.parametrize("body", [b"{", b'{"a":1,"a":2}', b"\xff", b"NaN"])
async def test_a_body_that_is_not_json_is_dead_lettered_unchanged(webhooks: Posting, body: bytes) -> None:
    answer = await webhooks.send(
        body,
        "/v1/webhooks/hubspot",
        x_hubspot_signature_v3=hubspot_signature(body),
        x_hubspot_request_timestamp=str(T0),
    )
    assert (answer.status_code, webhooks.dead()[0]["dl_reason"]) == (202, "not_json")
    assert webhooks.sender.sent[0].value == body


async def test_the_signature_of_hubspot_covers_the_url_with_some_characters_decoded(webhooks: Posting) -> None:
    body, query = b"[]", "?at=2026-03-02T09%3A00%3a00&to=a%40b.example&q=%21%24%27%28%29%2A%2C%3B%2F%3F&kept=%20%26"
    signed_for = URL + "?at=2026-03-02T09:00:00&to=a@b.example&q=!$'()*,;/?&kept=%20%26"
    answer = await webhooks.send(
        body,
        "/v1/webhooks/hubspot" + query,
        authorization="",
        x_hubspot_signature_v3=hubspot_signature(body, url=signed_for),
        x_hubspot_request_timestamp=str(T0),
    )
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"x_hubspot_signature_v3": "AAAA"},
        {"x_hubspot_signature_v3": ""},
        {"x_hubspot_request_timestamp": ""},
        {"x_hubspot_request_timestamp": "now"},
        {"x_hubspot_request_timestamp": str(T0 - 300_001)},
        {"x_hubspot_request_timestamp": str(T0 + 300_001)},
        {"x_hubspot_request_timestamp": "9" * 400},
        {"x_hubspot_signature_v3": hubspot_signature(b"[]", url="https://elsewhere/")},
    ],
)
async def test_a_wrong_or_old_signature_of_hubspot_is_rejected(webhooks: Posting, headers: dict[str, str]) -> None:
    assert (await from_hubspot(webhooks, **headers)).status_code == 401
    assert webhooks.sender.sent == []
