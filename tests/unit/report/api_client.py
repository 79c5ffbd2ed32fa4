"""A client of the read API without a server, and a log to project for it."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from redis import Redis

from tests.projected import CODEC, LogOf, MemoryLog, a_turn, a_worker, work
from workers.http.auth import KeyRing
from workers.http.keys import new_key
from workers.read_model.redis_clients import connect_async
from workers.report.app import ReadinessMemo, report_app
from workers.report.costs import Costs
from workers.report.policy_in_use import PolicyInUse
from workers.report.queries import ReadModel

READER, WRITER = new_key(), new_key()


class Client:
    """Sends requests to the application, with a reader's key by default. One event loop, as the server has."""

    def __init__(
        self, redis_url: str, app_id: str, keys: KeyRing, policy: Path | None = None, costs: Costs | None = None
    ) -> None:
        self._model = ReadModel(connect_async(redis_url), app_id, CODEC, costs)
        app = report_app(self._model, keys, PolicyInUse(policy), CollectorRegistry(), ReadinessMemo())
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        key = {"Authorization": f"Bearer {READER}"}
        self._client = httpx.AsyncClient(transport=transport, base_url="http://report", headers=key)
        self._loop = asyncio.new_event_loop()

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self._loop.run_until_complete(self._client.get(path, headers=headers))

    def close(self) -> None:
        self._loop.run_until_complete(self._model.close())
        self._loop.close()


def project(log: LogOf, redis_url: str, app_id: str) -> None:
    """Project the whole log, and write its freshness."""
    memory = MemoryLog(log.records, random.Random(1), most=500)
    worker = a_worker(memory, Redis.from_url(redis_url), app_id)
    work(worker, memory)
    worker._freshness._requested_at = -1e9  # noqa: SLF001  # no second between two requests
    for _ in ("request", "response"):
        a_turn(worker)


def pages(client: Client, path: str, of: str) -> Iterator[list[dict[str, Any]]]:
    """The pages of a list, to the last."""
    cursor = ""
    while True:
        answer = client.get(f"{path}{'&' if '?' in path else '?'}limit=7{cursor}")
        assert answer.status_code == 200, answer.text
        yield answer.json()[of]
        if answer.json()["next"] is None:
            return
        cursor = f"&cursor={answer.json()['next']}"


def every(client: Client, path: str, of: str = "leads") -> list[dict[str, Any]]:
    return [row for page in pages(client, path, of) for row in page]
