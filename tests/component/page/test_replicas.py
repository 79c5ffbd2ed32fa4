"""Two `leadloop report` processes under one address, with hidden owners: what one shows, the other understands."""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from tests.component.page.served_page import Visitor
from tests.component.projection.harness import KEY, Process
from tests.projected import a_log
from tests.unit.report.api_client import project
from workers.http.keys import digest_of
from workers.report.owner_pseudonyms import SHAPE
from workers.report.page.frame import VIEWS

SHARED = "the secret that all processes share"
OWNERS = ("ann", "bob")
pytestmark = pytest.mark.soak  # a minute of processes

BY_OWNER = ("/promises", "/funnel?by=owner", "/leads?cols=owner")


class Replica(Process):
    """One process, and somebody who signed in there."""

    def __init__(self, folder: Path, redis_url: str, app_id: str, secret: str) -> None:
        keys = folder / "keys.yml"
        keys.write_text(f"sources:\n  test: {{keys: [{digest_of(KEY)}], scopes: [read]}}\n", encoding="utf-8")
        env = {
            "REDIS_URL": redis_url,
            "LEADLOOP_APP_ID": app_id,
            "LEADLOOP_KEYS_FILE": str(keys),
            "LEADLOOP_REPORT_PORT": "0",
            "LEADLOOP_PAGE_OWNERS": "hidden",
            "LEADLOOP_PAGE_SECRET": secret,
        }
        super().__init__(folder / f"{uuid4().hex[:6]}.log", env, "workers.cli", "report")


@pytest.fixture(scope="module")
def replicas(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Replica]]:
    """Two with the same secret, and one with another."""
    folder, app_id = tmp_path_factory.mktemp("replicas"), f"replicas{uuid4().hex[:8]}"
    project(a_log(random.Random(5), leads=300), redis_url, app_id)
    found = [Replica(folder, redis_url, app_id, secret) for secret in (SHARED, SHARED, "another one")]
    try:
        for one in found:
            one.wait_ready()
        yield found
    finally:
        for one in found:
            one.kill()


@pytest.fixture
def visitors(replicas: list[Replica]) -> Iterator[list[Visitor]]:
    found = [Visitor(one.address()).signed_in(KEY) for one in replicas]
    yield found
    for one in found:
        one.close()


def test_all_processes_show_the_same_pseudonyms_and_no_name(visitors: list[Visitor]) -> None:
    first, second, other = visitors
    second.client.cookies = first.client.cookies  # the load balancer sent the next request elsewhere
    for path in [*(path for path, _ in VIEWS), *BY_OWNER]:
        shown = [visitor.get(path) for visitor in (first, second, other)]
        assert [one.status_code for one in shown] == [200] * 3, path
        pseudonyms = [set(re.findall(SHAPE.pattern, one.text)) for one in shown]
        assert pseudonyms[0] == pseudonyms[1], path
        assert pseudonyms[0] or path not in BY_OWNER, path
        assert not pseudonyms[0] & pseudonyms[2], path
        assert not any(re.search(rf"\b{name}\b", one.text) for one in shown for name in OWNERS), path


def test_links_and_further_pages_of_one_process_open_in_the_other(visitors: list[Visitor]) -> None:
    first, second, _ = visitors
    owners = [row["value"] for row in first.get("/v1/funnel?by=owner").json()["rows"] if row["value"]]
    assert owners
    for owner in owners:
        filters, seen = urlencode({"owner": owner, "limit": 7}), list[str]()
        answer = first.get(f"/v1/leads?{filters}").json()
        every = [
            lead["lead_id"] for lead in second.get(f"/v1/leads?{urlencode({'owner': owner})}&limit=500").json()["leads"]
        ]
        for turn in range(1000):
            seen += [lead["lead_id"] for lead in answer["leads"]]
            if not answer["next"]:
                break
            answer = (second, first)[turn % 2].get(f"/v1/leads?{filters}&cursor={answer['next']}").json()
        assert seen == every
        assert len(seen) > 7


def test_a_key_reads_names_in_every_process(replicas: list[Replica]) -> None:
    for one in replicas:
        status, body = one.get("/v1/funnel?by=owner", KEY)
        assert status == 200
        assert {row["value"] for row in json.loads(body)["rows"]} & set(OWNERS)
