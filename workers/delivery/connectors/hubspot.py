"""Kinds `hubspot-event` and `hubspot-list`.

**Event**: `POST /events/2026-03/send` with `eventName`, `objectId`, `occurredAt`, `properties` and a `uuid` derived
from the message. Of events with the same uuid within a year HubSpot keeps the first and rejects all others (its API
specification, SendEventCompletions), so a repeat is harmless. 204 has no body: HubSpot processes the event after its
response, and does not report whether the contact exists, or a workflow started. One event per call: the batch endpoint
does not identify events in its response, so that one bad event could fail many good ones, or go unnoticed.
REVOKE sends `revoke_event_name`, for a workflow to act on; without one it is rejected. Escalations send
`escalate_event_name` and `at_risk_event_name` with the `escalation_properties`, for a workflow that makes a task.

**List**: `PUT /crm/lists/2026-03/{list}/memberships/add` (or `remove`) with up to 100 record ids; the list's
processingType must be MANUAL or SNAPSHOT. "Records that do not exist or that are already members of the list are
ignored": so `recordsIdsAdded` and `recordIdsMissing` of the response are read. A contact in neither was a member
already: a no-op. Workflows start on *joining*: with `rejoin: true` such a member leaves and joins again; the price is
that a repeat after a crash starts the workflow twice. REVOKE does not name its track: it removes from every configured
list.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from pydantic import Field as Setting
from pydantic import StringConstraints

from schemas.events import LeadRecycled
from schemas.json_value import JsonObject
from workers.outbound import Client, HttpResponse

from ..attempts import Accepted, DeliveryRequest, NoOp, Outcome, Rejected, Retry, Unverified
from ..events import ESCALATIONS, DeliveryAction
from .http_target import Tracks
from .hubspot_api import HubSpotTarget, call
from .list_memberships import NO_ESCALATIONS, membership_changes, more_significant, not_numeric
from .payload import PayloadField, iso, selected_fields, uuid_of
from .response_policy import decode_body, failure_outcome, is_success, summary_of
from .unbatched import UnbatchedConnector

MAX_RECORDS_PER_CALL = 100
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


class HubSpotListTarget(HubSpotTarget):
    """Lists. `lists`: the list of each track; `*` for all others."""

    kind: Literal["hubspot-list"]
    lists: Tracks
    rejoin: bool = False

    def unsendable(self, action: DeliveryAction) -> tuple[str, str] | None:
        """A list has no escalations."""
        fix = f"leave {action} out here, and add an endpoint of kind hubspot-task or hubspot-event"
        return (NO_ESCALATIONS, fix) if action in ESCALATIONS else None

    @property
    def track_ids(self) -> Mapping[str, int]:
        """The lists."""
        return self.lists

    @property
    def max_calls(self) -> int:
        """For each list: remove and add; twice with `rejoin`."""
        return len(set(self.lists.values())) * (4 if self.rejoin else 2)


class MembershipResult(msgspec.Struct):
    """HubSpot's response to a change of members. It misspells one name, and omits what is empty."""

    recordsIdsAdded: list[str | int] | None = None  # noqa: N815  HubSpot's names
    recordIdsAdded: list[str | int] | None = None  # noqa: N815
    recordIdsRemoved: list[str | int] | None = None  # noqa: N815
    recordIdsMissing: list[str | int] | None = None  # noqa: N815

    @property
    def added(self) -> set[str]:
        return {str(each) for each in (*(self.recordsIdsAdded or ()), *(self.recordIdsAdded or ()))}

    @property
    def removed(self) -> set[str]:
        return {str(each) for each in self.recordIdsRemoved or ()}

    @property
    def missing(self) -> set[str]:
        return {str(each) for each in self.recordIdsMissing or ()}


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


class HubSpotLists:
    """Adds leads to lists and removes them, many per call."""

    batch_size = MAX_RECORDS_PER_CALL

    def __init__(self, target: HubSpotListTarget, client: Client, now: Callable[[], float]) -> None:
        self._target = target
        self._client = client
        self._now = now

    async def deliver(self, requests: Sequence[DeliveryRequest]) -> Sequence[Outcome]:
        outcomes, changes = membership_changes(requests, self._target.lists, self._target.number)
        for change in changes:
            contacts = {index: str(lead) for index, lead in change.leads.items()}
            made = self._join if change.joins else self._leave
            for index, outcome in (await made(change.number, contacts)).items():
                outcomes[index] = more_significant(outcomes.get(index), outcome)
        return [outcomes[index] for index in range(len(requests))]

    async def close(self) -> None:
        """Holds no resources."""

    async def _join(self, number: int, contacts: dict[int, str]) -> dict[int, Outcome]:
        outcome, members = await self._change(number, "add", contacts.values())
        if members is None:
            return dict.fromkeys(contacts, outcome)
        outcomes = {index: _joined(contact, members, number) for index, contact in contacts.items()}
        known = {index: contacts[index] for index, outcome in outcomes.items() if isinstance(outcome, NoOp)}
        if known and self._target.rejoin:
            outcomes |= await self._rejoin(number, known)
        return outcomes

    async def _rejoin(self, number: int, contacts: dict[int, str]) -> dict[int, Outcome]:
        outcome, members = await self._change(number, "remove", contacts.values())
        if members is not None:
            outcome, members = await self._change(number, "add", contacts.values())
        if members is None:
            return dict.fromkeys(contacts, outcome)
        again = "was on the list: removed and added again"
        return {
            index: Accepted(HTTPStatus.OK, again) if contact in members.added else _joined(contact, members, number)
            for index, contact in contacts.items()
        }

    async def _leave(self, number: int, contacts: dict[int, str]) -> dict[int, Outcome]:
        outcome, members = await self._change(number, "remove", contacts.values())
        if members is None:
            return dict.fromkeys(contacts, outcome)
        absent = NoOp(HTTPStatus.OK, "was not on the list")
        removed = Accepted(HTTPStatus.OK, "removed from the list")
        return {index: removed if contact in members.removed else absent for index, contact in contacts.items()}

    async def _change(
        self, number: int, how: Literal["add", "remove"], contacts: Iterable[str]
    ) -> tuple[Outcome, MembershipResult | None]:
        """Change members. Returns HubSpot's result; if it is None, the outcome applies to all contacts."""
        path = f"/crm/lists/2026-03/{number}/memberships/{how}"
        reply = await call(self._client, self._target, "PUT", path, [*sorted(set(contacts))])
        if not (isinstance(reply, HttpResponse) and is_success(reply)):
            failure = failure_outcome(reply, self._now())
            if isinstance(failure, Rejected):  # the ids are numbers: so the list is wrong, which can be fixed
                failure = Retry(f"the list {number} cannot be changed: {failure.detail}", failure.status)
            return failure, None
        return Unverified(reply.status, f"an invalid response: {summary_of(reply)}"), decode_body(
            reply, MembershipResult
        )


def _joined(contact: str, members: MembershipResult, number: int) -> Outcome:
    if contact in members.added:
        return Accepted(HTTPStatus.OK)
    if contact in members.missing:
        return Rejected(HTTPStatus.OK, f"HubSpot has no record {contact}")
    return NoOp(HTTPStatus.OK, f"was on the list {number} already")


def _is_repeated_uuid(response: HttpResponse) -> bool:
    """Whether HubSpot rejects a repeated uuid. Its response is not documented: 409, or a text that says so."""
    body = response.body
    names_it = response.status == HTTPStatus.BAD_REQUEST and b"uuid" in body and b"duplicate" in body.lower()
    return response.status == HTTPStatus.CONFLICT or names_it
