"""Kind `hubspot-event`: custom events.

`POST /events/2026-03/send` with `eventName`, `objectId`, `occurredAt`, `properties` and a `uuid` derived
from the message. Of events with the same uuid within a year HubSpot keeps the first and rejects all others (its API
specification, SendEventCompletions), so a repeat is harmless. 204 has no body: HubSpot processes the event after its
response, and does not report whether the contact exists, or a workflow started. One event per call: the batch endpoint
does not identify events in its response, so that one bad event could fail many good ones, or go unnoticed.
REVOKE sends `revoke_event_name`, for a workflow to act on; without one it is rejected. Escalations send
`escalate_event_name` and `at_risk_event_name` with the `escalation_properties`, for a workflow that makes a task.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import Field as Setting
from pydantic import StringConstraints

from schemas.events import LeadRecycled
from schemas.json_value import JsonObject
from workers.outbound import Client, HttpResponse

from ..attempts import Accepted, DeliveryRequest, Outcome, Rejected
from ..events import ESCALATIONS, DeliveryAction
from .hubspot_api import HubSpotTarget, call
from .list_memberships import not_numeric
from .payload import PayloadField, iso, selected_fields, uuid_of
from .response_policy import failure_outcome, is_success
from .unbatched import UnbatchedConnector

_NAMELESS = {"REVOKE": "an event cannot be revoked: configure a revoke_event_name that a workflow acts on"}
EventName = Annotated[str, StringConstraints(pattern=r"^pe[0-9]+_[a-z0-9_-]{1,100}$")]
PropertyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]


def _default_properties() -> dict[str, PayloadField]:
    return {"recycle_id": "recycle_id", "track": "track", "reason": "reason"}


def _default_escalation_properties() -> dict[str, PayloadField]:
    return {"escalation_id": "escalation_id", "reason": "reason", "until": "until"}


class HubSpotEventTarget(HubSpotTarget):
    """Custom events. `properties`: those of the event's definition in HubSpot, and the field that each gets."""

    kind: Literal["hubspot-event"]
    event_name: EventName
    revoke_event_name: EventName | None = None
    escalate_event_name: EventName | None = None
    at_risk_event_name: EventName | None = None
    properties: Annotated[dict[PropertyName, PayloadField], Setting(default_factory=_default_properties, max_length=50)]
    escalation_properties: Annotated[
        dict[PropertyName, PayloadField], Setting(default_factory=_default_escalation_properties, max_length=50)
    ]

    @property
    def event_names(self) -> Mapping[DeliveryAction, EventName | None]:
        """The name of the event for each action."""
        return {
            "RECYCLE": self.event_name,
            "REVOKE": self.revoke_event_name,
            "ESCALATE": self.escalate_event_name,
            "AT_RISK": self.at_risk_event_name,
        }

    def unsendable(self, action: DeliveryAction) -> tuple[str, str] | None:
        """An escalation needs an event of its own."""
        if action not in ESCALATIONS or self.event_names[action]:
            return None
        key = f"{action.lower()}_event_name"
        return f"{action} has no {key}", f"write '{key}: pe1234567_{action.lower()}', which is defined in HubSpot"


class HubSpotEvents(UnbatchedConnector):
    """Sends a custom event."""

    def __init__(self, target: HubSpotEventTarget, client: Client, now: Callable[[], float]) -> None:
        self._target = target
        self._client = client
        self._now = now

    async def _deliver(self, request: DeliveryRequest) -> Outcome:
        target, event = self._target, request.event
        contact = target.number(event.lead_id)
        if contact is None:
            return Rejected(None, not_numeric(event.lead_id))
        name = None if event.action == "UNKNOWN" else target.event_names[event.action]
        if name is None:
            return Rejected(None, _NAMELESS.get(event.action, f"{event.action} has no event name: configure one"))
        reply = await call(self._client, target, "POST", "/events/2026-03/send", self._event(request, name, contact))
        if isinstance(reply, HttpResponse) and (is_success(reply) or _is_repeated_uuid(reply)):
            return Accepted(reply.status, "" if is_success(reply) else "it had received this event before")
        return failure_outcome(reply, self._now())

    def _event(self, request: DeliveryRequest, name: str, contact: int) -> JsonObject:
        event, target = request.event, self._target
        names = target.properties if isinstance(event, LeadRecycled) else target.escalation_properties
        return {
            "eventName": name,
            "objectId": str(contact),
            "occurredAt": iso(event.occurred_at),
            "uuid": uuid_of(request),
            "properties": selected_fields(event, names),
        }


def _is_repeated_uuid(response: HttpResponse) -> bool:
    """Whether HubSpot rejects a repeated uuid. Its response is not documented: 409, or a text that says so."""
    body = response.body
    names_it = response.status == HTTPStatus.BAD_REQUEST and b"uuid" in body and b"duplicate" in body.lower()
    return response.status == HTTPStatus.CONFLICT or names_it
