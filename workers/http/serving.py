"""An HTTP server as Leadloop runs it: bounded in connections, requests, headers and time, and ended in order.

app = application("leadloop ingest", "…", registry, unready)   # /healthz, /readyz, /metrics, problems
app.add_api_route(…)
await serve(app, host, port, told=err.print)                   # until SIGTERM or SIGINT
"""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.errors import UserError
from schemas.headers import exemplar_of, traceparent_of

from .metrics import UNMATCHED, HttpMetrics
from .problems import install_problem_handlers, problem_response, retry_later
from .protocol import HEADER_BYTES, KEEP_ALIVE_SECONDS, BoundedProtocol

MAX_REQUESTS = 128  # at once: each may hold a body of 1 MiB and what was read out of it
GRACEFUL_SECONDS = 20
_PROBES = ("/healthz", "/readyz", "/metrics")  # answered however busy the rest is

Unready = Callable[[], str]
"""Says what is missing, or nothing when all is well."""


def application(
    title: str, summary: str, registry: CollectorRegistry, unready: Unready, *, max_requests: int = MAX_REQUESTS
) -> FastAPI:
    """An application with its probes and metrics, that answers with problems. Documents itself at /openapi.json."""
    app = FastAPI(title=title, summary=summary, version="1", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.draining = False
    app.state.metrics = HttpMetrics(registry)
    install_problem_handlers(app)
    app.add_middleware(_RequestLimiter, metrics=app.state.metrics, max_requests=max_requests)
    _add_probes(app, registry, unready)
    return app


async def serve(app: FastAPI, host: str, port: int, *, told: Callable[[str], object] = str) -> None:
    """Serve until SIGTERM or SIGINT; then /readyz says no, and what was begun is finished.

    `told` hears the address once, when it answers.

    Raises:
        UserError: the address cannot be had.
    """
    initialise_series(app)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whoever asks may write what he likes into them
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        h11_max_incomplete_event_size=HEADER_BYTES,
    )
    # Its notes about broken requests would let anybody fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    server = _GracefulServer(config, app, told)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # the command line lets it end a process: not this one
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _no_more)  # the server raises it again once it has ended: that is no fault
    try:
        await server.serve()
    except SystemExit as fault:
        raise UserError(f"{host}:{port} cannot be listened on: is another process there?") from fault


def initialise_series(app: FastAPI) -> None:
    """Begin the series of every route at zero."""
    metrics: HttpMetrics = app.state.metrics
    metrics.initialise((route.path, method) for route in _routes(app.routes) for method in route.methods or ())


def _routes(routes: Iterable[object]) -> Iterator[APIRoute]:
    """Those of routers that were included stand inside them."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif included := getattr(route, "original_router", None):
            yield from _routes(included.routes)


def _no_more(_: int, __: object) -> None:
    pass


class _GracefulServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: FastAPI, told: Callable[[str], object]) -> None:
        super().__init__(config)
        self._app = app
        self._told = told

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for socket in server.sockets:
                host, port = socket.getsockname()[:2]
                self._told(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._app.state.draining = True
        super().handle_exit(sig, frame)


def _add_probes(app: FastAPI, registry: CollectorRegistry, unready: Unready) -> None:
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    async def readyz() -> Response:
        missing = "this process is ending" if app.state.draining else unready()
        return PlainTextResponse(f"{missing or 'ready'}\n", 503 if missing else 200)

    async def metrics(request: Request) -> Response:
        try:
            encode, content_type = choose_encoder(request.headers.get("accept", ""))
        except (TypeError, ValueError):  # it names a version that is no number
            encode, content_type = choose_encoder("")
        return Response(encode(registry), headers={"content-type": content_type})

    endpoints: tuple[Callable[..., Any], ...] = (healthz, readyz, metrics)
    for path, endpoint in zip(_PROBES, endpoints, strict=True):
        app.add_api_route(path, endpoint, methods=["GET"], include_in_schema=False)


class _RequestLimiter:
    """Counts and times every request, and refuses those beyond `max_requests` at once."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, max_requests: int) -> None:
        self._app = app
        self._metrics = metrics
        self._max_requests = max_requests
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._count(1)
        try:
            await self._choose(scope)(scope, receive, watched)
        except asyncio.CancelledError:
            status = 503
            raise
        finally:
            self._count(-1)
            route = getattr(scope.get("route"), "path", UNMATCHED)
            took = time.perf_counter() - begun
            self._metrics.observe(route, scope["method"], status, took, exemplar_of(_trace_of(scope)))

    def _choose(self, scope: Scope) -> ASGIApp:
        if self._running <= self._max_requests or scope["path"] in _PROBES:
            return self._app
        return problem_response(retry_later("unavailable", "as many requests as fit are being worked on", 1))

    def _count(self, step: int) -> None:
        self._running += step
        self._metrics.in_flight.set(self._running)


def _trace_of(scope: Scope) -> bytes | None:
    return traceparent_of([(name.decode("latin-1"), value) for name, value in scope["headers"]])
