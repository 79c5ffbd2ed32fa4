"""uvicorn's HTTP/1.1 protocol with bounds on connections, on the time for headers, and on responses not read.

What it relies on in uvicorn is listed in relied_on.py.
"""

import asyncio
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .problems import MEDIA_TYPE, Problem, problem_json

MAX_CONNECTIONS = 1_000
HEADER_BYTES = 16_384
HEADER_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 30
UNREAD_SECONDS = 60.0
"""How long a full send buffer may stay full: a client that does not read its response would occupy a request slot."""


class BoundedProtocol(H11Protocol):
    """Closes a connection on which no request is complete up to its headers within HEADER_SECONDS.

    Beyond MAX_CONNECTIONS the connection that has been idle for longest is closed, so that a client that only holds
    connections open cannot exclude others. A client that reads nothing for UNREAD_SECONDS is disconnected.
    """

    _header_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None
    idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self.idle_since = self.loop.time()
        if len(self.connections) > MAX_CONNECTIONS:
            (self._longest_idle() or self).transport.abort()
        self._start_header_timer()

    def _longest_idle(self) -> "BoundedProtocol | None":
        others = cast("set[BoundedProtocol]", self.connections)
        idle = [one for one in others if one is not self and not one.is_busy() and not one.transport.is_closing()]
        return min(idle, key=lambda one: one.idle_since, default=None)

    def on_response_complete(self) -> None:
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.is_busy():
            self._cancel_header_timer()
        elif self._header_timer is None:
            self._start_header_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._cancel_unread_timer()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_header_timer()
        self._cancel_unread_timer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer an unreadable request with a problem document."""
        body = problem_json(Problem("malformed", msg))
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close")]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def is_busy(self) -> bool:
        """Whether a request is being read or answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _start_header_timer(self) -> None:
        self._header_timer = self.loop.call_later(HEADER_SECONDS, self._close_if_idle)

    def _cancel_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _cancel_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _close_if_idle(self) -> None:
        self._header_timer = None
        if not self.is_busy() and not self.transport.is_closing():
            self.transport.close()
