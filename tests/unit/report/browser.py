"""A browser without a screen: keeps cookies, follows no redirect, and says where a form comes from, as browsers do."""

import asyncio
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from streams.runtime.page_settings import PageSettings
from tests.projected import CODEC
from tests.unit.report.api_client import READER
from workers.http.auth import KeyRing
from workers.read_model.redis_clients import connect_async
from workers.report.app import ReadinessMemo, report_app
from workers.report.policy_in_use import PolicyInUse
from workers.report.queries import ReadModel

HOST = "report.test"


class Browser:
    """One reader, with an application of its own."""

    def __init__(
        self,
        redis_url: str,
        app_id: str,
        keys: KeyRing,
        policy: PolicyInUse | None = None,
        client: str = "127.0.0.1",
        **settings: Any,
    ) -> None:
        self._model = ReadModel(connect_async(redis_url), app_id, CODEC)
        in_use = policy or PolicyInUse(None)
        app = report_app(self._model, keys, in_use, CollectorRegistry(), ReadinessMemo(), PageSettings(**settings))
        self._app = app
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(client, 123))
        self._client = httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}")
        self._loop = asyncio.new_event_loop()

    @property
    def cookies(self) -> httpx.Cookies:
        return self._client.cookies

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self._loop.run_until_complete(self._client.get(path, headers=headers))

    def get_with(self, path: str, headers: list[tuple[str, str]]) -> httpx.Response:
        """With headers that may be there more than once."""
        return self._loop.run_until_complete(self._client.get(path, headers=headers))

    def stream(self, path: str, until: bytes) -> str:
        """What a response without an end begins with, until it has sent this; then the reader leaves."""
        return self._loop.run_until_complete(self._begun(path, until))

    async def _begun(self, path: str, until: bytes) -> str:
        sent, has_left = bytearray(), asyncio.Event()
        messages: list[dict[str, Any]] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not messages:
                await has_left.wait()
                return {"type": "http.disconnect"}
            return messages.pop()

        async def send(message: Any) -> None:
            sent.extend(message.get("body", b""))
            if until in sent:
                has_left.set()

        request = self._client.build_request("GET", path)
        headers = [(name.lower(), value) for name, value in request.headers.raw]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
            "client": ("127.0.0.1", 123), "server": (HOST, 80),
        }  # fmt: skip
        await self._app(scope, receive, send)
        return sent.decode()

    def post(self, path: str, fields: dict[str, str], headers: dict[str, str] | None = None) -> httpx.Response:
        sent = {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{HOST}"} if headers is None else headers
        return self._loop.run_until_complete(self._client.post(path, data=fields, headers=sent))

    def sign_in(self, key: str = READER, target: str = "/") -> httpx.Response:
        return self.post("/sign-in", {"key": key, "next": target})

    def close(self) -> None:
        self._loop.run_until_complete(self._model.close())
        self._loop.close()


class _Page(HTMLParser):
    """Collects the tags of a page with their attributes, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def tags(html: str) -> list[tuple[str, dict[str, str]]]:
    """The tags of a page."""
    page = _Page()
    page.feed(html)
    return page.tags


def words(html: str) -> str:
    """The text of a page, without double spaces."""
    page = _Page()
    page.feed(html)
    return re.sub(r"\s+", " ", "".join(page.words))


def numbers_with_links(html: str) -> list[tuple[int, str]]:
    """Every number that is a link, and where it leads."""
    found = re.findall(r'<a[^>]*class="c"[^>]*href="([^"]+)"[^>]*>([\d,]+)</a>', html)
    return [(int(number.replace(",", "")), unescape(address)) for address, number in found]
