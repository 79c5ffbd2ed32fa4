"""What others ask a running streams over HTTP: /metrics, /healthz (the process answers), /readyz (it works)."""

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

Start = Callable[[str, list[tuple[str, str]]], object]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # a client that stays must not keep others waiting, nor the process


class _Quiet(WSGIRequestHandler):
    timeout = 10.0  # seconds for a client to say what it wants

    def log_message(self, *_: Any) -> None:
        """Scrapes are no news."""


class Probes:
    """A small server in threads of its own: it answers while the event loop works."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, is_ready: Callable[[], bool]) -> None:
        self._metrics = make_wsgi_app(registry)
        self._is_ready = is_ready
        self._server: WSGIServer = make_server(host, port, self._answer, _Server, _Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, name="probes", daemon=True)

    @property
    def port(self) -> int:
        """The port in use: the one asked for, or a free one where 0 was asked for."""
        return int(self._server.server_port)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        match environ.get("PATH_INFO"):
            case "/metrics":
                return self._scraped(environ, start)
            case "/healthz":
                return _say(start, "200 OK", b"ok\n")
            case "/readyz" if self._is_ready():
                return _say(start, "200 OK", b"ready\n")
            case "/readyz":
                return _say(start, "503 Service Unavailable", b"not ready: waiting, recovering or stuck\n")
            case _:
                return _say(start, "404 Not Found", b"try /metrics, /healthz or /readyz\n")

    def _scraped(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        try:
            return self._metrics(environ, start)  # type: ignore[no-any-return]  # WSGI is untyped there
        except (TypeError, ValueError):  # it accepts a version that is none: as if it had named nothing
            return self._metrics({**environ, "HTTP_ACCEPT": ""}, start)  # type: ignore[no-any-return]


def _say(start: Start, status: str, text: bytes) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))])
    return [text]
