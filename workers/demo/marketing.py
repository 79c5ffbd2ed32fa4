"""A small marketing tool for trying out: takes signed webhooks, puts leads into nurture tracks and lets them go again.

python -m workers.demo.marketing --port 8030 --secret-file marketing.secret     prints its address, runs until SIGTERM

`POST /` takes a message of Standard Webhooks 1.0: 204, or 401 for what none of the secrets signed, 400 for what is
no message. `GET /` shows what came of it, `GET /leads/ID` the messages about one lead. Everything is kept in memory.
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
from typing import Any, NamedTuple

from aiohttp import web

from workers.signing import InvalidKey, VerificationError, WebhookKey, parse_key, verify

MOST_BYTES = 65_536
_NEWEST = 10
_TYPES = ("lead.recycled", "lead.revoked")


class NoMessage(ValueError):
    """The body is not what these webhooks say."""


class Message(NamedTuple):
    """A message with a valid signature. `data` as received."""

    message_id: str
    type: str
    at: str
    data: Mapping[str, Any]

    @classmethod
    def of(cls, message_id: str, body: bytes) -> "Message":
        """Raises NoMessage."""
        try:
            message = json.loads(body)
            kind, at, data = message["type"], message["timestamp"], message["data"]
            data["lead_id"], data["recycle_id"]
        except (ValueError, KeyError, TypeError) as error:
            raise NoMessage(f"no message about a lead: {error}") from error
        if kind not in _TYPES:
            raise NoMessage(f"no type that is known here: {str(kind)[:40]}")
        return cls(message_id, kind, at, data)


class Inbox:
    """Received messages, once each, and the leads in nurture. `refused`: requests with an invalid signature."""

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
        """A RECYCLE puts the lead into its track; a REVOKE takes that one back, even if it comes first."""
        if message.message_id in self._messages:
            self.repeated += 1
            return
        self._messages[message.message_id] = message
        self._newest.append(message)
        self._of_lead.setdefault(message.data["lead_id"], []).append(message)
        self._counts[message.type] += 1
        recycle_id = message.data["recycle_id"]
        if message.type == "lead.revoked":
            self._revoked.add(recycle_id)
            self._standing.pop(recycle_id, None)
        elif recycle_id not in self._revoked:
            self._standing[recycle_id] = message

    def counts(self) -> dict[str, Any]:
        """What the tool shows on its first page."""
        return {
            "received": self._counts["lead.recycled"],
            "taken_back": self._counts["lead.revoked"],
            "in_nurture": len(self._standing),
            "tracks": dict(Counter(str(one.data.get("track")) for one in self._standing.values()).most_common()),
            "repeated": self.repeated,
            "refused": self.refused,
        }

    def newest(self) -> list[dict[str, Any]]:
        return [_shown(message) for message in reversed(self._newest)]

    def lead(self, lead_id: str) -> dict[str, Any]:
        """What is known of one lead; nothing, if no message was about it."""
        messages = self._of_lead.get(lead_id, [])
        tracks = [one.data.get("track") for one in messages if one.data["recycle_id"] in self._standing]
        return {
            "lead_id": lead_id,
            "in_nurture": bool(tracks),
            "track": tracks[-1] if tracks else None,
            "messages": [_shown(message) for message in messages],
        }


def _shown(message: Message) -> dict[str, Any]:
    return {
        "id": message.message_id,
        "signature": "verified",
        "type": message.type,
        "timestamp": message.at,
        "data": {name: value for name, value in message.data.items() if value not in (None, "")},
    }


def tool(inbox: Inbox, secrets: Sequence[WebhookKey]) -> web.Application:
    """The application. Unauthenticated reads: it listens on this machine only."""

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            inbox.take(Message.of(verify(request.headers, body, secrets, time.time()), body))
        except VerificationError as error:
            inbox.refused += 1
            return web.json_response({"refused": str(error)}, status=401)
        except NoMessage as error:
            return web.json_response({"refused": str(error)}, status=400)
        return web.Response(status=204)

    async def show(_: web.Request) -> web.Response:
        return _page(inbox.counts() | {"newest": inbox.newest()})

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


def _page(shown: dict[str, Any]) -> web.Response:
    return web.Response(text=json.dumps(shown, indent=2, ensure_ascii=False) + "\n", content_type="application/json")


async def _serve(secrets: Sequence[WebhookKey], port: int) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    runner = web.AppRunner(tool(Inbox(), secrets), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        sys.stdout.write(f"marketing tool: http://127.0.0.1:{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await ending.wait()
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
