"""HTTP/1.1 as uvicorn speaks it, but with an end to patience: for headers, for answers not read, for connections."""

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
"""How long a client may take to read what waits for it: who asks and does not read would keep a request's place."""


class BoundedProtocol(H11Protocol):
    """Closes a connection on which no request begins within HEADER_SECONDS.

    Beyond MAX_CONNECTIONS the one goes that has been idle for longest: who only holds connections keeps nobody out.
    """

    _waiting: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self.idle_since = self.loop.time()
        if len(self.connections) > MAX_CONNECTIONS:
            (self._longest_idle() or self).transport.abort()
        self._wait()

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
            self._stop_waiting()
        elif self._waiting is None:
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._is_read()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._is_read()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """As uvicorn does, but as a problem like all others."""
        body = problem_json(Problem("malformed", msg))
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close")]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def is_busy(self) -> bool:
        """Whether a request is being read or answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _give_up(self) -> None:
        self._waiting = None
        if not self.is_busy() and not self.transport.is_closing():
            self.transport.close()
