"""The undocumented behaviour of uvicorn that the HTTP server relies on, checked against what is installed."""

from __future__ import annotations

import asyncio
import inspect
import signal
import socket
import tomllib
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h11
import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from workers.http.relied_on import RELIED_ON, VERSIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send

CHECKS: set[str] = set()
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SECONDS = 10.0


def relies_on(*lines: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Name the lines of the list that a test stands behind."""

    def named(test: Callable[..., Any]) -> Callable[..., Any]:
        CHECKS.update(lines)
        return test

    return named


class Recorded(H11Protocol):
    """Records what uvicorn calls."""

    made: list[Recorded]
    calls: list[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.received = b""
        self.made.append(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        super().data_received(data)

    def on_response_complete(self) -> None:
        self.calls.append("on_response_complete")
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        self.calls.append(f"send_400_response {type(self.conn) is h11.Connection} {bool(msg)}")
        super().send_400_response(msg)


class Held:
    """An application whose responses wait until they are released."""

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.release = asyncio.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        self.begun.release()
        await self.release.acquire()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def protocol() -> type[Recorded]:
    return type("RecordedHere", (Recorded,), {"made": [], "calls": []})


@pytest.fixture
async def server(held: Held, protocol: type[Recorded]) -> AsyncIterator[tuple[int, ServerState]]:
    config = uvicorn.Config(held, http=protocol, lifespan="off", log_config=None, h11_max_incomplete_event_size=1000)
    config.load()
    state = ServerState()
    factory = partial(protocol, config=config, server_state=state, app_state={})
    listening = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1], state
    listening.close()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not holds():  # noqa: ASYNC110  # uvicorn has no event for what is waited for
            await asyncio.sleep(0.01)


def test_the_pinned_version_is_installed() -> None:
    pinned = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    for name, wanted in VERSIONS.items():
        assert version(name) == wanted
        assert any(line.startswith(f"{name}=={wanted}") for line in pinned)


def test_each_line_of_the_list_has_a_check() -> None:
    assert set(RELIED_ON) == CHECKS


@relies_on("the option http takes a protocol class")
def test_uvicorn_uses_the_given_protocol_class(held: Held, protocol: type[Recorded]) -> None:
    config = uvicorn.Config(held, http=protocol, lifespan="off", log_config=None)
    config.load()
    assert config.http_protocol_class is protocol


@relies_on("all protocols of a server share one set of connections", "a protocol has its loop and its transport")
async def test_connections_are_counted_in_one_set(protocol: type[Recorded], server: tuple[int, ServerState]) -> None:
    port, state = server
    writers = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(2)]
    await until(lambda: len(state.connections) == 2)
    assert all(one.connections is state.connections for one in protocol.made)
    assert {one.loop for one in protocol.made} == {asyncio.get_running_loop()}
    protocol.made[0].transport.abort()
    await until(lambda: len(state.connections) == 1)
    for writer in writers:
        writer.close()
    await until(lambda: not state.connections)


@relies_on(
    "a cycle is complete once its response is",
    "on_response_complete is called after each response",
    "every byte that arrives passes data_received",
    "no pipelined request is begun before the previous response is complete",
)
async def test_pipelined_requests_are_answered_one_by_one(
    held: Held, protocol: type[Recorded], server: tuple[int, ServerState]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server[0])
    await until(lambda: protocol.made)
    (connection,) = protocol.made
    assert connection.cycle is None
    writer.write(GET * 2)
    await held.begun.acquire()
    first = connection.cycle
    assert not first.response_complete
    assert held.begun.locked()  # the second has not begun
    held.release.release()
    await held.begun.acquire()
    assert first.response_complete
    assert connection.cycle is not first
    assert protocol.calls == ["on_response_complete"]
    held.release.release()
    await until(lambda: len(protocol.calls) == 2)
    assert connection.received == GET * 2
    assert (await reader.read(12)).endswith(b"204")
    writer.close()


@relies_on("an unreadable request is answered by send_400_response, over h11")
async def test_an_unreadable_request_reaches_send_400_response(
    protocol: type[Recorded], server: tuple[int, ServerState]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server[0])
    writer.write(b"this is no HTTP\r\n\r\n")
    assert b" 400 " in await asyncio.wait_for(reader.read(), SECONDS)
    assert protocol.calls == ["send_400_response True True"]
    writer.close()


@relies_on("headers are bounded by h11_max_incomplete_event_size")
async def test_headers_beyond_the_limit_are_rejected(protocol: type[Recorded], server: tuple[int, ServerState]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server[0])
    writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 2000)
    assert b" 400 " in await asyncio.wait_for(reader.read(), SECONDS)
    assert protocol.calls == ["send_400_response True True"]
    writer.close()


@relies_on("pause_writing and resume_writing are the protocol's own")
def test_flow_control_is_a_method_of_the_protocol() -> None:
    for name in ("pause_writing", "resume_writing"):
        assert name in vars(H11Protocol)
        assert list(inspect.signature(getattr(H11Protocol, name)).parameters) == ["self"]


@relies_on(
    "startup leaves the listening sockets in servers",
    "handle_exit is called by SIGINT and SIGTERM",
    "a captured signal is raised again when the server has ended",
    "a shutdown lets responses in progress finish",
)
async def test_a_signal_ends_the_server_after_the_response_in_progress(held: Held) -> None:
    raised: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: raised.append(number))
    exits: list[int] = []

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: Any) -> None:
            exits.append(sig)
            super().handle_exit(sig, frame)

    try:
        running = Server(uvicorn.Config(held, port=0, lifespan="off", log_config=None, http=H11Protocol))
        serving = asyncio.create_task(running.serve())
        await until(lambda: running.started)
        port = running.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await held.begun.acquire()
        signal.raise_signal(signal.SIGTERM)
        assert exits == [signal.SIGTERM]
        await until(lambda: running.should_exit)
        held.release.release()
        assert b" 204 " in await asyncio.wait_for(reader.read(), SECONDS)
        await asyncio.wait_for(serving, SECONDS)
        assert raised == [signal.SIGTERM]
        writer.close()
    finally:
        signal.signal(signal.SIGTERM, before)


@relies_on("an address in use raises SystemExit")
async def test_an_address_in_use_raises_system_exit(held: Held) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = uvicorn.Config(held, port=taken.getsockname()[1], lifespan="off", log_config=None, http=H11Protocol)
        with pytest.raises(SystemExit):
            await uvicorn.Server(config).serve()
