"""Alerts fire for real: something is broken, the right page comes within its time, and nothing else pages.

Time goes 30 times faster in the rules (5 minutes are 10 seconds, and 15 for a delivery), and runs as ever in all else.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import pytest

from tests.kafka import REQUIRED, NoKafka, RealKafka
from tests.observed import Observed, a_day, copy_rules, observed
from tests.paging import Told, faster, listening, routes
from tests.patience import wait_for
from tests.prometheus import NoPrometheus, Prometheus, program, running_alertmanager, running_prometheus
from tests.redis import NoRedis

if TYPE_CHECKING:
    from collections.abc import Iterator

FASTER = 30
PATIENCE = 45  # seconds for a page whose `for:` is 4 s; machines that run tests are busy

# Rules and inhibitions have fast tests of their own (promtool, amtool): tests/contract.
pytestmark = [pytest.mark.kafka, pytest.mark.soak]


@dataclass(frozen=True)
class Watched:
    """A system that runs, whoever looks at it, and the broker to stop."""

    kafka: RealKafka
    system: Observed
    prometheus: Prometheus
    told: Told

    def is_well(self) -> bool:
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
            listening() as (told, address),
            running_alertmanager(folder, routes(address)) as alertmanager,
            observed(kafka.bootstrap, folder) as system,
            running_prometheus(folder, system.scrapes(alertmanager=alertmanager)) as prometheus,
        ):
            # Rules come after the first scrape: who is not scraped for 4 s is missing, and that has an aftermath.
            wait_for(lambda: set(prometheus.targets().values()) == {"up"}, 60, "every target is scraped")
            copy_rules(folder, lambda text: faster(text, FASTER))
            prometheus.reload()
            yield Watched(kafka, system, prometheus, told)
    except NoRedis as missing:
        if REQUIRED:
            raise
        pytest.skip(str(missing))
    finally:
        kafka.kill()


@pytest.fixture(autouse=True)
def all_is_well(watched: Watched) -> None:
    wait_for(watched.is_well, 120, "the system is as it should be")
    watched.told.forget()


def test_an_endpoint_that_does_not_answer_is_one_page_until_it_is_paused(watched: Watched) -> None:
    a_day(watched.system)
    told = watched.told
    wait_for(lambda: "LeadloopDeliveryBudgetBurn" in told.pages(), PATIENCE, "there is a page")
    wait_for(lambda: ("LeadloopCircuitOpen", "gone") in told.firing.get("tickets", ()), 60, "a ticket names it")
    watched.system.run("endpoints", "pause", "gone", "--why", "its owner mends it")
    wait_for(lambda: ("LeadloopDeliveryBudgetBurn", "") in told.over.get("pager", ()), PATIENCE, "it is over")
    assert told.pages() == {"LeadloopDeliveryBudgetBurn"}
    assert ("Watchdog", "") in told.firing["dead-mans-switch"]


def test_a_broker_that_is_gone_is_one_page_and_it_ends_when_the_broker_is_back(watched: Watched) -> None:
    watched.kafka.kill()
    wait_for(lambda: "LeadloopBrokerTrouble" in watched.told.pages(), PATIENCE, "there is a page")
    workers = [watched.system.processes[name].process for name in ("streams-1", "streams-2")]
    wait_for(lambda: all(one.poll() is not None for one in workers), 120, "they end themselves, each at its chunk")
    _look_on(watched, seconds=20)
    assert watched.told.pages() == {"LeadloopBrokerTrouble"}
    watched.kafka.start()
    for name in ("streams-1", "streams-2"):  # as their platform does
        watched.system.start_streams(name)
    over = watched.told.over
    wait_for(lambda: ("LeadloopBrokerTrouble", "") in over.get("pager", ()), 120, "it is over")
    wait_for(watched.is_well, 120, "nothing else is left of it")
    assert watched.told.pages() == {"LeadloopBrokerTrouble"}


def test_no_streams_worker_is_one_page_and_no_other_follows_from_it(watched: Watched) -> None:
    for name in ("streams-1", "streams-2"):
        watched.system.processes[name].kill()
    wait_for(lambda: "LeadloopStreamsMissing" in watched.told.pages(), PATIENCE, "there is a page")
    burns = 'ALERTS{alertname="LeadloopFreshnessBudgetBurn", severity="page", alertstate="firing"}'
    wait_for(lambda: watched.prometheus.query(burns), 60, "the budget burns as well")
    _look_on(watched, seconds=5)
    assert watched.told.pages() == {"LeadloopStreamsMissing"}


def _look_on(watched: Watched, seconds: float) -> None:
    """What might page as well has that long to do so; meanwhile somebody posts, and is told to come again."""
    until = time.monotonic() + seconds

    def is_over() -> bool:
        with suppress(HTTPError, TimeoutError):
            watched.system.post({"kind": "lead-created", "lead_id": "late", "occurred_at": "2026-03-02T09:00:00Z"})
        return time.monotonic() > until

    wait_for(is_over, seconds + 60, "it was looked at for long enough")
