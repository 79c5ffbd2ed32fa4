"""The HTTP server of a process that has no other: /metrics, /healthz (the process makes progress), /readyz."""

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from schemas.errors import UserError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

PATHS = "try /metrics, /healthz or /readyz"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # a client that keeps its connection must delay neither others nor the end of the process


class _Handler(WSGIRequestHandler):
    timeout = 10.0  # seconds for a client to send its request

    def log_message(self, *_: object) -> None:
        """Log nothing: a scrape is normal operation."""


class Probes:
    """A small server in its own threads: it answers while the process is busy. A context manager that serves inside."""

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        missing: Callable[[], str],
        is_alive: Callable[[], bool] = lambda: True,
        note: Callable[[], str] = str,
    ) -> None:
        """Bind the address.

        Args:
            host: The address to listen on.
            port: The port to listen on; 0 takes a free one.
            registry: The metrics to expose.
            missing: What the process lacks to be ready; empty if nothing.
            is_alive: Whether the process makes progress; False asks for a restart.
            note: What an operator should know of a process that is ready; empty if nothing.

        Raises:
            UserError: the address cannot be listened on.
        """
        self._metrics = make_wsgi_app(registry)
        self._missing = missing
        self._is_alive = is_alive
        self._note = note
        try:
            self._server: WSGIServer = make_server(host, port, self._answer, _Server, _Handler)
        except OSError as error:
            cause = f"cannot be listened on: {error.strerror}"
            raise UserError(f"LEADLOOP_METRICS_PORT: {host}:{port} {cause}; 0 takes a free port") from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="probes", daemon=True)

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_port)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        match environ.get("PATH_INFO"):
            case "/metrics":
                return self._scrape(environ, start)
            case "/healthz":
                return _respond(start, "503 Service Unavailable", "stuck") if not self._is_alive() else _ok(start, "ok")
            case "/readyz":
                missing = self._missing()
                ready = "\n".join(filter(None, ("ready", self._note())))
                return _respond(start, "503 Service Unavailable", missing) if missing else _ok(start, ready)
            case _:
                return _respond(start, "404 Not Found", PATHS)

    def _scrape(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        try:
            return self._metrics(environ, start)  # type: ignore[no-any-return]  # WSGI is untyped there
        except (TypeError, ValueError):  # an Accept header with an invalid version: answer as if it named none
            return self._metrics({**environ, "HTTP_ACCEPT": ""}, start)  # type: ignore[no-any-return]


def _ok(start: "StartResponse", text: str) -> Iterable[bytes]:
    return _respond(start, "200 OK", text)


def _respond(start: "StartResponse", status: str, text: str) -> Iterable[bytes]:
    body = f"{text}\n".encode()
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
