"""Kind `customerio`: an event of Customer.io's Journeys Track API.

Sent: `POST /api/v1/customers/{id}/events` with `name`, `timestamp`, `data`, and an `id` derived from the message. It is
a ULID, because only that is deduplicated: "If two events contain the same id, we won't process the event multiple
times" (docs.customer.io/journeys/events, deduplicating events). The identifier in the path is percent-encoded: one
that is not encoded gets a 200 and matches no person.

Accepted: 200. "Track endpoints support minimal validation": whether the person exists, or a campaign started, is not
reported, and these credentials cannot read it back. REVOKE sends `revoke_event_name`, for a campaign's exit
condition to act on; escalations `escalate_event_name` and `at_risk_event_name`, for a campaign to act on.
Limits: 100 calls a second; 429 has no Retry-After.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote

from pydantic import StringConstraints

from schemas.json_value import JsonObject
from workers.outbound import Client, HttpResponse
from workers.secret import Secret

from ..attempts import Accepted, DeliveryRequest, Outcome, Rejected, Retry
from ..target import Limits
from .http_target import VendorTarget
from .payload import payload_of, ulid_of
from .response_policy import failure_outcome, is_success, to_json
from .unbatched import UnbatchedConnector

_THROTTLED_SECONDS = 10.0
_MAX_ID_BYTES = 150
CustomerName = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


class CustomerIoTarget(VendorTarget):
    """`url` of the region: https://track-eu.customer.io in Europe."""

    PRESET: ClassVar[Limits] = Limits(per_second=80, burst=20, concurrency=10)

    kind: Literal["customerio"]
    url: str = "https://track.customer.io"
    site_id: Secret
    api_key: Secret
    event_name: CustomerName = "lead_recycled"
    revoke_event_name: CustomerName = "lead_revoked"
    escalate_event_name: CustomerName = "lead_escalated"
    at_risk_event_name: CustomerName = "lead_at_risk"

    @property
    def event_names(self) -> Mapping[str, CustomerName]:
        """The name of the event for each action."""
        return {
            "RECYCLE": self.event_name,
            "REVOKE": self.revoke_event_name,
            "ESCALATE": self.escalate_event_name,
            "AT_RISK": self.at_risk_event_name,
        }


class CustomerIo(UnbatchedConnector):
    """Sends an event, one per call."""

    def __init__(self, target: CustomerIoTarget, client: Client, now: Callable[[], float]) -> None:
        self._target = target
        self._client = client
        self._now = now

    async def _deliver(self, request: DeliveryRequest) -> Outcome:
        target = self._target
        person = target.vendor_id(request.event.lead_id)
        if not 0 < len(person.encode()) <= _MAX_ID_BYTES or person in (".", ".."):
            return Rejected(None, f"an id at Customer.io has 1 to {_MAX_ID_BYTES} bytes, and is not . or ..")
        reply = await self._client.request(
            "POST",
            target.at(f"/api/v1/customers/{quote(person, safe='')}/events"),
            headers={"authorization": self._credentials(), "content-type": "application/json"},
            body=to_json(self._event(request)),
            url_policy=target.url_policy,
            timeout_seconds=target.timeout_seconds,
        )
        if isinstance(reply, HttpResponse) and is_success(reply):
            return Accepted(reply.status)
        failure = failure_outcome(reply, self._now())
        if isinstance(failure, Retry) and failure.throttled and failure.after_seconds is None:
            return Retry(failure.detail, failure.status, _THROTTLED_SECONDS, throttled=True)
        return failure

    def _event(self, request: DeliveryRequest) -> JsonObject:
        target, event = self._target, request.event
        return {
            "name": target.event_names[event.action],
            "id": ulid_of(request),
            "timestamp": event.occurred_at // 1000,
            "data": payload_of(event),
        }

    def _credentials(self) -> str:
        pair = f"{self._target.site_id.reveal()}:{self._target.api_key.reveal()}"
        return "Basic " + b64encode(pair.encode()).decode()
