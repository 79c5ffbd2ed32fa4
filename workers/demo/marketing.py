"""A small marketing tool for the demo: receives signed webhooks, adds leads to nurture tracks and removes them.

python -m workers.demo.marketing --port 8030 --secret-file marketing.secret     prints its address, runs until SIGTERM

`POST /` takes a message of Standard Webhooks 1.0. It answers 204; 401 if none of the secrets signed it; 400 if it is
invalid. `GET /` shows counts and the newest messages, `GET /leads/ID` the messages about one lead. Everything is in
memory.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

from aiohttp import web

from schemas.json_value import JsonObject, JsonValue
from workers.signing import InvalidKey, VerificationError, WebhookKey, parse_key, verify

MOST_BYTES = 65_536
_NEWEST = 10
_TYPES = ("lead.recycled", "lead.revoked")


class InvalidMessage(ValueError):
    """The body is not a message about a lead."""


class Message(NamedTuple):
    """A message with a valid signature. `data` as received."""

    message_id: str
    type: str
    at: str
    data: JsonObject

    @classmethod
    def of(cls, message_id: str, body: bytes) -> "Message":
        """Parse the body of a request. Raises InvalidMessage."""
        try:
            message = json.loads(body)
            kind, at, data = message["type"], message["timestamp"], message["data"]
            data["lead_id"], data["recycle_id"]
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidMessage(f"no message about a lead: {error}") from error
        if kind not in _TYPES:
            raise InvalidMessage(f"no type that is known here: {str(kind)[:40]}")
        return cls(message_id, kind, at, data)


class MessageRow(TypedDict):
    """A message in the tool's responses; `data` without empty fields."""

    id: str
    signature: str
    type: str
    timestamp: str
    data: JsonObject


class LeadRow(TypedDict):
    """A lead in the tool's responses; `track` is None if the lead is not in nurture."""

    lead_id: str
    in_nurture: bool
    track: JsonValue
    messages: list[MessageRow]


class Counts(TypedDict):
    """The counts on the tool's first page; `tracks` are the leads in nurture by track."""

    received: int
    taken_back: int
    in_nurture: int
    tracks: dict[str, int]
    repeated: int
    refused: int


class Inbox:
    """Received messages, without repetitions, and leads in nurture. `refused`: requests with an invalid signature."""

    def __init__(self) -> None:
        self.refused = 0
        self.repeated = 0
        self._messages: dict[str, Message] = {}
        self._newest: deque[Message] = deque(maxlen=_NEWEST)
        self._of_lead: dict[str, list[Message]] = {}
        self._standing: dict[str, Message] = {}
        self._revoked: set[str] = set()
        self._counts: Counter[str] = Counter()

    def take(self, message: Message) -> None:
        """A RECYCLE adds the lead to its track; a REVOKE removes it, even if it arrives first."""
        if message.message_id in self._messages:
            self.repeated += 1
            return
        self._messages[message.message_id] = message
        self._newest.append(message)
        self._of_lead.setdefault(str(message.data["lead_id"]), []).append(message)
        self._counts[message.type] += 1
        recycle_id = str(message.data["recycle_id"])
        if message.type == "lead.revoked":
            self._revoked.add(recycle_id)
            self._standing.pop(recycle_id, None)
        elif recycle_id not in self._revoked:
            self._standing[recycle_id] = message

    def counts(self) -> Counts:
        """The counts on the first page."""
        return {
            "received": self._counts["lead.recycled"],
            "taken_back": self._counts["lead.revoked"],
            "in_nurture": len(self._standing),
            "tracks": dict(Counter(str(one.data.get("track")) for one in self._standing.values()).most_common()),
            "repeated": self.repeated,
            "refused": self.refused,
        }

    def newest(self) -> list[MessageRow]:
        return [_described(message) for message in reversed(self._newest)]

    def lead(self, lead_id: str) -> LeadRow:
        """The messages about one lead, and whether it is in nurture."""
        messages = self._of_lead.get(lead_id, [])
        tracks = [one.data.get("track") for one in messages if one.data["recycle_id"] in self._standing]
        return {
            "lead_id": lead_id,
            "in_nurture": bool(tracks),
            "track": tracks[-1] if tracks else None,
            "messages": [_described(message) for message in messages],
        }


def _described(message: Message) -> MessageRow:
    return {
        "id": message.message_id,
        "signature": "verified",
        "type": message.type,
        "timestamp": message.at,
        "data": {name: value for name, value in message.data.items() if value not in (None, "")},
    }


def marketing_app(inbox: Inbox, secrets: Sequence[WebhookKey]) -> web.Application:
    """The application. Reads are unauthenticated, so it must listen on this machine only."""

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            inbox.take(Message.of(verify(request.headers, body, secrets, time.time()), body))
        except VerificationError as error:
            inbox.refused += 1
            return web.json_response({"refused": str(error)}, status=401)
        except InvalidMessage as error:
            return web.json_response({"refused": str(error)}, status=400)
        return web.Response(status=204)

    async def show(_: web.Request) -> web.Response:
        return _page({**inbox.counts(), "newest": inbox.newest()})

    async def count(_: web.Request) -> web.Response:
        return _page(inbox.counts())

    async def show_lead(request: web.Request) -> web.Response:
        return _page(inbox.lead(request.match_info["lead_id"]))

    app = web.Application(client_max_size=MOST_BYTES)
    app.add_routes(
        [
            web.post("/", take),
            web.get("/", show),
            web.get("/counts", count),
            web.get("/leads/{lead_id:.+}", show_lead),
        ]
    )
    return app


def _page(content: Mapping[str, object]) -> web.Response:
    return web.Response(text=json.dumps(content, indent=2, ensure_ascii=False) + "\n", content_type="application/json")


async def _serve(secrets: Sequence[WebhookKey], port: int) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    runner = web.AppRunner(marketing_app(Inbox(), secrets), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        sys.stdout.write(f"marketing tool: http://127.0.0.1:{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await stopping.wait()
    finally:
        await runner.cleanup()


def main(argv: Sequence[str] | None = None) -> int:
    """Run it. Ends with 2 if the secrets or the port cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m workers.demo.marketing", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on this machine only; default: a free one")
    parser.add_argument(
        "--secret-file", type=Path, action="append", required=True, help="whsec_… or whpk_…; repeatable"
    )
    given = parser.parse_args(argv)
    try:
        secrets = [parse_key(path.read_text(encoding="utf-8")) for path in given.secret_file]
        asyncio.run(_serve(secrets, given.port))
    except (OSError, InvalidKey) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
