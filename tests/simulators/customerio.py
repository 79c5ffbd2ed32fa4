"""Customer.io's Journeys Track API (docs.customer.io/integrations/api/track; journeys/events, deduplicating events).

Its lies: a person that does not exist, and an id in the path that is not encoded, are answered 200 like any other; an
event whose id is known is answered 200 and not processed; 429 comes without Retry-After.
"""

import re
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.simulators.served import Simulator, Window, basic, json_of

LIMIT = 100, 1.0
ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
RESERVED = {"from_address", "recipient", "reply_to"}


class CustomerIo(Simulator):
    """`people` exist; `processed` events have reached one of them."""

    def __init__(self, site_id: str = "site", api_key: str = "key", *, most: int = LIMIT[0]) -> None:
        super().__init__()
        self.credentials = basic(site_id, api_key)
        self.people: set[str] = set()
        self.ids: set[str] = set()
        self.processed: list[tuple[str, str, dict[str, Any]]] = []
        self._window = Window(most, LIMIT[1])

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/v1/customers/{tail:.+}", self._track)]

    async def _track(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != self.credentials:
            return web.json_response({"meta": {"error": "unauthorized"}}, status=401)
        if not self._window.takes_one():
            return web.json_response({"meta": {"error": "rate limit exceeded"}}, status=429)
        steps = request.rel_url.raw_path.removeprefix("/api/v1/customers/").split("/")
        if len(steps) != 2 or steps[1] != "events":
            return web.Response(status=404)
        sent = await json_of(request)
        if error := _fault_of(sent):
            return web.json_response({"meta": {"error": error}}, status=400)
        person = unquote(steps[0])
        if sent.get("id") not in self.ids and person in self.people:
            self.processed.append((person, sent["name"], sent["data"]))
        self.ids.add(sent.get("id", ""))
        return web.json_response({})


def _fault_of(sent: Any) -> str:
    if not isinstance(sent, dict) or not isinstance(sent.get("name"), str) or not sent["name"].strip():
        return "name is required"
    if set(sent) - {"name", "id", "type", "timestamp", "data"}:
        return "an unknown key"
    if "id" in sent and not ULID.fullmatch(sent["id"]):
        return "id must be a ULID"
    if "timestamp" in sent and not (type(sent["timestamp"]) is int and sent["timestamp"] < 10**11):
        return "timestamp must be in seconds"
    if set(sent.get("data", {})) & RESERVED:
        return "a reserved property, which would change whom a message goes to"
    return ""
