"""What all simulated vendors have in common: a server on loopback, what reached it, and a limit that it enforces.

Each simulator is written from the vendor's documents, not from our connectors, and answers a request that the
documents do not describe as the vendor would: it refuses it. It lies where the vendor is known to lie.
"""

import time
from abc import ABC, abstractmethod
from base64 import b64encode
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached the simulator."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int


@dataclass(slots=True)
class Window:
    """At most `most` in any `seconds`, as vendors count."""

    most: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    _began: deque[float] = field(default_factory=deque)

    def takes_one(self) -> bool:
        now = self.clock()
        while self._began and self._began[0] <= now - self.seconds:
            self._began.popleft()
        if len(self._began) >= self.most:
            return False
        self._began.append(now)
        return True


class Simulator(ABC):
    """A vendor on loopback. Put answers into `instead` to have them given, in order, in place of the vendor's own."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.instead: list[web.Response] = []
        self._bodies: dict[int, bytes] = {}

    @abstractmethod
    def routes(self) -> list[web.RouteDef]: ...

    def unknown(self, request: web.Request) -> web.StreamResponse:
        """What the vendor says of a path that it does not have."""
        return web.json_response({"message": f"no such path: {request.path}"}, status=404)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [f"{call.method} {call.path}" for call in self.calls]

    async def __aenter__(self, port: int = 0) -> Self:
        app = web.Application(middlewares=[self._recorded], client_max_size=4 * 2**20)
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @web.middleware
    async def _recorded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await request.read()
        try:
            response = self.instead.pop(0) if self.instead else await handler(request)
        except web.HTTPNotFound:
            response = self.unknown(request)
        except web.HTTPMethodNotAllowed:
            response = web.json_response({"message": "method not allowed"}, status=405)
        query = request.rel_url.raw_query_string
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, request.rel_url.raw_path, query, headers, body, response.status)
        self.calls.append(call)
        return response


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


async def json_of(request: web.Request) -> Any:
    """The body, if it says that it is JSON and is; None otherwise."""
    if request.content_type != "application/json":
        return None
    try:
        return await request.json()
    except ValueError:
        return None
