"""An authenticating proxy in a process of its own: it asks for a name and a password, and names the reader in headers.

What a client sends under these headers is replaced, and `Host` is forwarded, as docs/page.md requires of a proxy. It
connects from an address of its own, so that `leadloop report` can tell it from whoever else reaches the same machine.
"""

import subprocess
import sys
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.kafka import free_ports
from tests.waiting import TIMEOUT, wait_for

ADDRESS = "127.0.0.2"  # Linux has all of 127.0.0.0/8
USER, GROUPS = "X-Forwarded-User", "X-Forwarded-Groups"
PASSWORD = "open sesame"  # noqa: S105  of a proxy that lives as long as the test
MEMBERS = {"ann": "sales, crm-admins", "bob": "sales"}
_OF_A_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]


class Proxy:
    """The state of one process."""

    def __init__(self, behind: str) -> None:
        transport = httpx.AsyncHTTPTransport(local_address=ADDRESS)
        self._behind = httpx.AsyncClient(base_url=behind, transport=transport, timeout=TIMEOUT)

    def app(self) -> Starlette:
        return Starlette(
            routes=[Route("/{path:path}", self.forward, methods=_METHODS)], lifespan=lambda _: self._closing()
        )

    async def forward(self, request: Request) -> Response:
        name = _name(request)
        if name is None:
            return Response("who are you?", 401, {"WWW-Authenticate": 'Basic realm="company"'})
        replaced = {"authorization", USER.lower(), GROUPS.lower()}
        headers = [(key, value) for key, value in request.headers.items() if key not in replaced | _OF_A_CONNECTION]
        target = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        sent = self._behind.build_request(
            request.method,
            target,
            headers=[*headers, (USER, name), (GROUPS, MEMBERS[name])],
            content=await request.body(),
        )
        answer = await self._behind.send(sent, stream=True)
        response = StreamingResponse(answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose))
        response.raw_headers = [
            (key, value) for key, value in answer.headers.raw if key.decode().lower() not in _OF_A_CONNECTION
        ]
        return response

    @asynccontextmanager
    async def _closing(self) -> AsyncIterator[None]:
        yield
        await self._behind.aclose()


def _name(request: Request) -> str | None:
    """Who gave the right password; None: nobody."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    name, _, password = b64decode(given).decode().partition(":") if scheme == "Basic" else ("", "", "")
    return name if name in MEMBERS and password == PASSWORD else None


class RunningProxy:
    """The process."""

    def __init__(self, behind: str) -> None:
        (port,) = free_ports(1)
        self.address = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen([sys.executable, "-m", __name__, str(port), behind])

    def __enter__(self) -> Self:
        wait_for(self._answers, TIMEOUT, "the proxy answers")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(TIMEOUT)

    def _answers(self) -> bool:
        try:
            return httpx.get(self.address, timeout=1).status_code == 401
        except httpx.TransportError:
            return False


if __name__ == "__main__":
    uvicorn.run(Proxy(sys.argv[2]).app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
