"""HubSpot: custom events, list memberships and tasks (developers.hubspot.com/docs/api-reference/2026-03).

Its lies: an event with a known uuid is answered like any other and dropped; members and records that do not exist are
ignored; the answer spells one key `recordsIdsAdded` and leaves out what is empty.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from aiohttp import web

from tests.simulators.served import Simulator, Window, json_of

EVENT_KEYS = {"eventName", "objectId", "email", "utk", "occurredAt", "uuid", "properties"}
TASK_PROPERTIES = {
    "hs_task_subject",
    "hs_task_body",
    "hs_timestamp",
    "hs_task_status",
    "hs_task_priority",
    "hs_task_type",
    "hubspot_owner_id",
}
LIMIT = 100, 10.0


class HubSpot(Simulator):
    """`records` exist; `lists` are MANUAL, `dynamic` ones are not; `defined`: the properties of each event.

    `ignores`: how many more changes pass over a record without a word.
    """

    def __init__(self, token: str = "pat-1", *, most: int = LIMIT[0]) -> None:  # noqa: S107
        super().__init__()
        self.token = token
        self.records: set[str] = set()
        self.lists: dict[str, set[str]] = {}
        self.dynamic: set[str] = set()
        self.joined: list[tuple[str, str]] = []
        self.ignores: dict[str, int] = {}
        self.may_read_lists = True
        self.defined: dict[str, set[str]] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.dropped: list[str] = []
        self.says_conflict = False
        self.owners: set[str] = set()
        self.tasks: list[dict[str, Any]] = []
        self._window = Window(most, LIMIT[1])

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/events/2026-03/send", self._send),
            web.put("/crm/lists/2026-03/{list}/memberships/{how:add|remove}", self._change),
            web.post("/crm/lists/2026-03/records/memberships/batch/read", self._read_memberships),
            web.post("/crm/objects/2026-03/tasks", self._create_task),
            web.post("/crm/objects/2026-03/tasks/search", self._search_tasks),
        ]

    async def _send(self, request: web.Request) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        sent = await json_of(request)
        if error := self._fault_of(sent):
            return _error(400, "VALIDATION_ERROR", error)
        if sent["uuid"] in self.events:
            self.dropped.append(sent["uuid"])
            return _error(409, "CONFLICT", "duplicate uuid") if self.says_conflict else web.Response(status=204)
        self.events[sent["uuid"]] = sent
        return web.Response(status=204)

    def _fault_of(self, sent: Any) -> str:  # noqa: PLR0911  one return for each thing that the document asks
        if not isinstance(sent, dict):
            return "Invalid input JSON"
        if unknown := set(sent) - EVENT_KEYS:
            return f"unknown keys: {sorted(unknown)}"
        if sent.get("eventName") not in self.defined:
            return f"event {sent.get('eventName')!r} is not defined"
        if not any(isinstance(sent.get(key), str) and sent[key] for key in ("objectId", "email", "utk")):
            return "one of objectId, email, utk is needed, as text"
        properties = sent.get("properties", {})
        if set(properties) - self.defined[sent["eventName"]]:
            return "a property that is not defined"
        try:
            UUID(sent["uuid"])
            datetime.fromisoformat(sent["occurredAt"])
        except (KeyError, ValueError, TypeError) as error:
            return f"uuid or occurredAt: {error}"
        return ""

    async def _change(self, request: web.Request) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        number, how = request.match_info["list"], request.match_info["how"]
        sent = await json_of(request)
        if not isinstance(sent, list) or not all(isinstance(each, str) and each.isdigit() for each in sent):
            return _error(400, "VALIDATION_ERROR", "Invalid input JSON: a list of record ids as text is needed")
        if number in self.dynamic:
            return _error(400, "VALIDATION_ERROR", "List must have a processing type of MANUAL or SNAPSHOT")
        if number not in self.lists:
            return _error(404, "OBJECT_NOT_FOUND", f"List does not exist with ID {number}.")
        members, known = self.lists[number], [each for each in sent if each in self.records]
        missing = [each for each in sent if each not in self.records]
        known = [each for each in known if not self._is_ignored(each)]
        if how == "add":
            changed = {"recordsIdsAdded": [each for each in known if each not in members]}
            self.joined += [(number, each) for each in changed["recordsIdsAdded"]]
            members |= {*known}
        else:
            changed = {"recordIdsRemoved": [each for each in known if each in members]}
            members -= {*known}
        told = changed | {"recordIdsMissing": missing}
        return web.json_response({key: value for key, value in told.items() if value})

    def _is_ignored(self, record: str) -> bool:
        left = self.ignores.get(record, 0)
        self.ignores[record] = max(0, left - 1)
        return left > 0

    async def _read_memberships(self, request: web.Request) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        if not self.may_read_lists:
            return _error(403, "MISSING_SCOPES", "This app hasn't been granted all required scopes.")
        inputs = (await json_of(request))["inputs"]
        if not all(one["objectTypeId"] == "0-1" for one in inputs):
            return _error(400, "VALIDATION_ERROR", "Invalid input JSON")
        results = [
            {
                "recordId": one["recordId"],
                "objectTypeId": "0-1",
                "recordListMemberships": [
                    {"listId": number, "listVersion": 1}
                    for number, members in self.lists.items()
                    if one["recordId"] in members
                ],
            }
            for one in inputs
            if one["recordId"] in self.records
        ]
        return web.json_response({"status": "COMPLETE", "results": results})

    async def _create_task(self, request: web.Request) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        sent = await json_of(request)
        if error := self._fault_of_task(sent):
            return _error(400, "VALIDATION_ERROR", error)
        self.tasks.append(sent)
        return web.json_response({"id": str(len(self.tasks)), "properties": sent["properties"]}, status=201)

    def _fault_of_task(self, sent: Any) -> str:
        properties = sent.get("properties", {})
        if unknown := set(properties) - TASK_PROPERTIES:
            return f"properties that do not exist: {sorted(unknown)}"
        if not properties.get("hs_timestamp"):
            return "hs_timestamp is required"
        if "hubspot_owner_id" in properties and properties["hubspot_owner_id"] not in self.owners:
            return "hubspot_owner_id: no such owner"
        for one in sent.get("associations", []):
            if one["to"]["id"] not in self.records:
                return f"association to {one['to']['id']}, which does not exist"
            if one["types"] != [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}]:
                return "an association that a task cannot have with a contact"
        return ""

    async def _search_tasks(self, request: web.Request) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        (group,) = (await json_of(request))["filterGroups"]
        wanted = {one["propertyName"]: one["value"] for one in group["filters"] if one["operator"] == "EQ"}
        found = [task for task in self.tasks if wanted.items() <= task["properties"].items()]
        return web.json_response({"total": len(found), "results": found[:1]})

    def _denied(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        if not self._window.takes_one():
            policy = {"policyName": "TEN_SECONDLY_ROLLING", "errorType": "RATE_LIMIT", "status": "error"}
            return web.json_response(policy | {"message": "You have reached your limit."}, status=429)
        return None


def _error(status: int, category: str, message: str) -> web.Response:
    return web.json_response({"status": "error", "category": category, "message": message}, status=status)
