"""Marketo's REST API, from AdobeDocs/marketo-developer (authentication, error-codes, smart-campaigns, list-membership).

Its lies: whatever goes wrong is 200 with `success: false`; a campaign that is requested for leads that do not qualify
says the same as for those that do; `added` is also said of who was on the list. Tokens in the query are refused.
"""

import itertools
import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.simulators.served import Simulator, Window, json_of

LIMIT, CONCURRENCY, QUOTA = (100, 20.0), 10, 50_000
MOST_REQUESTED, MOST_LISTED, MOST_TOKENS = 100, 300, 100
TOKEN_NAME = re.compile(r"\{\{my\.[^{}]+\}\}")
Scope = Callable[[web.Request], Any]


class Marketo(Simulator):
    """`leads` exist; `campaigns` are trigger campaigns with the leads that qualify; `lists` have members."""

    def __init__(self, client_id: str = "id", client_secret: str = "secret", *, most: int = LIMIT[0]) -> None:  # noqa: S107
        super().__init__()
        self.credentials = client_id, client_secret
        self.leads: set[int] = set()
        self.campaigns: dict[int, set[int]] = {}
        self.requested: list[tuple[int, list[int], list[dict[str, str]]]] = []
        self.ran: list[tuple[int, int]] = []
        self.lists: dict[int, set[int]] = {}
        self.forgets_adding = False
        self.tokens: list[str] = []
        self.expired: set[str] = set()
        self.lives_seconds = 3599
        self.quota = QUOTA
        self.under_way = 0
        self._window = Window(most, LIMIT[1])
        self._numbers = itertools.count(1)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/identity/oauth/token", self._identity),
            web.post("/identity/oauth/token", self._identity),
            web.post("/rest/v1/campaigns/{id:[0-9]+}/trigger.json", self._trigger),
            web.post("/rest/v1/lists/{id:[0-9]+}/leads.json", self._add),
            web.delete("/rest/v1/lists/{id:[0-9]+}/leads.json", self._remove),
            web.get("/rest/v1/lists/{id:[0-9]+}/leads/ismember.json", self._is_member),
        ]

    def unknown(self, request: web.Request) -> web.StreamResponse:
        return _errors(610, f"Requested resource not found: {request.path}")

    async def _identity(self, request: web.Request) -> web.StreamResponse:
        asked = request.query
        given = asked.get("client_id"), asked.get("client_secret")
        if asked.get("grant_type") != "client_credentials" or given != self.credentials:
            told = {"error": "unauthorized", "error_description": "No client with requested id"}
            return web.json_response(told, status=401)
        if not self.tokens or self.tokens[-1] in self.expired:
            self.tokens.append(f"token-{next(self._numbers)}:int")
        told = {"access_token": self.tokens[-1], "token_type": "bearer", "scope": "a@example.com"}
        return web.json_response(told | {"expires_in": self.lives_seconds})

    async def _trigger(self, request: web.Request) -> web.StreamResponse:  # noqa: PLR0911  one return for each fault
        if denied := self._denied(request):
            return denied
        sent, campaign = await json_of(request), int(request.match_info["id"])
        if request.content_type != "application/json":
            return _errors(612, "Invalid Content Type")
        if not isinstance(sent, dict) or set(sent) != {"input"} or set(sent["input"]) - {"leads", "tokens"}:
            return _errors(609, "Invalid JSON")
        ids = [lead.get("id") for lead in sent["input"].get("leads", [])]
        tokens = sent["input"].get("tokens", [])
        if not ids or len(ids) > MOST_REQUESTED or not all(type(each) is int for each in ids):
            return _errors(1003, f"leads: 1 to {MOST_REQUESTED} integers")
        if len(tokens) > MOST_TOKENS or not all(TOKEN_NAME.fullmatch(token["name"]) for token in tokens):
            return _errors(1003, "tokens")
        if campaign not in self.campaigns:
            return _errors(1013, "Campaign not found")
        if missing := [each for each in ids if each not in self.leads]:
            return _errors(1004, f"Lead {missing} not found")
        self.requested.append((campaign, ids, tokens))
        self.ran += [(campaign, each) for each in ids if each in self.campaigns[campaign]]
        return _done([{"id": campaign}])

    async def _add(self, request: web.Request) -> web.StreamResponse:
        def add(lead: int, members: set[int]) -> str:
            if not self.forgets_adding:
                members.add(lead)
            return "added"

        return self._each(request, add)

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        def remove(lead: int, members: set[int]) -> str:
            if lead not in members:
                return "1015 Lead not in list"
            members.discard(lead)
            return "removed"

        return self._each(request, remove)

    async def _is_member(self, request: web.Request) -> web.StreamResponse:
        return self._each(request, lambda lead, members: "memberof" if lead in members else "notmemberof")

    def _each(self, request: web.Request, act: Callable[[int, set[int]], str]) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        number, ids = int(request.match_info["id"]), request.query.getall("id", [])
        if len(request.rel_url.raw_query_string) > 8192:
            return web.Response(status=414)
        if number not in self.lists:
            return _errors(1013, "List not found")
        if not ids or len(ids) > MOST_LISTED or not all(each.isdigit() for each in ids):
            return _errors(1001, f"id: 1 to {MOST_LISTED} integers")
        return _done([self._record(int(each), number, act) for each in ids])

    def _record(self, lead: int, number: int, act: Callable[[int, set[int]], str]) -> dict[str, Any]:
        said = act(lead, self.lists[number]) if lead in self.leads else "1004 Lead not found"
        if said[0].isdigit():
            code, _, message = said.partition(" ")
            return {"id": lead, "status": "skipped", "reasons": [{"code": code, "message": message}]}
        return {"id": lead, "status": said}

    def _denied(self, request: web.Request) -> web.StreamResponse | None:
        if "access_token" in request.query:
            return _errors(601, "Access token invalid: it belongs into the header")
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.tokens:
            return _errors(601, "Access token invalid")
        if token in self.expired:
            return _errors(602, "Access token expired")
        self.quota -= 1
        if self.quota < 0:
            return _errors(607, "Daily quota reached")
        if not self._window.takes_one():
            return _errors(606, f"Max rate limit '{LIMIT[0]}' exceeded with in '{LIMIT[1]:g}' secs")
        return None


def _done(result: list[dict[str, Any]]) -> web.Response:
    return web.json_response({"requestId": "e42b#14272d07d78", "result": result, "success": True})


def _errors(code: int, message: str) -> web.Response:
    told = {"requestId": "e42b#14272d07d78", "success": False, "errors": [{"code": str(code), "message": message}]}
    return web.json_response(told)
