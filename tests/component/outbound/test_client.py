"""The client against servers that answer for real, and not nicely."""

import asyncio
import gzip
import threading

import pytest
from aiohttp import web

from tests.component.outbound.harness import LOOPBACK, Server, post
from workers.outbound import Client, HttpFailure, HttpResponse, HttpResult, UrlPolicy


async def test_an_allowed_address_is_called_with_the_given_request(client: Client, server: Server) -> None:
    reply = await client.request("POST", server.url(), headers={"X-A": "b"}, body=b"{}", url_policy=server.url_policy)
    assert isinstance(reply, HttpResponse)
    assert (reply.status, reply.body) == (200, b"thanks")
    assert server.seen[0].headers["X-A"] == "b"
    assert server.seen[0].headers["Accept-Encoding"] == "identity"


async def test_cookies_are_not_kept(server: Server) -> None:
    async def here(_: str) -> list[str]:
        return ["127.0.0.1"]

    async def sticky(_: web.Request) -> web.StreamResponse:
        response = web.Response()
        response.set_cookie("session", "1")
        return response

    server.answer = sticky
    async with Client(LOOPBACK, resolve=here) as client:  # an address would get no cookies from anybody
        await post(client, server, server.url("sticky.example"))
        await post(client, server, server.url("sticky.example"))
    assert "Cookie" not in server.seen[1].headers


async def test_a_long_response_is_truncated(client: Client, server: Server) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
        except (ConnectionError, asyncio.CancelledError):
            return response

    server.answer = endless
    reply = await post(client, server)
    assert isinstance(reply, HttpResponse)
    assert (len(reply.body), reply.is_cut) == (65_536, True)


async def test_a_decompression_bomb_is_not_unpacked(client: Client, server: Server) -> None:
    bomb = gzip.compress(bytes(20_000_000))

    async def compressed(_: web.Request) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    server.answer = compressed
    reply = await post(client, server)
    assert isinstance(reply, HttpResponse)
    assert reply.body == bomb[:65_536]


async def test_a_response_that_arrives_too_slowly_times_out(client: Client, server: Server) -> None:
    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.05)  # how fast it drips

    server.answer = dripping
    reply = await asyncio.wait_for(post(client, server, timeout_seconds=0.5), 5)
    assert reply == HttpFailure("no response within 0.5 s")


async def test_a_name_that_never_resolves_times_out() -> None:
    async def hanging(_: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    async with Client(resolve=hanging) as client:
        reply = await asyncio.wait_for(
            client.request("GET", "https://slow.example/", headers={}, timeout_seconds=0.3), 5
        )
    assert isinstance(reply, HttpFailure)


async def test_many_hanging_calls_do_not_delay_others(client: Client, server: Server) -> None:
    all_hang = asyncio.Event()

    async def hanging(request: web.Request) -> web.StreamResponse:
        if request.path == "/hang":
            if len(server.seen) == 200:
                all_hang.set()
            await asyncio.Event().wait()
        return web.Response()

    server.answer = hanging
    waiting = [asyncio.create_task(post(client, server, server.url(path="/hang"))) for _ in range(200)]
    async with asyncio.timeout(4):
        await all_hang.wait()
        assert isinstance(await post(client, server), HttpResponse)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_names_whose_servers_do_not_answer_do_not_delay_other_names(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookup_started, answered, looked_up = threading.Event(), threading.Event(), list[str]()

    def addresses_of(host: str) -> list[str]:
        looked_up.append(host)
        if host == "mute.example.com":
            lookup_started.set()
            answered.wait(20)
        return ["127.0.0.1"]

    monkeypatch.setattr("workers.outbound.client.addresses_of", addresses_of)
    async with Client(LOOPBACK) as client:

        async def call(host: str) -> HttpResult:
            url = server.url(host)
            return await client.request("POST", url, headers={}, url_policy=server.url_policy, timeout_seconds=1)

        mute = [asyncio.create_task(call("mute.example.com")) for _ in range(100)]
        assert await asyncio.to_thread(lookup_started.wait, 5)  # all 100 calls wait for the one lookup by then
        assert isinstance(await call("fine.example.com"), HttpResponse)
        assert all(isinstance(reply, HttpFailure) for reply in await asyncio.gather(*mute))
        answered.set()
    assert looked_up.count("mute.example.com") == 1


async def test_a_refused_or_closed_connection_is_a_failure_whose_text_lacks_the_query(client: Client) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    raw = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = int(raw.sockets[0].getsockname()[1])
    url, url_policy = f"http://127.0.0.1:{port}/?token=hunter2", UrlPolicy(allow_http=True, ports=frozenset({port}))
    assert await client.request("POST", url, headers={}, url_policy=url_policy) == HttpFailure(
        "the connection was closed"
    )
    raw.close()
    await raw.wait_closed()
    reply = await client.request("POST", url, headers={}, url_policy=url_policy)
    assert isinstance(reply, HttpFailure)
    assert not reply.was_sent
    assert "hunter2" not in reply.detail


async def test_a_response_that_is_not_http_is_a_failure(client: Client) -> None:
    async def other(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        writer.close()

    raw = await asyncio.start_server(other, "127.0.0.1", 0)
    port = int(raw.sockets[0].getsockname()[1])
    url_policy = UrlPolicy(allow_http=True, ports=frozenset({port}))
    assert isinstance(
        await client.request("GET", f"http://127.0.0.1:{port}/", headers={}, url_policy=url_policy), HttpFailure
    )
    raw.close()
    await raw.wait_closed()
