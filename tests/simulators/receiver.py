"""A receiver of Standard Webhooks: verifies by a reading of the specification of its own, and misbehaves on request.

In a test: `async with Receiver(["whsec_…"]) as receiver`, then `receiver.behave(Cut())` and `receiver.messages`.
As a process: `python -m tests.simulators.receiver --port 8099 --secret whsec_…`; it prints `ready PORT`. Then

    GET  /_seen                      {"messages": […], "tries": […]}
    GET  /_counts                    how many requests were treated in which mode
    POST /_behave {"mode": "status", "status": 429, "retry_after": "5", "times": 3}
    POST /_forget

Modes: ok, status, hang, slow (seconds), cut, redirect, lie (takes the message, and answers with the status).
`times`: so many requests, then as it should again; 0: from now on.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import signal
import time
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.simulators.served import Simulator
from tests.waiting import LOAD_FACTOR

MOST_BYTES = 20_000
TOLERANCE_SECONDS = 300
Mode = Literal["ok", "status", "hang", "slow", "cut", "redirect", "lie"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How requests are answered. `times`: how many of them, 0 for all that come."""

    mode: Mode = "ok"
    status: int = 200
    retry_after: str = ""
    seconds: float = 0.0
    times: int = 0


@dataclass(frozen=True, slots=True)
class Try:
    """One request as it came. `error`: why it is no message; empty if it is one. `status` 0: never answered.

    `signed_at`: epoch seconds, by the clock of the sender. `mode`: how it was treated.
    """

    message_id: str
    at: float
    status: int
    error: str
    path: str
    signed_at: int = 0
    mode: Mode = "ok"
    traceparent: str = ""


class Receiver(Simulator):
    """`messages`: what was taken, once for each id. `tries`: everything that came."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__()
        self.secrets = [*secrets]
        self.messages: dict[str, dict[str, Any]] = {}
        self.tries: list[Try] = []
        self._behaviours: list[Behaviour] = []
        self._arrived = asyncio.Condition()

    def behave(self, behaviour: Behaviour) -> None:
        """From now on, or for the next `times` requests."""
        self._behaviours = [behaviour] if behaviour.times == 0 else self._behaviours + [behaviour] * behaviour.times

    async def wait_for(self, count: int, *, messages: bool = True, seconds: float = 20.0) -> None:
        """Until so many messages were taken (or so many tries have come)."""
        async with asyncio.timeout(seconds * LOAD_FACTOR), self._arrived:
            await self._arrived.wait_for(lambda: len(self.messages if messages else self.tries) >= count)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_seen", self._seen),
            web.get("/_counts", self._counts),
            web.post("/_behave", self._behave),
            web.post("/_forget", self._forget),
            web.post("/{path:.*}", self._take),
        ]

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body, behaviour = await request.read(), self._behaviour()
        error = self._fault_of(request, body)
        if behaviour.mode in ("hang", "cut"):
            await self._note(_try(request, 0, error, behaviour.mode))
            return await _never(request, hangs=behaviour.mode == "hang")
        await asyncio.sleep(behaviour.seconds)
        response = _answer(behaviour, error)
        if response.status in range(200, 300) or (behaviour.mode == "lie" and not error):
            self.messages.setdefault(request.headers.get("webhook-id", ""), json.loads(body))
        await self._note(_try(request, response.status, error, behaviour.mode))
        return response

    def _behaviour(self) -> Behaviour:
        if not self._behaviours:
            return Behaviour()
        return self._behaviours.pop(0) if self._behaviours[0].times else self._behaviours[0]

    async def _note(self, one: Try) -> None:
        async with self._arrived:
            self.tries.append(one)
            self._arrived.notify_all()

    def _fault_of(self, request: web.Request, body: bytes) -> str:
        headers = request.headers
        message_id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not message_id or "." in message_id or not at.isdigit():
            return "webhook-id or webhook-timestamp is not there, or malformed"
        if abs(time.time() - int(at)) > TOLERANCE_SECONDS:
            return "not signed now"
        signatures = headers.get("webhook-signature", "").split(" ")
        if not any(_is_signed(secret, f"{message_id}.{at}.".encode() + body, signatures) for secret in self.secrets):
            return "no signature of ours"
        return _shape_fault(request, body)

    async def _seen(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"messages": self.messages, "tries": [asdict(one) for one in self.tries]})

    async def _counts(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(Counter(one.mode for one in self.tries))

    async def _behave(self, request: web.Request) -> web.StreamResponse:
        self.behave(Behaviour(**await request.json()))
        return web.Response(status=204)

    async def _forget(self, _: web.Request) -> web.StreamResponse:
        self.messages.clear()
        self.tries.clear()
        self._behaviours.clear()
        return web.Response(status=204)


def _is_signed(secret: str, content: bytes, signatures: Sequence[str]) -> bool:
    kind, _, text = secret.partition("_")
    key = b64decode(text)
    if kind == "whsec":
        expected = "v1," + b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return expected in signatures
    for signature in signatures:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(b64decode(signature.removeprefix("v1a,")), content)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


def _shape_fault(request: web.Request, body: bytes) -> str:
    if request.content_type != "application/json" or len(body) >= MOST_BYTES:
        return "no JSON, or too much of it"
    message = json.loads(body)
    if not {"type", "timestamp", "data"} <= set(message) or not isinstance(message["data"], dict):
        return "no type, timestamp and data"
    return "" if message["type"].replace(".", "").replace("_", "").isalnum() else "a type with odd characters"


def _answer(behaviour: Behaviour, error: str) -> web.Response:
    headers = {"Retry-After": behaviour.retry_after} if behaviour.retry_after else {}
    if behaviour.mode == "redirect":
        return web.Response(status=302, headers={"Location": "/elsewhere"})
    if behaviour.mode == "status" and behaviour.status not in range(200, 300):
        return web.json_response({"error": "as asked"}, status=behaviour.status, headers=headers)
    if error:
        return web.json_response({"error": error}, status=401)
    return web.Response(status=behaviour.status)


def _try(request: web.Request, status: int, error: str, mode: Mode) -> Try:
    headers = request.headers
    at = headers.get("webhook-timestamp", "")
    return Try(
        message_id=headers.get("webhook-id", ""),
        at=time.time(),
        status=status,
        error=error,
        path=request.path,
        signed_at=int(at) if at.isdigit() else 0,
        mode=mode,
        traceparent=headers.get("traceparent", ""),
    )


async def _never(request: web.Request, *, hangs: bool) -> web.StreamResponse:
    if hangs:
        await asyncio.Event().wait()
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _serve(port: int, secrets: Sequence[str]) -> None:
    receiver = Receiver(secrets)
    await receiver.__aenter__(port)
    print("ready", receiver.port, flush=True)  # noqa: T201  who started it waits for this line
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
    await receiver.__aexit__(None, None, None)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--port", type=int, default=0)
    asked.add_argument("--secret", action="append", required=True)
    given = asked.parse_args()
    asyncio.run(_serve(given.port, given.secret))


if __name__ == "__main__":
    main()
