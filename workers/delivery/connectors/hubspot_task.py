"""Kind `hubspot-task`: escalations as tasks of the lead's owner.

`POST /crm/objects/2026-03/tasks` makes a task that is due at `until` and associated with the contact (association type
204, defined by HubSpot); 201 has its id. Creating is not idempotent at HubSpot, so a search for the same subject and
due time comes first, `POST /crm/objects/2026-03/tasks/search`. HubSpot indexes tasks within seconds: a repeat that is
faster than that makes a second task.

The task goes to the lead's owner if `owner_id` is a number, as HubSpot's ids of owners are. If HubSpot rejects the
owner, who may have left, the task is made without one. Limits: as for the other kinds; at most three calls a delivery.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import Field

from schemas.events import LeadEscalated
from schemas.json_value import JsonObject, JsonValue
from workers.outbound import Client, HttpResponse

from ..attempts import Accepted, DeliveryRequest, Outcome, Rejected, Unverified
from ..events import RECYCLES, DeliveryAction, id_of
from .hubspot_api import HubSpotTarget, call
from .list_memberships import not_numeric
from .payload import iso
from .response_policy import decode_body, failure_outcome, is_success, summary_of
from .unbatched import UnbatchedConnector

TASK_TO_CONTACT = 204
"""HubSpot's own type of the association of a task with a contact."""
_TASKS = "/crm/objects/2026-03/tasks"
_OWNER = "hubspot_owner_id"
_WORDS = {"ESCALATE": "Act on lead", "AT_RISK": "Contact lead in time:"}


class HubSpotTaskTarget(HubSpotTarget):
    """Tasks. `priority` and `type` are those of HubSpot. `strip_owner_prefix`: as strip_prefix, for owner_id."""

    DEFAULT_ACTIONS: ClassVar[tuple[DeliveryAction, ...]] = ("ESCALATE",)

    kind: Literal["hubspot-task"]
    priority: Literal["LOW", "MEDIUM", "HIGH"] = "HIGH"
    type: Literal["TODO", "CALL", "EMAIL"] = "TODO"
    strip_owner_prefix: Annotated[str, Field(max_length=100)] = ""

    @property
    def max_calls(self) -> int:
        """Search, create, and create without the owner."""
        return 3

    def unsendable(self, action: DeliveryAction) -> tuple[str, str] | None:
        """Tasks are for sales; marketing's events go elsewhere."""
        fix = f"leave {action} out here, and add an endpoint of kind hubspot-list or hubspot-event"
        return ("a task is for an escalation only", fix) if action in RECYCLES else None

    def owner(self, owner_id: str) -> str | None:
        """Return the id of an owner at HubSpot; None if it is not one."""
        text = owner_id.removeprefix(self.strip_owner_prefix)
        return text if text.isascii() and text.isdigit() else None


class SearchResult(msgspec.Struct):
    """HubSpot's response to a search."""

    total: int


class HubSpotTasks(UnbatchedConnector):
    """Makes a task, unless there is one already."""

    def __init__(self, target: HubSpotTaskTarget, client: Client, now: Callable[[], float]) -> None:
        self._target = target
        self._client = client
        self._now = now

    async def _deliver(self, request: DeliveryRequest) -> Outcome:
        event = request.event
        if not isinstance(event, LeadEscalated):
            return Rejected(None, "a task is for an escalation only")
        contact = self._target.number(event.lead_id)
        if contact is None:
            return Rejected(None, not_numeric(event.lead_id))
        properties = self._properties(event)
        return await self._found(properties) or await self._created(properties, contact)

    def _properties(self, event: LeadEscalated) -> dict[str, str]:
        owner = self._target.owner(event.owner_id)
        about = f"{event.reason}, pass {event.pass_no}, {event.touches} touches. Owner: {event.owner_id or 'none'}."
        return {
            "hs_task_subject": f"{_WORDS.get(event.action, '')} {event.lead_id} ({event.reason})",
            "hs_task_body": f"{about} Leadloop {event.action} {id_of(event)}",
            "hs_timestamp": iso(event.until or event.occurred_at),
            "hs_task_status": "NOT_STARTED",
            "hs_task_priority": self._target.priority,
            "hs_task_type": self._target.type,
        } | ({_OWNER: owner} if owner else {})

    async def _found(self, properties: dict[str, str]) -> Outcome | None:
        """Search for the task. Returns None if there is none."""
        reply = await call(self._client, self._target, "POST", f"{_TASKS}/search", _search(properties))
        if not (isinstance(reply, HttpResponse) and is_success(reply)):
            return failure_outcome(reply, self._now())
        found = decode_body(reply, SearchResult)
        if found is None:
            return Unverified(reply.status, f"an invalid response: {summary_of(reply)}")
        return Accepted(reply.status, "the task was there already") if found.total else None

    async def _created(self, properties: dict[str, str], contact: int) -> Outcome:
        reply = await call(self._client, self._target, "POST", _TASKS, _task(properties, contact))
        if isinstance(reply, HttpResponse) and is_success(reply):
            return Accepted(reply.status, "" if _OWNER in properties else "without an owner")
        if _OWNER in properties and _is_about_owner(reply):
            return await self._created({name: value for name, value in properties.items() if name != _OWNER}, contact)
        return failure_outcome(reply, self._now())


def _search(properties: Mapping[str, str]) -> JsonObject:
    names = ("hs_task_subject", "hs_timestamp")
    filters: list[JsonValue] = [{"propertyName": name, "operator": "EQ", "value": properties[name]} for name in names]
    return {"filterGroups": [{"filters": filters}], "limit": 1}


def _task(properties: Mapping[str, str], contact: int) -> JsonObject:
    association: JsonObject = {
        "to": {"id": str(contact)},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TASK_TO_CONTACT}],
    }
    return {"properties": {**properties}, "associations": [association]}


def _is_about_owner(reply: object) -> bool:
    return isinstance(reply, HttpResponse) and reply.status == HTTPStatus.BAD_REQUEST and _OWNER.encode() in reply.body
