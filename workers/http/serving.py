"""Runs an HTTP server with bounded connections, requests, headers and times, and a graceful shutdown.

app = application("leadloop ingest", "…", registry, unready)   # /healthz, /readyz, /metrics, problems
app.add_api_route(…)
await serve(app, host, port, announce=err.print)               # until SIGTERM or SIGINT
"""

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from socket import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.errors import UserError
from schemas.headers import exemplar_of
from streams.runtime.tracing_setup import open_tracing

from .access_log import begin_request, log_request
from .metrics import UNMATCHED, HttpMetrics
from .problems import install_problem_handlers, problem_response, retry_later
from .protocol import HEADER_BYTES, KEEP_ALIVE_SECONDS, BoundedProtocol
from .traced import TracedRequests, trace_of

MAX_REQUESTS = 128  # at once: each may hold a body of 1 MiB and what was parsed from it
GRACEFUL_SECONDS = 20
_PROBES = ("/healthz", "/readyz", "/metrics")  # answered however many requests are in progress

Unready = Callable[[], str]
"""Says why the process is not ready; empty if it is."""


def application(
    title: str,
    summary: str,
    registry: CollectorRegistry,
    unready: Unready,
    *,
    max_requests: int = MAX_REQUESTS,
    streams: frozenset[str] = frozenset(),
) -> FastAPI:
    """Make an application with probes and metrics, whose errors are problem documents; see /openapi.json.

    Args:
        title: Of the OpenAPI document.
        summary: Of the OpenAPI document.
        registry: Where its metrics are registered, and what /metrics shows.
        unready: Called by /readyz.
        max_requests: In progress at once; more are answered with 503.
        streams: Paths whose responses last as long as their readers stay; they are neither limited nor timed here.
    """
    app = FastAPI(title=title, summary=summary, version="1", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.draining = False
    app.state.metrics = HttpMetrics(registry)
    install_problem_handlers(app)
    app.add_middleware(_RequestLimiter, metrics=app.state.metrics, max_requests=max_requests, streams=streams)
    if (tracing := open_tracing(title.removeprefix("leadloop "))) is not None:
        app.add_middleware(TracedRequests, tracing=tracing, untraced=streams.union(_PROBES))
    _add_probes(app, registry, unready)
    return app


async def serve(app: FastAPI, host: str, port: int, *, announce: Callable[[str], object] = str) -> None:
    """Serve until SIGTERM or SIGINT; then answer /readyz with 503 and finish the requests in progress.

    Args:
        app: Made by `application`.
        host: To listen on.
        port: To listen on; 0 takes a free one.
        announce: Called once with the URL, when the server listens.

    Raises:
        UserError: the address cannot be listened on.
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
        proxy_headers=False,  # clients may forge them
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        h11_max_incomplete_event_size=HEADER_BYTES,
    )
    # Its warnings about invalid requests would let any client fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    server = _GracefulServer(config, app, announce)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(
            signal.SIGPIPE, signal.SIG_IGN
        )  # the command line lets it end a process; a server must survive it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore_signal)  # the server raises the signal again when it has ended
    try:
        await server.serve()
    except SystemExit as error:
        raise UserError(f"{host}:{port} cannot be listened on: does another process use it?") from error


def initialise_series(app: FastAPI) -> None:
    """Create the series of every route at zero."""
    metrics: HttpMetrics = app.state.metrics
    metrics.initialise((route.path, method) for route in _routes(app.routes) for method in route.methods or ())


def _routes(routes: Iterable[object]) -> Iterator[APIRoute]:
    """Yield all routes; those of included routers are inside of these."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif included := getattr(route, "original_router", None):
            yield from _routes(included.routes)


def _ignore_signal(_: int, __: object) -> None:
    pass


class _GracefulServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: FastAPI, announce: Callable[[str], object]) -> None:
        super().__init__(config)
        self._app = app
        self._announce = announce

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                host, port = listening.getsockname()[:2]
                self._announce(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.draining = True
        super().handle_exit(sig, frame)


def _add_probes(app: FastAPI, registry: CollectorRegistry, unready: Unready) -> None:
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    async def readyz() -> Response:
        missing = "this process is shutting down" if app.state.draining else unready()
        return PlainTextResponse(f"{missing or 'ready'}\n", 503 if missing else 200)

    async def metrics(request: Request) -> Response:
        try:
            encode, content_type = choose_encoder(request.headers.get("accept", ""))
        except (TypeError, ValueError):  # its version is not a number
            encode, content_type = choose_encoder("")
        return Response(encode(registry), headers={"content-type": content_type})

    endpoints: tuple[Callable[..., Awaitable[Response]], ...] = (healthz, readyz, metrics)
    for path, endpoint in zip(_PROBES, endpoints, strict=True):
        app.add_api_route(path, endpoint, methods=["GET"], include_in_schema=False)


class _RequestLimiter:
    """Counts and times every request, and answers 503 beyond `max_requests` in progress."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, max_requests: int, streams: frozenset[str]) -> None:
        self._app = app
        self._streams = streams
        self._metrics = metrics
        self._max_requests = max_requests
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._streams:
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        caller = begin_request()
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
            trace, is_probe = trace_of(scope), scope["path"] in _PROBES
            self._metrics.observe(route, scope["method"], status, took, exemplar_of(trace))
            log_request(scope["method"], route, status, took, caller.source, trace, is_probe=is_probe)

    def _choose(self, scope: Scope) -> ASGIApp:
        if self._running <= self._max_requests or scope["path"] in _PROBES:
            return self._app
        return problem_response(retry_later("unavailable", "too many requests are in progress", 1))

    def _count(self, step: int) -> None:
        self._running += step
        self._metrics.in_flight.set(self._running)
