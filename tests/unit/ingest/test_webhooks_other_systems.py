"""EspoCRM, Twenty, Odoo and systems that only Standard Webhooks' libraries know: their signatures, names and ids.

Payloads: docs/administration/webhooks.md of espocrm/documentation (also the signature); "Webhooks" of docs.twenty.com
and twenty's call-webhook job (eventName, record, eventDate); odoo's "Send Webhook Notification" (_id, _model).
"""

import hmac
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.builders import T0
from tests.unit.ingest.posting import Posting
from tests.unit.ingest.webhooks import STANDARD
from workers import signing
from workers.http.keys import digest_of

SYSTEMS = """
systems:
  espo:
    dialect: espocrm
    secret: [{env: ESPO_CREATE}, {env: ESPO_UPDATE}]
    tables:
      dead:
        files: Lead.update
        facts:
          - kind: lead-stalled
            when: {status: Dead}
            lead_id: id
            occurred_at: modifiedAt
            reason: {constant: unqualified}
  twenty:
    dialect: twenty
    secret: {env: TWENTY}
    tables:
      new: {files: person.created, facts: [{kind: lead-created, lead_id: record.id, occurred_at: record.createdAt}]}
      old:
        files: person.updated
        facts: [{kind: lead-updated, lead_id: data.id, occurred_at: timestamp, owner_id: data.owner}]
  odoo:
    dialect: standard-webhooks
    tables:
      leads: {files: crm.lead, facts: [{kind: lead-created, lead_id: _id, occurred_at: create_date}]}
      dead:
        files: espo.update
        facts:
          - kind: lead-stalled
            lead_id: id
            occurred_at: {constant: received}
            reason: {column: status, values: {Dead: unqualified}}
  forms:
    dialect: standard-webhooks
    secret: {env: FORMS}
    tables:
      sent: {files: event, facts: [{kind: lead-created, lead_id: who, occurred_at: at}]}
"""
SPELLINGS = [STANDARD, STANDARD.removeprefix("whsec_"), f"v1,{STANDARD}"]
ESPO = [{"id": "64f0", "status": "Dead", "modifiedAt": "2025-10-01 10:00:00"}]


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Posting:
    for name in ("ESPO_CREATE", "ESPO_UPDATE", "TWENTY"):
        monkeypatch.setenv(name, name.lower())
    monkeypatch.setenv("FORMS", getattr(request, "param", STANDARD))
    return Posting(tmp_path, keys=f"sources: {{odoo: {{keys: ['{digest_of('K')}']}}}}", systems=SYSTEMS)


def espo_signature(body: bytes, secret: str, *, is_old: bool = False) -> dict[str, str]:
    code = hmac.digest(secret.encode(), body, "sha256")
    signed = b"5f1:" + (code if is_old else code.hex().encode())
    return {"x_signature" if is_old else "signature": b64encode(signed).decode()}


def twenty_signature(body: bytes, at: int = T0, secret: str = "twenty") -> dict[str, str]:  # noqa: S107  # of a test
    code = hmac.digest(secret.encode(), f"{at}:".encode() + body, "sha256").hex()
    return {"x_twenty_webhook_signature": code, "x_twenty_webhook_timestamp": str(at)}


async def send(posting: Posting, path: str, body: bytes, **headers: str) -> Any:
    return await posting.send(body, f"/v1/webhooks/{path}", **{"authorization": "", **headers})


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize(("secret", "status"), [("espo_create", 202), ("espo_update", 202), ("another", 401)])
async def test_espocrm_signs_with_the_key_of_each_webhook_and_the_url_names_the_event(
    others: Posting, secret: str, status: int, is_old: bool
) -> None:
    body = json.dumps(ESPO).encode()
    answer = await send(others, "espo?type=Lead.update", body, **espo_signature(body, secret, is_old=is_old))
    assert answer.status_code == status
    assert [(fact.lead_id, fact.reason) for fact in others.facts()] == [("64f0", "unqualified")] * (status == 202)


@pytest.mark.parametrize("headers", [{}, {"signature": "!"}, {"signature": b64encode(b"5f1:").decode()}])
async def test_an_unsigned_request_of_espocrm_is_rejected(others: Posting, headers: dict[str, str]) -> None:
    assert (await send(others, "espo?type=Lead.update", b"[]", **headers)).status_code == 401


async def test_a_repeat_of_espocrm_is_one_fact_also_in_another_batch_and_another_change_is_another(
    others: Posting,
) -> None:
    later = [{**ESPO[0], "modifiedAt": "2025-10-01 11:00:00"}]
    for records in (ESPO, ESPO, [{"id": "1"}, *ESPO], later):
        body = json.dumps(records).encode()
        await send(others, "espo?type=Lead.update", body, **espo_signature(body, "espo_update"))
    ids = [fact.event_id for fact in others.facts()]
    assert ids[0] == ids[1] == ids[2] != ids[3]


