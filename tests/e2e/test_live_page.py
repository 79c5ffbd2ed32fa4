"""An event that is posted appears on an open page without a reload, through all processes of the loop."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page

from tests.chromium import running_chromium
from tests.kafka import Broker
from tests.running_system import RunningSystem, created, running_system
from tests.waiting import wait_for

EVENTS = 10
_LOG = logging.getLogger(__name__)

pytestmark = pytest.mark.kafka


@pytest.fixture
def system(kafka: Broker, tmp_path: Path) -> Iterator[RunningSystem]:
    if kafka.kind == "mock":
        pytest.skip("needs a real Kafka: install java and mvn, or set KAFKA_BOOTSTRAP_SERVERS")
    with running_system(kafka.bootstrap, tmp_path) as system:
        yield system


def _open(page: Page, system: RunningSystem) -> None:
    page.goto(system.processes["report"].address())
    page.get_by_label("Read key").fill(system.key)
    page.get_by_role("button", name="Sign in").click()
    page.locator('[data-figure="leads"]').wait_for()


def test_a_posted_event_appears_on_the_open_page(system: RunningSystem) -> None:
    assert system.post(created(f"first-{uuid4().hex[:6]}")) == 202
    wait_for(lambda: '"leads":1' in _overview(system), 60, "the first lead is in the read model")
    took = []
    with running_chromium() as browser:
        page = browser.new_page()
        _open(page, system)
        page.evaluate("window.isSamePage = true")
        for n in range(EVENTS):
            before = int(page.locator('[data-figure="leads"]').inner_text())
            begun = time.monotonic()
            assert system.post(created(f"news-{n}-{uuid4().hex[:6]}")) == 202
            page.wait_for_function(
                "before => Number(document.querySelector('[data-figure=leads]').textContent) === before + 1",
                arg=before,
                timeout=60_000,
            )
            took.append(time.monotonic() - begun)
        assert page.evaluate("window.isSamePage") is True
    _LOG.info("from the request until the page shows it: median %.2f s, longest %.2f s", median(took), max(took))


def _overview(system: RunningSystem) -> str:
    address = f"{system.processes['report'].address()}/v1/overview"
    return httpx.get(address, headers={"Authorization": f"Bearer {system.key}"}, timeout=20).text
