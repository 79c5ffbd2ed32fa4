"""One filled read model for all tests of the page, and one browser. Each file has a report process of its own.

What takes long is started by the first test that needs it, and ended after the last one in a row that does.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from tests.chromium import running_chromium
from tests.component.page.leads import lives
from tests.component.page.served_page import Filled, decided, projected, reported
from tests.component.projection.harness import Process
from tests.kafka import Broker
from tests.world import World


class Kept:
    """What the tests share, and how it ends."""

    def __init__(self) -> None:
        self.filled: Filled | None = None
        self.browser: Browser | None = None
        self.ends = ExitStack()

    def close(self) -> None:
        self.filled = self.browser = None
        self.ends.close()


KEPT = Kept()


@pytest.hookimpl(trylast=True)  # after the fixtures of the file have ended
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    is_needed = {"filled", "chromium"} & {*getattr(nextitem, "fixturenames", ())}
    if nextitem is None or (nextitem.path != item.path and not is_needed):
        KEPT.close()


@pytest.fixture(scope="module")
def filled(real_kafka: Broker, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """The leads of tests.component.page.leads, and some whose every text is a script."""
    if KEPT.filled is None:
        world = World.on_real(real_kafka.bootstrap, tmp_path_factory.mktemp("page"), partitions=2)
        KEPT.ends.callback(world.close)
        decided(world, *sorted(lives(random.Random(11)), key=lambda fact: fact.occurred_at))
        app_id = f"page{uuid4().hex[:8]}"
        KEPT.ends.enter_context(projected(world, redis_url, app_id))
        KEPT.filled = Filled(world, app_id)
    return KEPT.filled


@pytest.fixture(scope="module")
def world(filled: Filled) -> World:
    return filled.world


@pytest.fixture(scope="module")
def report(filled: Filled, redis_url: str) -> Iterator[Process]:
    with reported(filled.world, redis_url, filled.app_id) as report:
        yield report


@pytest.fixture(scope="module")
def chromium() -> Browser:
    if KEPT.browser is None:
        KEPT.browser = KEPT.ends.enter_context(running_chromium())
    return KEPT.browser
