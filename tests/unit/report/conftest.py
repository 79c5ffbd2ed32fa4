"""An app of the test's own, with a log that is projected and a client that may read."""

import random
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.projected import LogOf, a_log
from tests.unit.report.api_client import READER, WRITER, Client, project
from tests.unit.report.browser import Browser
from workers.http.auth import KeyRing
from workers.http.keys import digest_of


@pytest.fixture
def app_id() -> str:
    return f"r{uuid4().hex[:8]}"


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    path = tmp_path / "keys.yml"
    path.write_text(
        f"sources:\n  page: {{keys: [{digest_of(READER)}], scopes: [read]}}\n  crm: {{keys: [{digest_of(WRITER)}]}}\n",
        encoding="utf-8",
    )
    return KeyRing(path)


@pytest.fixture
def client(redis_url: str, app_id: str, keys: KeyRing) -> Iterator[Client]:
    client = Client(redis_url, app_id, keys)
    yield client
    client.close()


@pytest.fixture
def browser(redis_url: str, app_id: str, keys: KeyRing) -> Iterator[Browser]:
    browser = Browser(redis_url, app_id, keys)
    yield browser
    browser.close()


@pytest.fixture
def log(redis_url: str, app_id: str) -> LogOf:
    log = a_log(random.Random(11), leads=60)
    project(log, redis_url, app_id)
    return log
