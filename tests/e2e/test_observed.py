"""A real Prometheus scrapes the real processes through a scripted day: every panel and every alert has its series."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.kafka import REQUIRED, Broker
from tests.observability import alerts, expand_variables, panels, rules, series_of, without_thresholds
from tests.prometheus import NoPrometheus, Prometheus, program, running_prometheus
from tests.redis import NoRedis
from tests.running_system import (
    TRACE_ID,
    RunningSystem,
    copy_rules,
    kill_a_streams_worker,
    running_system,
    scripted_day,
)
from tests.waiting import TIMEOUT, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.kafka


@dataclass(frozen=True)
class Day:
    """The system and its metrics after the scripted day."""

    system: RunningSystem
    prometheus: Prometheus
    before: dict[str, str]  # by process: its metrics before the first event
    after: dict[str, str]


@pytest.fixture(scope="module")
def day(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    if kafka.kind == "mock":
        pytest.skip("needs a real Kafka: install java and mvn, or set KAFKA_BOOTSTRAP_SERVERS")
    folder = tmp_path_factory.mktemp("observed")
    copy_rules(folder)
    try:
        program("prometheus")
        with (
            running_system(kafka.bootstrap, folder) as system,
            running_prometheus(folder, system.scrapes()) as prometheus,
        ):
            wait_for(lambda: set(prometheus.targets().values()) == {"up"}, 60, "every target is scraped")
            before = system.metrics()
            scripted_day(system)
            after = system.metrics()
            kill_a_streams_worker(system)
            wait_for(lambda: _is_recorded(prometheus), 60, "what happened is scraped, and recorded")
            yield Day(system, prometheus, before, after)
    except (NoPrometheus, NoRedis) as missing:
        if REQUIRED:
            raise
        pytest.skip(str(missing))


def _is_recorded(prometheus: Prometheus) -> bool:
    wanted = (
        "job:leadloop_delivery_errors:ratio_rate5m",
        'ALERTS{alertname="LeadloopTargetDown"}',
        "job:leadloop_partitions_fresh:count == 2",
        "leadloop_lag_records",
    )
    return all(prometheus.query(one) for one in wanted)


def test_every_panel_has_data(day: Day) -> None:
    empty = [
        f"{panel}: {query}"
        for panel in panels()
        for query in panel.queries
        if not day.prometheus.query(expand_variables(query))
    ]
    assert not empty, "\n".join(empty)


def test_every_series_of_every_alert_exists(day: Day) -> None:
    of_series = [one for one in alerts() if series_of(one["expr"]) != {"ALERTS"}]  # one is about alerts
    asked = {one["alert"]: without_thresholds(one["expr"]) for one in of_series}
    empty = [f"{name}: {query}" for name, query in asked.items() if not day.prometheus.query(query)]
    assert not empty, "\n".join(empty)


def test_every_recording_rule_has_data(day: Day) -> None:
    empty = [
        one["record"]
        for one in rules()
        if "record" in one and not (day.prometheus.query(one["record"]) and day.prometheus.query(one["expr"]))
    ]
    assert not empty, "\n".join(empty)


def test_the_objectives_are_met_when_nothing_is_late(day: Day) -> None:
    (published,) = day.prometheus.query("job:leadloop_publish_errors:ratio_rate1h")
    assert float(published["value"][1]) == 0
    (fresh,) = day.prometheus.query("job:leadloop_partitions_fresh:count")
    assert float(fresh["value"][1]) == 2


def test_the_latency_of_a_traced_request_has_an_exemplar(day: Day) -> None:
    assert {"trace_id": TRACE_ID} in day.prometheus.exemplars("leadloop_http_request_seconds_bucket", time.time() - 600)


def test_the_templates_of_firing_alerts_are_expanded(day: Day) -> None:
    assert "Watchdog" in day.prometheus.firing()
    for one in day.prometheus.alerts():
        for text in one["annotations"].values():
            assert "<error" not in text, text  # how Prometheus marks a template that it cannot expand
            assert "{{" not in text


@pytest.mark.parametrize("process", ["streams-1", "ingest", "deliver", "project", "report"])
def test_promtool_accepts_the_metrics_of_every_process(day: Day, process: str) -> None:
    done = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=day.after[process],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("process", ["streams-1", "ingest", "deliver", "project", "report"])
def test_every_series_exists_before_its_first_event(day: Day, process: str) -> None:
    assert _series(day.after[process]) - _series(day.before[process]) == set()


def _series(text: str) -> set[str]:
    """Each series by name and labels; what is named by partition or by origin is one."""
    lines = [line.rsplit(" ", 1)[0] for line in text.splitlines() if line and not line.startswith("#")]
    return {re.sub(r'(partition|origin)="[^"]*"', r"\1", line) for line in lines}
