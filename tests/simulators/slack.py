"""Slack's incoming webhooks (docs.slack.dev: Sending messages using incoming webhooks; Formatting text; Rate limits).

Its lies: text beyond 40,000 characters is cut off, and the message is answered 200 all the same.
"""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from aiohttp import web

from tests.simulators.served import Simulator, Window, json_of

PATH = "/services/T0001/B0001/XXXXXXXXXXXX"
MAX_TEXT, MAX_BLOCKS = 40_000, 50
_TOKEN = re.compile(r"<([^<>]*)>")
_KNOWN = {"text", "blocks", "attachments", "thread_ts", "mrkdwn", "response_type", "unfurl_links", "unfurl_media"}


@dataclass(frozen=True, slots=True)
class Message:
    """A message as people see it. `mentions`: who was notified by it. `links`: label and URL."""

    text: str
    mentions: list[str]
    links: list[tuple[str, str]]


class Slack(Simulator):
    """One channel. `state`: `removed` (the app was uninstalled), `archived`, `forbidden`; empty: it takes messages."""

    def __init__(self, *, most: int = 100, seconds: float = 1.0) -> None:
        super().__init__()
        self.state = ""
        self.messages: list[Message] = []
        self._window = Window(most, seconds)

    @property
    def webhook(self) -> str:
        return self.url + PATH

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self._post)]

    def unknown(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=404, text="no_service")

    async def _post(self, request: web.Request) -> web.StreamResponse:
        states = {"removed": (404, "no_service"), "archived": (410, "channel_is_archived")}
        states["forbidden"] = (403, "action_prohibited")
        if self.state:
            status, text = states[self.state]
            return web.Response(status=status, text=text)
        if not self._window.takes_one():
            return web.Response(status=429, text="rate_limited", headers={"Retry-After": "1"})
        sent = await json_of(request)
        if error := _fault_of(sent):
            return web.Response(status=400, text=error)
        self.messages.append(read(sent["text"][:MAX_TEXT]))
        return web.Response(text="ok")


def read(text: str) -> Message:
    """What Slack makes of mrkdwn: the tokens in angle brackets become links and notifications."""
    mentions: list[str] = []
    links: list[tuple[str, str]] = []

    def shown(token: re.Match[str]) -> str:
        target, _, label = token[1].partition("|")
        if target[:1] in "!@#":
            mentions.append(target)
            return target
        links.append((unescape(label or target), unescape(target)))
        return label or target

    plain = _TOKEN.sub(shown, text)
    return Message(unescape(plain), mentions, links)


def _fault_of(sent: Any) -> str:
    if not isinstance(sent, dict) or set(sent) - _KNOWN:
        return "invalid_payload"
    if not isinstance(sent.get("text"), str) or not sent["text"]:
        return "no_text"
    return "invalid_blocks" if len(sent.get("blocks", [])) > MAX_BLOCKS else ""
