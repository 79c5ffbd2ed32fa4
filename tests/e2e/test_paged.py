"""Alerts that fire on the running system: a fault causes the right page, and no other.

Durations in the rules are 30 times shorter (5 minutes are 10 seconds, and 15 for a delivery); nothing else is.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import pytest

from tests.kafka import REQUIRED, NoKafka, RealKafka
from tests.paging import Notifications, accelerated, notification_receiver, routes
from tests.prometheus import NoPrometheus, Prometheus, program, running_alertmanager, running_prometheus
from tests.redis import NoRedis
from tests.running_system import RunningSystem, copy_rules, running_system, scripted_day
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

FACTOR = 30
PAGE_SECONDS = 45
"""Within which there is a page for a fault: its `for:` is 4 s."""

# Rules and inhibitions have fast tests of their own (promtool, amtool): tests/contract.
pytestmark = [pytest.mark.kafka, pytest.mark.soak]


@dataclass(frozen=True)
class Watched:
    """The running system, what monitors it, and its broker."""

    kafka: RealKafka
    system: RunningSystem
    prometheus: Prometheus
    notifications: Notifications

    def is_healthy(self) -> bool:
        fresh = self.prometheus.query("job:leadloop_partitions_fresh:count == 2")
        pages = self.prometheus.query('ALERTS{severity="page"}')
        return bool(fresh) and not pages


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("paged")
    try:
        program("alertmanager")
        kafka = RealKafka(folder / "kafka")
        kafka.start()
    except (NoPrometheus, NoKafka) as missing:
        if REQUIRED:
            raise
        pytest.skip(str(missing))
    try:
        with (
            notification_receiver() as (notifications, url),
            running_alertmanager(folder, routes(url)) as alertmanager,
            running_system(kafka.bootstrap, folder) as system,
            running_prometheus(folder, system.scrapes(alertmanager=alertmanager)) as prometheus,
        ):
            # Rules are loaded after the first scrape: a process that is not scraped for 4 s counts as missing.
            wait_for(lambda: set(prometheus.targets().values()) == {"up"}, 60, "every target is scraped")
            copy_rules(folder, lambda text: accelerated(text, FACTOR))
            prometheus.reload()
            yield Watched(kafka, system, prometheus, notifications)
    except NoRedis as missing:
        if REQUIRED:
            raise
        pytest.skip(str(missing))
    finally:
        kafka.kill()


@pytest.fixture(autouse=True)
def healthy_system(watched: Watched) -> None:
    wait_for(watched.is_healthy, 120, "the system is healthy")
    watched.notifications.clear()


def test_an_unresponsive_endpoint_causes_one_page_until_it_is_paused(watched: Watched) -> None:
    scripted_day(watched.system)
    sent, outage = watched.notifications, ("LeadloopEndpointOutage", "gone")
    wait_for(lambda: outage in sent.firing.get("pager", ()), PAGE_SECONDS, "there is a page")
    wait_for(lambda: ("LeadloopCircuitOpen", "gone") in sent.firing.get("tickets", ()), 60, "a ticket names it")
    watched.system.run("endpoints", "pause", "gone", "--why", "its owner fixes it")
    wait_for(lambda: outage in sent.resolved.get("pager", ()), PAGE_SECONDS, "resolved")
    assert sent.firing["pager"] == {outage}
    assert ("Watchdog", "") in sent.firing["dead-mans-switch"]


def test_an_unavailable_broker_causes_one_page_which_resolves_when_the_broker_is_back(watched: Watched) -> None:
    watched.kafka.kill()
    wait_for(lambda: "LeadloopBrokerTrouble" in watched.notifications.pages(), PAGE_SECONDS, "there is a page")
    workers = [watched.system.processes[name].process for name in ("streams-1", "streams-2")]
    wait_for(lambda: all(one.poll() is not None for one in workers), 120, "the workers have ended, each at its chunk")
    _wait_for_other_pages(watched, seconds=20)
    assert watched.notifications.pages() == {"LeadloopBrokerTrouble"}
    watched.kafka.start()
    for name in ("streams-1", "streams-2"):  # as their platform does
        watched.system.start_streams(name)
    resolved = watched.notifications.resolved
    wait_for(lambda: ("LeadloopBrokerTrouble", "") in resolved.get("pager", ()), 120, "the page is resolved")
    wait_for(watched.is_healthy, 120, "the system is healthy again")
    assert watched.notifications.pages() == {"LeadloopBrokerTrouble"}


def test_missing_streams_workers_cause_one_page_and_no_further_ones(watched: Watched) -> None:
    for name in ("streams-1", "streams-2"):
        watched.system.processes[name].kill()
    wait_for(lambda: "LeadloopStreamsMissing" in watched.notifications.pages(), PAGE_SECONDS, "there is a page")
    burns = 'ALERTS{alertname="LeadloopFreshnessBudgetBurn", severity="page", alertstate="firing"}'
    wait_for(lambda: watched.prometheus.query(burns), 60, "the budget burns as well")
    _wait_for_other_pages(watched, seconds=5)
    assert watched.notifications.pages() == {"LeadloopStreamsMissing"}


def _wait_for_other_pages(watched: Watched, seconds: float) -> None:
    """Give other alerts that long to page, while a client posts and gets 503."""
    until = time.monotonic() + seconds

    def is_over() -> bool:
        with suppress(HTTPError, TimeoutError):
            watched.system.post({"kind": "lead-created", "lead_id": "late", "occurred_at": "2026-03-02T09:00:00Z"})
        return time.monotonic() > until

    wait_for(is_over, seconds + 60, "the time for other pages is over")
