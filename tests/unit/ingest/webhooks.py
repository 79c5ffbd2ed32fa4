"""Webhooks of upstream systems, with the mappings in deploy/config."""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.builders import T0
from tests.unit.ingest.posting import Posting
from workers.http.keys import digest_of

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


def hubspot_signature(body: bytes, at: int = T0, url: str = URL) -> str:
    content = f"POST{url}".encode() + body + str(at).encode()
    return b64encode(hmac.digest(SECRET.encode(), content, "sha256")).decode()


def segment_signature(body: bytes, secret: str) -> str:
    return hmac.digest(secret.encode(), body, "sha1").hex()


async def from_hubspot(posting: Posting, *items: object, **headers: str) -> Any:
    body = json.dumps(items).encode()
    signed = {"x_hubspot_signature_v3": hubspot_signature(body), "x_hubspot_request_timestamp": str(T0)}
    return await posting.send(body, "/v1/webhooks/hubspot", authorization="", **{**signed, **headers})


def a_change(name: str, value: str, **more: object) -> dict[str, object]:
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


def a_salesforce_event(
    change: str = "UPDATE", *, header: Mapping[str, object] = MappingProxyType({}), **fields: object
) -> dict[str, object]:
    common = {
        "entityName": "Lead",
        "recordIds": ["00Q5e000009AbCdEAK"],
        "changeType": change,
        "changeOrigin": "com/salesforce/api/soap/57.0;client=SfdcInternalAPI/",
        "transactionKey": "t",
        "sequenceNumber": 1,
        "commitTimestamp": T0 - 1000,
    }
    return {"ChangeEventHeader": {**common, **header}, **fields}


async def from_salesforce(posting: Posting, value: object, key: str = "salesforce") -> Any:
    return await posting.post(value, "/v1/webhooks/salesforce", authorization=f"Bearer {key}")