async def test_espocrm_without_a_type_in_the_url_is_a_dead_letter_that_names_the_item(others: Posting) -> None:
    body = json.dumps(ESPO).encode()
    await send(others, "espo", body, **espo_signature(body, "espo_update"))
    assert [(one["dl_reason"], "'event'" in one["dl_error"]) for one in others.dead()] == [("unmapped", True)]


NEW = {
    "eventName": "person.created",
    "objectMetadata": {"id": "m", "nameSingular": "person"},
    "workspaceId": "w",
    "webhookId": "h",
    "eventDate": "2025-10-01T10:00:00.000Z",
    "record": {"id": "p1", "createdAt": "2025-10-01T10:00:00.000Z"},
}
OLD = {"event": "person.updated", "data": {"id": "p1", "owner": "ann"}, "timestamp": "2025-10-01T10:00:00Z"}


async def test_twenty_signs_the_time_and_the_body(others: Posting) -> None:
    for item in (NEW, OLD):
        body = json.dumps(item, separators=(",", ":")).encode()
        assert (await send(others, "twenty", body, **twenty_signature(body))).json()["accepted"] == 1
    assert [fact.lead_id for fact in others.facts()] == ["p1", "p1"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        twenty_signature(b"{}", T0 - 300_001),
        twenty_signature(b"{}", secret="another"),  # noqa: S106  # of a test
        twenty_signature(b"[]"),
        twenty_signature(b"{}") | {"x_twenty_webhook_timestamp": str(T0 + 1)},
        twenty_signature(b"{}") | {"x_twenty_webhook_timestamp": "now"},
    ],
)
async def test_a_wrong_or_old_signature_of_twenty_is_rejected(others: Posting, headers: dict[str, str]) -> None:
    assert (await send(others, "twenty", b"{}", **headers)).status_code == 401


async def test_an_attempt_that_twenty_repeats_is_one_fact(others: Posting) -> None:
    body = json.dumps(NEW).encode()
    for at in (T0, T0 + 60_000):
        await send(others, "twenty", body, **twenty_signature(body, at))
    assert len({fact.event_id for fact in others.facts()}) == 1


ODOO = {
    "_action": "Send Webhook Notification(#12)",
    "_id": 31,
    "_model": "crm.lead",
    "create_date": "2025-10-01 10:00:00",
}


@pytest.mark.parametrize(("password", "status"), [("K", 202), ("k", 401), ("", 401)])
async def test_odoo_authenticates_by_a_key_in_the_url(others: Posting, password: str, status: int) -> None:
    basic = "Basic " + b64encode(f"odoo:{password}".encode()).decode()  # as HTTP clients send https://odoo:K@host/
    answer = await send(others, "odoo?type=crm.lead", json.dumps(ODOO).encode(), authorization=basic)
    assert answer.status_code == status


async def test_a_repeat_without_an_id_is_one_fact_and_another_content_another(others: Posting) -> None:
    changed = {**ODOO, "_id": 32}
    for item in (ODOO, ODOO, dict(reversed(ODOO.items())), changed):
        await send(others, "odoo?type=crm.lead", json.dumps(item).encode(), authorization="Bearer K")
    ids = [fact.event_id for fact in others.facts()]
    assert ids[0] == ids[1] == ids[2] != ids[3]


async def test_a_repeat_without_an_id_and_a_time_is_one_fact_and_the_same_an_hour_later_is_another(
    others: Posting,
) -> None:
    others.clock = 3600 - T0 / 1000 % 3600  # a full hour
    body = json.dumps([{"id": "64f0", "status": "Dead"}]).encode()
    for seconds in (0, 1, 900, 3599, 3600):
        others.clock += seconds - (others.clock - 3600 + T0 / 1000 % 3600)
        await send(others, "odoo?type=espo.update", body, authorization="Bearer K")
    assert others.dead() == []
    *first, later = (fact.event_id for fact in others.facts())
    assert len(set(first)) == 1
    assert later not in first


@pytest.mark.parametrize("others", SPELLINGS, indirect=True, ids=["prefix", "bare", "v1"])
@pytest.mark.parametrize("family", ["webhook", "svix"])
async def test_senders_use_the_headers_of_svix_and_secrets_in_any_spelling(others: Posting, family: str) -> None:
    body = json.dumps({"who": "L9", "at": "2025-10-01T10:00:00Z"}).encode()
    key = signing.parse_key(STANDARD)
    for message, changed in (("msg_1", body), ("msg_1", body), ("msg_2", body), ("msg_3", body + b" ")):
        headers = signing.signed_headers(message, T0 // 1000, body, [key])
        renamed = {name.replace("webhook", family): value for name, value in headers.items()}
        answer = await send(others, "forms", changed, **renamed)
        assert answer.status_code == (202 if changed == body else 401)
    first, again, other = (fact.event_id for fact in others.facts())
    assert first == again != other
