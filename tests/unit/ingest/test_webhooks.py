"""Upstream systems in their own dialects: what they send becomes facts by a mapping, or a dead letter with a reason."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from streams.runtime.documents import DocumentError
from tests.builders import T0
from tests.unit.ingest.posting import Posting
from workers import signing
from workers.http.keys import digest_of
from workers.ingest.systems import load_systems

MAPPINGS = Path(__file__).parents[3] / "deploy/config/mappings"
SECRET = "shared secret"  # noqa: S105  # of a test
STANDARD = "whsec_" + b64encode(b"s" * 24).decode()
URL = "https://in.example.com/v1/webhooks/hubspot"
SYSTEMS = f"""
systems:
  hubspot:
    dialect: hubspot
    secret: {{env: A_SECRET}}
    public_url: {URL}
    ignore: [contact.creation]
    mapping: {MAPPINGS}/hubspot.yml
  salesforce: {{dialect: salesforce, own_client: leadloop, mapping: {MAPPINGS}/salesforce.yml}}
  pipedrive: {{dialect: pipedrive, mapping: {MAPPINGS}/pipedrive.yml}}
  segment: {{dialect: segment, secret: [{{env: OTHER}}, {{env: A_SECRET}}], mapping: {MAPPINGS}/segment.yml}}
  forms:
    dialect: standard-webhooks
    secret: {{env: STANDARD}}
    source: forms
    tables:
      sent:
        files: form.sent
        facts: [{{kind: lead-created, lead_id: data.who, occurred_at: timestamp}}]
