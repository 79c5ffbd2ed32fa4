"""Webhooks as their senders post them, to `leadloop ingest` on a real Kafka: keys in URLs, signatures, repeats."""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import httpx

from tests.component.ingest.served import ROOT, Keys, Served, facts, held
from tests.unit.ingest.test_life_segment import a_track
from tests.unit.ingest.test_webhooks_other_systems import ESPO, NEW, ODOO, espo_signature, twenty_signature
from tests.world import World
from workers import signing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kafka import Broker

MARK = b"\xef\xbb\xbf"
SECRET = "whsec_" + b64encode(b"s" * 24).decode().rstrip("=")
SYSTEMS = f"""
systems:
  segment: {{dialect: segment, secret: {{env: A_SECRET}}, mapping: {ROOT}/deploy/config/mappings/segment.yml}}
  pipedrive: {{dialect: pipedrive, source: crm, mapping: {ROOT}/deploy/config/mappings/pipedrive.yml}}
  espo:
    dialect: espocrm
    secret: {{env: A_SECRET}}
    tables: {{t: {{files: Lead.update, facts: [{{kind: lead-created, lead_id: id, occurred_at: modifiedAt}}]}}}}
  twenty:
    dialect: twenty
    secret: {{env: A_SECRET}}
    tables:
      t: {{files: person.created, facts: [{{kind: lead-created, lead_id: record.id, occurred_at: eventDate}}]}}
  odoo:
    dialect: standard-webhooks
    source: crm
    tables: {{t: {{files: crm.lead, facts: [{{kind: lead-created, lead_id: _id, occurred_at: create_date}}]}}}}
  forms:
    dialect: standard-webhooks
    secret: {{env: STANDARD}}
    tables: {{t: {{files: event, facts: [{{kind: lead-created, lead_id: who, occurred_at: {{constant: received}}}}]}}}}
"""
CALL: dict[str, Any] = {
    "meta": {"action": "change", "entity": "activity", "version": "2.0"},
    "data": {
        "id": 9,
        "type": "call",
        "done": True,
        "person_id": 77,
        "marked_as_done_time": "2026-03-02T09:00:00Z",
    },
}


def test_every_sender_is_heard_and_what_it_repeats_is_one_fact(real_kafka: Broker, tmp_path: Path) -> None:
    (tmp_path / "webhooks.yml").write_text(SYSTEMS, encoding="utf-8")
    world, keys = World.on_real(real_kafka.bootstrap, tmp_path), Keys.in_folder(tmp_path)
    secrets = {"A_SECRET": "s", "STANDARD": SECRET, "LEADLOOP_WEBHOOKS_FILE": str(tmp_path / "webhooks.yml")}
    with Served(world, keys, env=secrets) as served:
        base = served.ready().url
        with_key = base.replace("http://", f"http://any:{keys.of['crm']}@")

        def post(url: str, body: bytes, **headers: str) -> httpx.Response:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return httpx.post(url, content=body, headers={"content-type": "application/json", **named}, timeout=30)

        def twice(url: str, value: Any, **headers: str) -> None:
            for _ in range(2):
                answer = post(url, json.dumps(value).encode(), **headers)
                assert (answer.status_code, answer.json()["accepted"]) == (202, 1), answer.text

        now = int(time.time())
        twice(f"{with_key}/v1/webhooks/odoo?type=crm.lead", ODOO)
        espo = json.dumps(ESPO).encode()
        twice(f"{base}/v1/webhooks/espo?type=Lead.update", ESPO, **espo_signature(espo, "s"))
        twenty = json.dumps(NEW).encode()
        twice(f"{base}/v1/webhooks/twenty", NEW, **twenty_signature(twenty, now * 1000, "s"))
        form = {"who": "L9"}
        signed = signing.signed_headers("msg_1", now, json.dumps(form).encode(), [signing.parse_key(SECRET)])
        twice(f"{base}/v1/webhooks/forms", form, **{k.replace("webhook", "svix"): v for k, v in signed.items()})
        for number in range(6):
            item = {**CALL, "meta": {**CALL["meta"], "id": f"u{number}"}, "previous": {"note": "x" * number}}
            assert post(f"{with_key}/v1/webhooks/pipedrive", MARK + json.dumps(item).encode()).json()["accepted"] == 1

        batch = [a_track(1, "Signed Up"), a_track(2, "Call Completed")]
        first = hmac.digest(b"s", json.dumps(batch[0]).encode(), "sha1").hex()
        assert post(f"{base}/v1/webhooks/segment", json.dumps(batch).encode(), x_signature=first).status_code == 202
        assert post(f"{base}/v1/webhooks/segment", json.dumps(batch).encode(), x_signature="0").status_code == 401
        assert served.stop() == 0
    assert held(world, "lead-dead-letters") == []
    leads = {fact.event_id: fact.lead_id for fact in facts(world)}
    assert sorted(leads.values()) == ["31", "64f0", "L9", "p1", "pipedrive/77", "segment/u1", "segment/u1"]
