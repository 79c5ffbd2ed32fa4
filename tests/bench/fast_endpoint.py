"""An endpoint that answers at once, in a process of its own: `python -m tests.bench.fast_endpoint`; prints its port.

It reads no more of a request than it must to find its end, and counts. `GET /` answers `count first last` (seconds).
"""

import asyncio
import time

ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


class Counted(asyncio.Protocol):
    """One connection; all of them count into the same figures."""

    count = 0
    first = last = 0.0

    def __init__(self) -> None:
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            head = self._pending[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._pending) < end + 4 + length:
                return
            self._pending = self._pending[end + 4 + length :]
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        kind = Counted
        if head.startswith(b"get"):
            body = f"{kind.count} {kind.first} {kind.last}".encode()
            kind.count, kind.first = 0, 0.0
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        kind.last = time.time()
        kind.first = kind.first or kind.last
        kind.count += 1
        return ANSWER


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Counted, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
