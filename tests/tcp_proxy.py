"""A TCP proxy in front of Kafka that delays one produce request: a network that is cut for a while."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from tests.waiting import wait_for

if TYPE_CHECKING:
    from types import TracebackType

PRODUCE = 0  # the API key
ACCEPTED, FENCED = 0, 47  # error codes of Kafka; 47: INVALID_PRODUCER_EPOCH


class DelayingProxy:
    """Forwards every connection; after `hold`, the next produce request to the topic waits for `release`.

    What a client sends on the same connection after the held request waits with it. The held bytes
    reach the broker even if the client has closed its connection or has ended meanwhile.
    """

    def __init__(self, broker: str, topic: str) -> None:
        host, port = broker.split(":")
        self._broker = (host, int(port))
        self._topic = topic.encode()
        self._armed = threading.Event()
        self._released = threading.Event()
        self._held: int | None = None  # correlation id
        self._answer: int | None = None
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._run(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def hold(self) -> None:
        """Delay the next produce request to the topic."""
        self._armed.set()

    def wait_held(self, within: float) -> None:
        wait_for(lambda: self._held is not None, within, "no produce request to the topic")

    def release(self, within: float = 10) -> int:
        """Send what was held; returns the error code with which the broker answers."""
        self._released.set()
        wait_for(lambda: self._answer is not None, within, "the broker does not answer the held request")
        assert self._answer is not None
        return self._answer

    @staticmethod
    def _run(target: object, *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()  # type: ignore[arg-type]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            broker = socket.create_connection(self._broker)
            for one in (client, broker):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, broker]
            self._run(self._requests, client, broker)
            self._run(self._responses, client, broker)

    def _requests(self, client: socket.socket, broker: socket.socket) -> None:
        with suppress(OSError):
            while frame := _frame(client):
                key, _, correlation = struct.unpack_from(">hhi", frame, 4)
                if key == PRODUCE and self._topic in frame and self._armed.is_set() and self._held is None:
                    self._held = correlation
                    self._released.wait()
                broker.sendall(frame)

    def _responses(self, client: socket.socket, broker: socket.socket) -> None:
        with suppress(OSError):
            while frame := _frame(broker):
                (correlation,) = struct.unpack_from(">i", frame, 4)
                if self._released.is_set() and correlation == self._held and self._topic in frame:
                    self._answer = self._error_of(frame)
                with suppress(OSError):  # the client may have ended
                    client.sendall(frame)

    def _error_of(self, response: bytes) -> int:
        """Of the only partition in a produce response; its first fields are the same in all versions below 9."""
        at = response.index(self._topic) + len(self._topic)
        partitions, _, error = struct.unpack_from(">iih", response, at)
        assert partitions == 1
        return int(error)


def _frame(source: socket.socket) -> bytes:
    """The next request or response, with its size in front; empty at the end of the connection."""
    head = _exactly(source, 4)
    return head and head + _exactly(source, struct.unpack(">i", head)[0])


def _exactly(source: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        piece = source.recv(count - len(found))
        if not piece:
            return b""
        found += piece
    return bytes(found)
