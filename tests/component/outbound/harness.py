"""A server on one loopback address, and calls of it by the client."""

import ssl
from collections.abc import Awaitable, Callable
from ipaddress import ip_network

from aiohttp import web

from workers.outbound import Client, HttpResult, UrlPolicy

LOOPBACK = [ip_network("127.0.0.1/32")]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """A server on one loopback address that counts what reaches it."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.answer: Handler = _fine

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        return await self.answer(request)

    async def start(self, host: str, tls: ssl.SSLContext | None = None) -> "Server":
        self.runner = web.AppRunner(web.Application(middlewares=[]), access_log=None, shutdown_timeout=0.1)
        self.runner.app.router.add_route("*", "/{path:.*}", self.handle)
        await self.runner.setup()
        site = web.TCPSite(self.runner, host, 0, ssl_context=tls)
        await site.start()
        self.port = int(self.runner.addresses[0][1])
        return self

    @property
    def url_policy(self) -> UrlPolicy:
        return UrlPolicy(allow_http=True, ports=frozenset({self.port}))

    def url(self, host: str = "127.0.0.1", path: str = "/hook") -> str:
        return f"http://{host}:{self.port}{path}"


async def _fine(_: web.Request) -> web.StreamResponse:
    return web.Response(text="thanks")


async def post(client: Client, server: Server, url: str = "", timeout_seconds: float = 5.0) -> HttpResult:
    return await client.request(
        "POST",
        url or server.url(),
        headers={},
        body=b"{}",
        url_policy=server.url_policy,
        timeout_seconds=timeout_seconds,
    )
