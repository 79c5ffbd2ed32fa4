"""What every server answers, however it goes."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest
import uvicorn
from fastapi import Request  # noqa: TC002  # read when the routes are made
from prometheus_client import CollectorRegistry
from starlette.responses import Response
from uvicorn.server import ServerState

from workers.http.body import UnauthenticatedBodies, media_type_of, read_body
from workers.http.problems import Problem, retry_later
from workers.http.protocol import BoundedProtocol
from workers.http.serving import application, initialise_series

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

ROUTE = 'leadloop_http_requests_total{{method="{}",route="{}",status="{}"}}'


@pytest.fixture
def app() -> FastAPI:
    app = application("test", "A test.", CollectorRegistry(), lambda: "", max_requests=2)

    async def length(request: Request) -> Response:
        media_type_of(request.headers.get("content-type", ""), ["application/json"])
        return Response(str(len(await read_body(request, max_bytes=100, within=0.2))))

    async def bug() -> Response:
        raise RuntimeError("secret detail")

    async def number(value: int) -> Response:
        return Response(str(value))

    app.state.hanging = asyncio.Semaphore(0)

    async def hang() -> Response:
        app.state.hanging.release()
        await asyncio.Event().wait()
        raise AssertionError

    app.add_api_route("/length", length, methods=["POST"])
    app.add_api_route("/bug", bug, methods=["GET"])
    app.add_api_route("/number/{value}", number, methods=["GET"])
    app.add_api_route("/hang", hang, methods=["GET"])
    initialise_series(app)
    return app


def calling(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://here", headers={"content-type": "application/json"})


async def test_probes_and_metrics_answer(app: FastAPI) -> None:
    async with calling(app) as client:
        assert [(await client.get(path)).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
        app.state.draining = True
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "this process is shutting down\n")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/length", 405), ("GET", "/number/x", 422), ("GET", "/bug", 500)],
)
async def test_every_error_is_a_problem_document(app: FastAPI, method: str, path: str, status: int) -> None:
    async with calling(app) as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert "secret" not in answer.text
    assert ("allow" in answer.headers) is (status == 405)


async def test_a_body_is_bounded_whatever_its_content_length_says(app: FastAPI) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 10

    async with calling(app) as client:
        assert (await client.post("/length", content=b"x" * 100)).text == "100"
        for content in (b"x" * 101, parts()):
            answer = await client.post("/length", content=content)
            assert (answer.status_code, answer.headers["connection"]) == (413, "close")


async def test_a_body_that_does_not_end_gets_408(app: FastAPI) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with calling(app) as client:
        assert (await client.post("/length", content=parts())).status_code == 408


@pytest.mark.parametrize(
    "headers",
    [
        {"content-encoding": "gzip"},
        {"content-encoding": "br"},
        {"content-type": "text/plain"},
        {"content-type": ""},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json; charset=latin-1"},
    ],
)
async def test_a_body_of_an_unsupported_media_type_is_not_read(app: FastAPI, headers: dict[str, str]) -> None:
    async with calling(app) as client:
        assert (await client.post("/length", content=b"{}", headers=headers)).status_code == 415


async def test_unauthenticated_bodies_are_limited_in_number(app: FastAPI) -> None:
    unauthenticated_bodies, held = UnauthenticatedBodies(most=2), asyncio.Semaphore(0)

    async def stranger(request: Request) -> Response:
        return Response(await unauthenticated_bodies.read(request))

    async def parts() -> AsyncIterator[bytes]:
        held.release()
        yield b"{"
        await asyncio.Event().wait()

    app.add_api_route("/stranger", stranger, methods=["POST"])
    async with calling(app) as client:
        hanging = [asyncio.create_task(client.post("/stranger", content=parts())) for _ in range(2)]
        for _ in hanging:
            await held.acquire()
        answer = await client.post("/stranger", content=b"{}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        assert (await client.post("/stranger", content=b"{}")).status_code == 200


async def test_requests_beyond_the_limit_get_503_at_once_but_probes_are_answered(app: FastAPI) -> None:
    async with calling(app) as client:
        hanging = [asyncio.create_task(client.get("/hang")) for _ in range(2)]
        for _ in hanging:
            await app.state.hanging.acquire()
        answer = await client.get("/number/1")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert (await client.get("/healthz")).status_code == 200
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        assert (await client.get("/number/1")).status_code == 200


async def test_requests_are_counted_by_route_never_by_path(app: FastAPI) -> None:
    async with calling(app) as client:
        for path in ("/number/1", "/number/2", "/nothing/1", "/nothing/2"):
            await client.get(path)
        await client.request("MADE-UP", "/number/1")
        text = (await client.get("/metrics")).text
    assert ROUTE.format("GET", "/number/{value}", "2xx") + " 2.0" in text
    assert ROUTE.format("GET", "unmatched", "4xx") + " 2.0" in text
    assert ROUTE.format("other", "/number/{value}", "4xx") + " 1.0" in text
    assert ROUTE.format("GET", "/hang", "5xx") + " 0.0" in text


def test_retry_after_is_in_whole_seconds() -> None:
    assert [retry_later("unavailable", "", wait).headers["Retry-After"] for wait in (0.1, 1.0, 1.2)] == ["1", "1", "2"]
    assert str(Problem("invalid", "x")) == "x"


@pytest.fixture
async def served(app: FastAPI) -> AsyncIterator[tuple[str, int, ServerState]]:
    """Where the application is served, and what the server knows of its connections."""
    app.state.lost = asyncio.Semaphore(0)

    class Watched(BoundedProtocol):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            app.state.lost.release()

    config = uvicorn.Config(app, http=Watched, lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    made = partial(Watched, config=config, server_state=state, app_state={})
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield host, port, state
    server.close()


async def test_idle_connections_do_not_exclude_other_clients(
    served: tuple[str, int, ServerState], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.http.protocol.MAX_CONNECTIONS", 3)
    host, port, state = served
    held = [await asyncio.open_connection(host, port) for _ in range(3)]
    held[1][1].write(b"GET /heal")  # what is begun for ever is held as well
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as client:
        assert (await client.get("/healthz")).status_code == 200
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(held[0][0].read(), 5) == b""
        assert len(state.connections) <= 3
    for _, writer in held:
        writer.close()


async def test_a_client_that_does_not_read_its_response_is_disconnected(
    app: FastAPI, served: tuple[str, int, ServerState], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.http.protocol.UNREAD_SECONDS", 0.3)
    begun = asyncio.Semaphore(0)

    async def much() -> Response:
        begun.release()
        return Response(bytes(8_000_000))

    app.add_api_route("/much", much, methods=["GET"])
    host, port, _ = served
    deaf = [await asyncio.open_connection(host, port, limit=1) for _ in range(2)]
    for _, writer in deaf:
        writer.write(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n" * 3)  # all places of this application
        await begun.acquire()
    async with asyncio.timeout(10):
        for _ in deaf:
            await app.state.lost.acquire()
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as client:
        assert (await client.get("/number/1")).status_code == 200
    for _, writer in deaf:
        writer.close()


async def test_a_traced_request_is_an_exemplar_in_the_openmetrics_format(app: FastAPI) -> None:
    trace_id = "ab" * 16
    async with calling(app) as client:
        await client.get("/number/1", headers={"traceparent": f"00-{trace_id}-{'cd' * 8}-01"})
        await client.get("/number/1", headers={"traceparent": "nonsense"})
        plain = await client.get("/metrics")
        scraped = await client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert "trace_id" not in plain.text
    assert plain.headers["content-type"].startswith("text/plain")
    assert scraped.headers["content-type"].startswith("application/openmetrics-text")
    (line,) = [line for line in scraped.text.splitlines() if "trace_id" in line]
    assert f'# {{trace_id="{trace_id}"}}' in line
    assert line.startswith("leadloop_http_request_seconds_bucket{le=")


@pytest.mark.parametrize(
    "version", ["abc", "", "1.0.0-rc1", "9" * 5000, "1." * 20_000, "-1", "1.0.0; escaping=nothing", "1.0.0; q=x"]
)
@pytest.mark.parametrize("kind", ["application/openmetrics-text", "text/plain", "*/*"])
async def test_metrics_are_served_whatever_the_accept_header_says(app: FastAPI, kind: str, version: str) -> None:
    async with calling(app) as client:
        scraped = await client.get("/metrics", headers={"accept": f"{kind}; version={version}"})
    assert scraped.status_code == 200
    assert "leadloop_http_requests_total" in scraped.text
