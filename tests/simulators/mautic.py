"""Mautic's REST API, from its source: CampaignApiController, ListApiController, Membership/Adder.php.

Its lies: adding who is in a campaign already, or who may not restart it, answers `{"success": 1}` and does nothing;
what a campaign does is done when `cron` runs; campaigns that are not published are not listed; a change of a field that
does not exist is answered like any other.
"""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.simulators.served import Simulator, basic


@dataclass
class Member:
    """A row of campaign_leads."""

    rotation: int = 1
    manually_removed: bool = False
    manually_added: bool = True


class Mautic(Simulator):
    """`contacts` exist; `campaigns` maps id to members; `segments` too. `restarts`: campaigns with allow_restart."""

    def __init__(self, user: str = "api", password: str = "hunter2") -> None:  # noqa: S107
        super().__init__()
        self.credentials = basic(user, password)
        self.contacts: set[int] = set()
        self.campaigns: dict[int, dict[int, Member]] = {}
        self.segments: dict[int, set[int]] = {}
        self.restarts: set[int] = set()
        self.unpublished: set[int] = set()
        self.drops_additions = False
        self.drops_removals = False
        self.sent: list[tuple[int, int, int]] = []
        self.fields: dict[str, dict[int, str]] = {}

    def routes(self) -> list[web.RouteDef]:
        ids = "{id:[0-9]+}/contact/{contact:[0-9]+}"
        return [
            web.post(f"/api/campaigns/{ids}/add", self._add),
            web.post(f"/api/campaigns/{ids}/remove", self._remove),
            web.post(f"/api/segments/{ids}/add", self._enter),
            web.post(f"/api/segments/{ids}/remove", self._leave),
            web.patch("/api/contacts/{contact:[0-9]+}/edit", self._edit),
            web.get("/api/contacts/{contact:[0-9]+}/campaigns", self._campaigns_of),
            web.get("/api/contacts/{contact:[0-9]+}/segments", self._segments_of),
        ]

    def unknown(self, request: web.Request) -> web.StreamResponse:
        return _error(404, f"No route found for {request.method} {request.path}")

    def cron(self) -> None:
        """`mautic:campaigns:trigger`: the first message of each rotation goes out, once."""
        for campaign, members in self.campaigns.items():
            for contact, member in members.items():
                due = (campaign, contact, member.rotation)
                if not member.manually_removed and due not in self.sent:
                    self.sent.append(due)

    async def _add(self, request: web.Request) -> web.StreamResponse:
        found = self._found(request, self.campaigns)
        if not isinstance(found, tuple):
            return found
        campaign, contact = found
        member = self.campaigns[campaign].get(contact)
        if self.drops_additions:
            pass
        elif member is None:
            self.campaigns[campaign][contact] = Member()
        elif member.manually_removed or campaign in self.restarts:
            member.manually_removed = False
            member.rotation += 1
        return web.json_response({"success": 1})

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        found = self._found(request, self.campaigns)
        if not isinstance(found, tuple):
            return found
        member = self.campaigns[found[0]].get(found[1])
        if member is not None and not self.drops_removals:
            member.manually_removed = True
        return web.json_response({"success": 1})

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        found = self._found(request, self.segments)
        if isinstance(found, tuple) and not self.drops_additions:
            self.segments[found[0]].add(found[1])
        return web.json_response({"success": 1}) if isinstance(found, tuple) else found

    async def _leave(self, request: web.Request) -> web.StreamResponse:
        found = self._found(request, self.segments)
        if isinstance(found, tuple):
            self.segments[found[0]].discard(found[1])
        return web.json_response({"success": 1}) if isinstance(found, tuple) else found

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        contact = int(request.match_info["contact"])
        if contact not in self.contacts:
            return _error(404, "Item was not found.")
        for alias, value in (await request.json()).items():
            if alias in self.fields:
                self.fields[alias][contact] = value
        values = {alias: values.get(contact) for alias, values in self.fields.items()}
        return web.json_response({"contact": {"id": contact, "fields": {"core": {}, "all": {"id": contact, **values}}}})

    async def _campaigns_of(self, request: web.Request) -> web.StreamResponse:
        contact = int(request.match_info["contact"])
        rows = {
            str(campaign): {
                "id": campaign,
                "name": f"Campaign {campaign}",
                "manuallyRemoved": False,
                "rotation": members[contact].rotation,
            }
            for campaign, members in self.campaigns.items()
            if contact in members and not members[contact].manually_removed and campaign not in self.unpublished
        }
        return self._listed(request, contact, "campaigns", rows)

    async def _segments_of(self, request: web.Request) -> web.StreamResponse:
        contact = int(request.match_info["contact"])
        rows = {
            str(segment): {"id": segment, "name": f"Segment {segment}"}
            for segment, members in self.segments.items()
            if contact in members
        }
        return self._listed(request, contact, "lists", rows)

    def _listed(
        self, request: web.Request, contact: int, name: str, rows: dict[str, dict[str, Any]]
    ) -> web.StreamResponse:
        if denied := self._denied(request):
            return denied
        if contact not in self.contacts:
            return _error(404, "Item was not found.")
        return web.json_response({"total": len(rows), name: rows or []})  # PHP: an empty map is an empty list

    def _found(self, request: web.Request, places: dict[int, Any]) -> tuple[int, int] | web.StreamResponse:
        if denied := self._denied(request):
            return denied
        place, contact = int(request.match_info["id"]), int(request.match_info["contact"])
        if place not in places or contact not in self.contacts:
            return _error(404, "Item was not found.")
        return place, contact

    def _denied(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") != self.credentials:
            return _error(401, "API authorization denied.")
        return None


def _error(code: int, message: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": message, "details": []}]}, status=code)