"""
KEYS = "sources: {" + ", ".join(f"{n}: {{keys: ['{digest_of(n)}']}}" for n in ("salesforce", "pipedrive", "crm")) + "}"


@pytest.fixture
def posting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Posting:
    for name, value in (("A_SECRET", SECRET), ("OTHER", "the old one"), ("STANDARD", STANDARD)):
        monkeypatch.setenv(name, value)
    return Posting(tmp_path, keys=KEYS, systems=SYSTEMS)


def hubspot_signature(body: bytes, at: int = T0, url: str = URL) -> str:
    content = f"POST{url}".encode() + body + str(at).encode()
    return b64encode(hmac.digest(SECRET.encode(), content, "sha256")).decode()


async def from_hubspot(posting: Posting, *items: Any, **headers: str) -> Any:
    body = json.dumps(items).encode()
    signed = {"x_hubspot_signature_v3": hubspot_signature(body), "x_hubspot_request_timestamp": str(T0)}
    return await posting.send(body, "/v1/webhooks/hubspot", authorization="", **{**signed, **headers})


def a_change(name: str, value: str, **more: Any) -> dict[str, Any]:
    common = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "objectId": 4711, "occurredAt": T0 - 5000}
    return {
        **common,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "changeSource": "CRM_UI",
        "propertyName": name,
        "propertyValue": value,
        **more,
    }


async def test_hubspots_changes_become_facts(posting: Posting) -> None:
    answer = await from_hubspot(
        posting,
        a_change("lifecyclestage", "marketingqualifiedlead"),
        a_change("hs_lead_status", "ATTEMPTED_TO_CONTACT", eventId=2),
        a_change("notes_last_contacted", str(T0 - 1000), eventId=3),
        a_change("hs_lead_status", "BAD_TIMING", eventId=4),
        a_change("lifecyclestage", "customer", eventId=5),
        a_change("firstname", "Ada", eventId=6),
        a_change("", "", subscriptionType="contact.creation"),
    )
    assert (answer.status_code, answer.json()) == (202, {"accepted": 5, "ignored": 2, "dead_letters": 0})
    assert [type(fact).__name__ for fact in posting.facts()] == [
        "LeadCreated",
        "LeadContacted",
        "LeadContacted",
        "LeadStalled",
        "DealClosed",
    ]
    created, tried, contacted, stalled, _ = posting.facts()
    assert (created.lead_id, created.origin, created.source) == ("hubspot/4711", "crm", "hubspot")
    assert (tried.outcome, contacted.occurred_at, stalled.reason) == ("no_answer", T0 - 1000, "bad_timing")


async def test_an_item_told_again_is_the_same_fact_and_another_is_not(posting: Posting) -> None:
    change = a_change("lifecyclestage", "customer")
    await from_hubspot(posting, change)
    posting.clock += 60
    await from_hubspot(posting, {**change, "attemptNumber": 1}, {**change, "eventId": 9})
    first, again, other = (fact.event_id for fact in posting.facts())
    assert first == again != other


async def test_what_can_be_no_fact_is_a_dead_letter_with_its_reason(posting: Posting) -> None:
    merge = {"subscriptionType": "contact.merge", "primaryObjectId": 1, "mergedObjectIds": [2, 3]}
    answer = await from_hubspot(
        posting,
        merge,
        {"subscriptionType": "contact.privacyDeletion", "objectId": 4},
        {"subscriptionType": "deal.deletion", "objectId": 4},
        a_change("lifecyclestage", "customer", objectId=None),
        a_change("hs_lead_status", "BAD_TIMING", occurredAt=T0 + 700_000),
        a_change("lifecyclestage", "customer", objectId="x" * 300),
        "nonsense",
    )
    assert (answer.status_code, answer.json()["dead_letters"]) == (202, 7)
    reasons = [letter["dl_reason"] for letter in posting.dead()]
    assert reasons == ["merge", "privacy_deletion", "unmapped", "unfit", "unfit", "unfit", "not_an_item"]
    letter, sent = posting.dead()[0], posting.sender.sent[0]
    assert (letter["dl_topic"], letter["dl_partition"]) == ("webhooks/hubspot", "-1")
    assert letter["dl_seen_at"] == str(T0)
    assert json.loads(sent.value or b"") == merge
    assert "objectId" in posting.dead()[3]["dl_error"]
    assert posting.metrics()['leadloop_ingest_dead_letters_total{reason="merge",system="hubspot"}'] == 1


@pytest.mark.parametrize("body", [b"{", b'{"a":1,"a":2}', b"\xff", b"NaN"])
async def test_what_is_no_json_is_kept_as_it_came(posting: Posting, body: bytes) -> None:
    answer = await posting.send(
        body,
        "/v1/webhooks/hubspot",
        x_hubspot_signature_v3=hubspot_signature(body),
        x_hubspot_request_timestamp=str(T0),
    )
    assert (answer.status_code, posting.dead()[0]["dl_reason"]) == (202, "not_json")
    assert posting.sender.sent[0].value == body


async def test_hubspot_signs_the_address_with_marks_that_are_not_encoded(posting: Posting) -> None:
    body, asked = b"[]", "?at=2026-03-02T09%3A00%3a00&to=a%40b.example&q=%21%24%27%28%29%2A%2C%3B%2F%3F&kept=%20%26"
    signed_for = URL + "?at=2026-03-02T09:00:00&to=a@b.example&q=!$'()*,;/?&kept=%20%26"
    answer = await posting.send(
        body,
        "/v1/webhooks/hubspot" + asked,
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
async def test_what_hubspot_did_not_sign_just_now_is_refused(posting: Posting, headers: dict[str, str]) -> None:
    assert (await from_hubspot(posting, **headers)).status_code == 401
    assert posting.sender.sent == []


def a_salesforce_event(change: str = "UPDATE", **fields: Any) -> dict[str, Any]:
    header = {
        "entityName": "Lead",
        "recordIds": ["00Q1"],
        "changeType": change,
        "changeOrigin": "com/salesforce/api/soap/57.0;client=SfdcInternalAPI/",
        "transactionKey": "t",
        "sequenceNumber": 1,
        "commitTimestamp": T0 - 1000,
        **fields.pop("header", {}),
    }
    return {"ChangeEventHeader": header, **fields}


async def from_salesforce(posting: Posting, value: Any, key: str = "salesforce") -> Any:
    return await posting.post(value, "/v1/webhooks/salesforce", authorization=f"Bearer {key}")


async def test_salesforce_changes_of_several_records_are_a_fact_each(posting: Posting) -> None:
    event = a_salesforce_event(Status="Contacted", header={"recordIds": ["00Q1", "00Q2"]})
    for wrapped in (event, {"payload": event}, [{"data": {"payload": event}}]):
        assert (await from_salesforce(posting, wrapped)).json()["accepted"] == 2
    ids = [fact.event_id for fact in posting.facts()]
    assert [fact.lead_id for fact in posting.facts()[:2]] == ["salesforce/00Q1", "salesforce/00Q2"]
    assert len(set(ids)) == 2


async def test_gaps_of_salesforce_are_dead_letters_and_own_changes_are_passed_over(posting: Posting) -> None:
    own = {"changeOrigin": "com/salesforce/api/rest/57.0;client=leadloop"}
    events = [
        a_salesforce_event("GAP_UPDATE"),
        a_salesforce_event(header={"recordIds": ["001*"]}),
        a_salesforce_event("GAP_OVERFLOW", header={"recordIds": []}),
        a_salesforce_event(Status="Contacted", header=own),
        a_salesforce_event(Status="Contacted", header={"recordIds": None}),
        {"no": "header"},
    ]
    answer = await from_salesforce(posting, events)
    assert answer.json() == {"accepted": 0, "ignored": 1, "dead_letters": 5}
    assert [letter["dl_reason"] for letter in posting.dead()] == ["gap", "gap", "gap", "not_an_item", "not_an_item"]


@pytest.mark.parametrize(
    "event",
    [
        [0] * 3_000,
        [a_salesforce_event(header={"recordIds": ["*"] * 1_500}, note="x" * 20_000)],
        [a_salesforce_event(Status="Contacted", header={"recordIds": ["00Q1"] * 1_500}, note="x" * 20_000)],
    ],
    ids=["many items", "huge dead letters", "a long event about many records"],
)
async def test_a_body_of_very_much_becomes_one_dead_letter(posting: Posting, event: Any) -> None:
    answer = await from_salesforce(posting, event)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 0, "ignored": 0, "dead_letters": 1})
    assert [letter["dl_reason"] for letter in posting.dead()] == ["too_many"]
    assert json.loads(posting.sender.sent[0].value or b"") == event


async def test_numbers_beyond_64_bits_are_no_fault_of_ours(posting: Posting) -> None:
    event = a_salesforce_event(Status="Contacted", Score=10**40, header={"sequenceNumber": 10**30})
    assert (await from_salesforce(posting, event)).status_code == 202
    assert (await from_salesforce(posting, {"no": 10**40})).status_code == 202


async def test_a_system_is_for_the_keys_of_its_own_source(posting: Posting) -> None:
    assert (await from_salesforce(posting, {}, "crm")).status_code == 403
    assert (await from_salesforce(posting, {}, "wrong")).status_code == 401


async def test_a_system_that_shows_a_key_has_a_rate_too(tmp_path: Path) -> None:
    keys = f"sources: {{salesforce: {{keys: ['{digest_of('salesforce')}'], per_second: 1, burst: 2}}}}"
    systems = f"systems: {{salesforce: {{dialect: salesforce, mapping: {MAPPINGS}/salesforce.yml}}}}"
    posting = Posting(tmp_path, keys=keys, systems=systems)
    assert (await from_salesforce(posting, [a_salesforce_event("CREATE")] * 3)).status_code == 202
    assert (await from_salesforce(posting, [])).status_code == 429


def a_deal(status: str, **data: Any) -> dict[str, Any]:
    return {
        "meta": {"action": "change", "entity": "deal", "id": "u-1", "version": "2.0"},
        "data": {"id": 7, "person_id": 12, "status": status, "value": 1250.5, "currency": "EUR", **data},
        "previous": {"status": "open"},
    }


async def test_pipedrives_lost_deal_says_why(posting: Posting) -> None:
    basic = "Basic " + b64encode(b"leadloop:pipedrive").decode()
    for deal in (
        a_deal("lost", lost_time="2025-10-01 10:00:00", lost_reason="Too expensive"),
        a_deal("won", won_time="2025-10-01T10:00:00Z"),
    ):
        answer = await posting.post(deal, "/v1/webhooks/pipedrive", authorization=basic)
        assert answer.json()["accepted"] == 1
    lost, won = posting.facts()
    assert (lost.outcome, lost.reason, lost.lead_id) == ("lost", "price", "pipedrive/12")
    assert (won.outcome, won.amount, won.currency) == ("won", 125_050, "EUR")


async def test_a_deal_that_only_changed_otherwise_is_no_fact(posting: Posting) -> None:
    deal = a_deal("lost", lost_time="2025-10-01 10:00:00") | {"previous": {"title": "x"}}
    answer = await posting.post(deal, "/v1/webhooks/pipedrive", authorization="Bearer pipedrive")
    assert answer.json() == {"accepted": 0, "ignored": 1, "dead_letters": 0}


async def test_a_merge_in_pipedrive_is_a_dead_letter(posting: Posting) -> None:
    gone = {"meta": {"action": "delete", "entity": "person", "id": "u"}, "data": None, "previous": {"merged_to_id": 5}}
    answer = await posting.post(gone, "/v1/webhooks/pipedrive", authorization="Bearer pipedrive")
    assert (answer.json()["dead_letters"], posting.dead()[0]["dl_reason"]) == (1, "merge")


async def test_segments_calls_are_signed_by_either_of_two_secrets(posting: Posting) -> None:
    call = {
        "type": "track",
        "event": "Signed Up",
        "messageId": "m",
        "userId": "u1",
        "timestamp": "2025-10-01T10:00:00Z",
    }
    body = json.dumps({**call, "context": {"campaign": {"source": "ads", "name": "spring"}}}).encode()
    for secret, status in ((SECRET, 202), ("the old one", 202), ("another", 401)):
        signature = hmac.digest(secret.encode(), body, "sha1").hex()
        answer = await posting.send(body, "/v1/webhooks/segment", x_signature=signature, authorization="")
        assert answer.status_code == status
    created, same = posting.facts()
    assert (created.lead_id, created.origin, created.campaign_id) == ("segment/u1", "ads", "spring")
    assert created.event_id == same.event_id


async def test_standard_webhooks_come_by_inline_tables(posting: Posting) -> None:
    body = json.dumps({"type": "form.sent", "timestamp": "2025-10-01T10:00:00Z", "data": {"who": "L9"}}).encode()
    headers = signing.signed_headers("msg_1", T0 // 1000, body, [signing.parse_key(STANDARD)])
    for changed, status in ((body, 202), (body + b" ", 401)):
        answer = await posting.send(changed, "/v1/webhooks/forms", authorization="", **headers)
        assert answer.status_code == status
    (fact,) = posting.facts()
    assert (fact.lead_id, fact.source) == ("L9", "forms")


async def test_an_unknown_system_is_not_found(posting: Posting) -> None:
    assert (await posting.post({}, "/v1/webhooks/other")).status_code == 404


def test_the_webhooks_file_that_is_delivered_is_fine() -> None:
    systems = load_systems(MAPPINGS.parent / "webhooks.yml")
    assert set(systems) == {"salesforce", "pipedrive"}


def test_no_secret_of_a_system_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A_SECRET", "OTHER", "STANDARD"):
        monkeypatch.setenv(name, STANDARD)
    (tmp_path / "webhooks.yml").write_text(SYSTEMS, encoding="utf-8")
    systems = load_systems(tmp_path / "webhooks.yml")
    assert systems["hubspot"].secrets == (STANDARD,)
    assert STANDARD not in repr(systems)


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("{dialect: hubspt}", "did you mean 'hubspot'"),
        ("{dialect: segment}", "write either `mapping: FILE` or `tables:`"),
        ("{dialect: hubspot, secret: {env: A_SECRET}, mapping: x.yml}", "public_url"),
        ("{dialect: salesforce, secret: {env: A_SECRET}, mapping: x.yml}", "leave `secret:` out"),
        ("{dialect: standard-webhooks, secret: {env: A_SECRET}, mapping: x.yml}", "whsec_"),
        ("{dialect: segment, tables: {t: {files: a, facts: [{kind: lead-created}]}}}", "lead_id"),
    ],
)
def test_an_unfit_webhooks_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, said: str
) -> None:
    monkeypatch.setenv("A_SECRET", SECRET)
    (tmp_path / "webhooks.yml").write_text(f"systems: {{one: {system}}}", encoding="utf-8")
    with pytest.raises(DocumentError, match=r"webhooks\.yml") as caught:
        load_systems(tmp_path / "webhooks.yml")
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
