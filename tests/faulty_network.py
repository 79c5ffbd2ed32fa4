"""A network whose links fail on request: TCP proxies that cut, delay, swallow, and hold what they forward."""

from __future__ import annotations

import asyncio
import random
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

CHUNK = 65_536
QUEUED = 256
"""Chunks that a direction of a connection keeps while it is slow or held; the sender is not read from beyond that."""


class Network:
    """Links, all in one thread with an event loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        self.links: dict[str, Link] = {}

    def link(self, name: str, target_port: int, port: int = 0) -> Link:
        """Listen on a port, and forward its connections to another one on this machine."""
        link = self.links[name] = Link(self, name, target_port)
        self.run(link.listen(port))
        return link

    def run(self, work: Coroutine[None, None, None]) -> None:
        """Do something in the thread of the network, and wait until it is done."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        for link in self.links.values():
            self.run(link.close())
        self.run(_cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()


class Link:
    """Forwards connections; cuts, delays, swallows or holds their bytes on request.

    `touched` counts what faults did: connections cut, and chunks that were delayed, swallowed or held.
    """

    def __init__(self, network: Network, name: str, target_port: int) -> None:
        self.name = name
        self.port = 0
        self.touched = 0
        self._network = network
        self._target_port = target_port
        self._connections: set[_Connection] = set()
        self._is_refusing = False
        self.is_swallowing = False
        self.latency = 0.0
        """The longest time (seconds) that a chunk is delayed; each is delayed by a random part of it."""

    async def listen(self, port: int) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for connection in [*self._connections]:
            connection.cut()

    @property
    def connections(self) -> int:
        return len(self._connections)

    def cut(self, *, refuse: bool = False) -> None:
        """Reset all connections; refuse new ones until `heal`."""
        self._network.run(self._cut(refuse=refuse))

    def swallow(self) -> None:
        """Accept bytes, and forward none, until `heal` cuts the connections: both ends believe that they are open."""
        self.is_swallowing = True

    def hold(self) -> None:
        """Keep what comes on the present connections until `heal`; then it arrives, whether its sender lives or not."""
        self._network.run(self._hold())

    def heal(self) -> None:
        """Forward everything again."""
        self._network.run(self._heal())

    async def _cut(self, *, refuse: bool) -> None:
        self._is_refusing = refuse
        for connection in [*self._connections]:
            self.touched += 1
            connection.cut()

    async def _hold(self) -> None:
        for connection in self._connections:
            connection.flows.clear()

    async def _heal(self) -> None:
        if self.is_swallowing:
            self.is_swallowing = False
            await self._cut(refuse=False)
        self._is_refusing, self.latency = False, 0.0
        for connection in self._connections:
            connection.flows.set()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            writer.transport.abort()
            return
        try:
            server = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(self, (reader, writer), server)
        self._connections.add(connection)
        try:
            await connection.forward()
        finally:
            self._connections.discard(connection)


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection:
    """One connection: what is read waits in a queue, so that it is kept even if its sender ends."""

    def __init__(self, link: Link, client: _Streams, server: _Streams) -> None:
        self._link, self._client, self._server = link, client, server
        self.flows = asyncio.Event()
        self.flows.set()

    def cut(self) -> None:
        self.flows.set()
        for _, writer in (self._client, self._server):
            writer.transport.abort()

    async def forward(self) -> None:
        (from_client, to_client), (from_server, to_server) = self._client, self._server
        try:
            await asyncio.gather(self._direction(from_client, to_server), self._direction(from_server, to_client))
        finally:
            to_client.close()
            to_server.close()

    async def _direction(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUED)
        await asyncio.gather(self._read(reader, queue), self._write(queue, writer))

    async def _read(self, reader: asyncio.StreamReader, queue: asyncio.Queue[bytes]) -> None:
        data = b"first"
        while data:
            try:
                data = await reader.read(CHUNK)
            except OSError:
                data = b""
            if data and self._link.is_swallowing:
                self._link.touched += 1
            else:
                await queue.put(data)

    async def _write(self, queue: asyncio.Queue[bytes], writer: asyncio.StreamWriter) -> None:
        """Until the end; a receiver that has ended is no reason not to read on."""
        while data := await queue.get():
            if not self.flows.is_set():
                self._link.touched += 1
                await self.flows.wait()
            if self._link.latency:
                self._link.touched += 1
                await asyncio.sleep(random.random() * self._link.latency)
            with suppress(OSError):
                writer.write(data)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            if writer.can_write_eof():
                writer.write_eof()
