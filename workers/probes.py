"""What others ask a worker that serves nothing else: /metrics, /healthz (it turns), /readyz (it works)."""

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from schemas.errors import UserError

Start = Callable[[str, list[tuple[str, str]]], object]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 10.0

    def log_message(self, *_: Any) -> None:
        """Scrapes are no news."""


class Probes:
    """A small server in threads of its own. `missing` says what there is to be ready; `is_alive` whether it turns."""

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        missing: Callable[[], str],
        is_alive: Callable[[], bool],
    ) -> None:
        self._metrics = make_wsgi_app(registry)
        self._missing = missing
        self._is_alive = is_alive
        try:
            self._server: WSGIServer = make_server(host, port, self._answer, _Server, _Quiet)
        except OSError as fault:
            raise UserError(f"{host}:{port} (LEADLOOP_METRICS_PORT) cannot be listened on: {fault.strerror}") from fault
        self._thread = threading.Thread(target=self._server.serve_forever, name="probes", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        match environ.get("PATH_INFO"):
            case "/metrics":
                return self._scraped(environ, start)
            case "/healthz":
                return _say(start, "" if self._is_alive() else "stuck", "ok")
            case "/readyz":
                return _say(start, self._missing(), "ready")
            case _:
                start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
                return [b"try /metrics, /healthz or /readyz\n"]

    def _scraped(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        try:
            return self._metrics(environ, start)  # type: ignore[no-any-return]  # WSGI is untyped there
        except (TypeError, ValueError):  # it accepts a version that is none: as if it had named nothing
            return self._metrics({**environ, "HTTP_ACCEPT": ""}, start)  # type: ignore[no-any-return]


def _say(start: Start, missing: str, well: str) -> Iterable[bytes]:
    text = f"{missing or well}\n".encode()
    status = "503 Service Unavailable" if missing else "200 OK"
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))])
    return [text]
