"""A workflow of Microsoft Teams, "When a Teams webhook request is received".

Written from learn.microsoft.com (Create incoming webhooks with Workflows; Teams connector, known issues and limits) and
adaptivecards.io (TextBlock, RichTextBlock, TextRun).

Its lies: the trigger answers 202 before the workflow runs, so a card above 28 KB, or one that is no Adaptive Card, is
answered 202 and never posted.
"""

import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.simulators.served import Simulator, Window, json_of

PATH = "/workflows/0a1b2c/triggers/manual/paths/invoke"
SIGNATURE = "c2lnbmF0dXJl"
CARD = "application/vnd.microsoft.card.adaptive"
MAX_BYTES = 28_000
_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Card:
    """A card as people see it. `links`: label and URL, also those that came of Markdown."""

    text: str
    links: list[tuple[str, str]]


class Teams(Simulator):
    """`is_waiting`: the workflow answers 200 after it has posted. `is_removed`: it was deleted."""

    def __init__(self, *, most: int = 4, seconds: float = 1.0) -> None:
        super().__init__()
        self.is_waiting = self.is_removed = False
        self.cards: list[Card] = []
        self._window = Window(most, seconds)

    @property
    def webhook(self) -> str:
        return f"{self.url}{PATH}?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SIGNATURE}"

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self._trigger)]

    async def _trigger(self, request: web.Request) -> web.StreamResponse:
        if self.is_removed:
            return _error(404, "WorkflowNotFound")
        if request.query.get("sig") != SIGNATURE:
            return _error(401, "DirectApiRequestHasMoreThanOneAuthorization")
        if not self._window.takes_one():
            return web.json_response({"error": {"code": "429"}}, status=429, headers={"Retry-After": "5"})
        sent = await json_of(request)
        if not isinstance(sent, dict):
            return _error(400, "TriggerInputSchemaMismatch")
        if len(await request.read()) <= MAX_BYTES and (card := _card_of(sent)) is not None:
            self.cards.append(card)
        return web.Response(status=200 if self.is_waiting else 202)


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": "see the run history"}}, status=status)


def _card_of(sent: dict[str, Any]) -> Card | None:
    attachments = sent.get("attachments")
    if sent.get("type") != "message" or not attachments or attachments[0].get("contentType") != CARD:
        return None
    card = attachments[0]["content"]
    if card.get("type") != "AdaptiveCard" or not card.get("body"):
        return None
    lines: list[str] = []
    links: list[tuple[str, str]] = []
    for block in card["body"]:
        if block["type"] == "TextBlock":
            links += _LINK.findall(block["text"])  # Markdown
            lines.append(_LINK.sub(r"\1", block["text"]))
        elif block["type"] == "RichTextBlock":
            runs = block["inlines"]
            links += [(run["text"], run["selectAction"]["url"]) for run in runs if "selectAction" in run]
            lines.append("".join(run["text"] for run in runs))
        else:
            return None
    return Card("\n".join(lines), links)
