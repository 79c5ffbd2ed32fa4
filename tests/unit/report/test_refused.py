"""The read API: whom and what it refuses, and what it says when there is nothing to read."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from redis import Redis

from tests.projected import CODEC, LogOf
from tests.unit.report.api_client import WRITER, Client
from workers.http.auth import KeyRing
from workers.read_model.redis_clients import connect_async
from workers.read_model.redis_keys import Keys
from workers.report import run
from workers.report.app import ReadinessMemo
from workers.report.metrics import ReportMetrics
from workers.report.queries import ReadModel


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/leads/x", "/v1/funnel", "/v1/recycles"])
def test_only_keys_for_reading_get_an_answer(client: Client, path: str) -> None:
    assert client.get(path, headers={"Authorization": ""}).status_code == 401
    assert client.get(path, headers={"Authorization": "Bearer llk_guessed"}).status_code == 401
    assert client.get(path, headers={"Authorization": f"Bearer {WRITER}"}).status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        "leads?limit=0", "leads?limit=501", "leads?stage=lukewarm", "leads?cursor=%FF", "leads?cursor=abc",
        "leads?due_before=yesterday", "leads?due_before=2026-03-01T00:00:00", "leads?due_before=0.5",
        "funnel?by=shoe-size", "funnel?pass=5",
        "recycles?state=lost", f"leads?owner={'x' * 300}", f"leads/{'x' * 129}",
    ],
)  # fmt: skip
@pytest.mark.usefixtures("log")
def test_what_cannot_be_asked_is_refused_in_words(client: Client, query: str) -> None:
    answer = client.get(f"/v1/{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_cursor_of_another_list_is_refused(client: Client, log: LogOf) -> None:
    assert log.leads
    cursor = client.get("/v1/leads?limit=1").json()["next"]
    assert client.get(f"/v1/leads?stage=won&cursor={cursor}").status_code == 422


def test_before_anything_was_projected_it_says_so(client: Client) -> None:
    answer = client.get("/v1/funnel")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "leadloop project" in answer.json()["detail"]


def test_a_pointer_that_somebody_else_has_written_is_no_model(client: Client, redis_url: str, app_id: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.set(Keys(app_id).current, "abc")
    assert client.get("/v1/funnel").status_code == 503


def test_a_look_that_fails_is_not_the_last(
    log: LogOf, redis_url: str, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert log.leads
    monkeypatch.setattr(run, "CHECK_SECONDS", 0.01)

    async def checked() -> set[str]:
        model, readiness, results = ReadModel(connect_async(redis_url), app_id, CODEC), ReadinessMemo(), set[str]()
        with Redis.from_url(redis_url) as redis:
            fresh = Keys(app_id).generation(1).fresh
            redis.hset(fresh, "odd/0", "not two numbers")
            checking = asyncio.create_task(run._check(model, readiness, ReportMetrics(CollectorRegistry(), 0)))  # noqa: SLF001
            async with asyncio.timeout(10):
                while readiness():
                    await asyncio.sleep(0.01)
                    results.add(readiness())
                    if "the read model cannot be read: see the log" in results:
                        redis.hdel(fresh, "odd/0")
        checking.cancel()
        await model.close()
        return results

    assert "the read model cannot be read: see the log" in asyncio.run(checked())


def test_without_redis_it_says_so(keys: KeyRing) -> None:
    client = Client("redis://127.0.0.1:1/0", "nobody", keys)
    answer = client.get("/v1/leads")
    client.close()
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
