"""HubSpot's API: what all kinds of HubSpot endpoints have in common.

Limits: 100 calls in 10 s for a private app of the lower tiers (190 for Professional and Enterprise: set `limits`),
shared by all apps of the account (developers.hubspot.com/changelog/increasing-our-api-limits, usage guidelines).
"""

from typing import ClassVar

from schemas.json_value import JsonValue
from workers.outbound import Client, HttpResult
from workers.secret import Secret

from ..target import Limits
from .http_target import VendorTarget
from .response_policy import to_json


class HubSpotTarget(VendorTarget):
    """A HubSpot account. `token`: of a private app. Leads are identified by the record id of their contact."""

    PRESET: ClassVar[Limits] = Limits(per_second=9, burst=10, concurrency=5)

    url: str = "https://api.hubapi.com"
    token: Secret


async def call(client: Client, target: HubSpotTarget, method: str, path: str, sent: JsonValue) -> HttpResult:
    """Make one call, with a JSON body."""
    headers = {"authorization": f"Bearer {target.token.reveal()}", "content-type": "application/json"}
    return await client.request(
        method,
        target.at(path),
        headers={**headers, "accept": "application/json"},
        body=to_json(sent),
        url_policy=target.url_policy,
        timeout_seconds=target.timeout_seconds,
    )
