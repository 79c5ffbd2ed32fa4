"""Who is not paged: a real Alertmanager with the example's rules says which alerts it keeps to itself, and for what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest
import yaml

from tests.kafka import REQUIRED
from tests.observability import ROOT
from tests.prometheus import NoPrometheus, program, running_alertmanager
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

Labels = dict[str, str]

EXAMPLE = ROOT / "deploy/alertmanager/alertmanager.yml"
LATE = {"alertname": "LeadloopDeliveryBudgetBurn", "process": "deliver", "severity": "page"}
STALE = {"alertname": "LeadloopFreshnessBudgetBurn", "process": "streams", "severity": "page"}
TICKET = LATE | {"severity": "ticket"}
NO_BROKER = {"alertname": "LeadloopBrokerTrouble", "process": "kafka", "severity": "page"}
NO_STREAMS = {"alertname": "LeadloopStreamsMissing", "process": "streams", "severity": "page"}
NO_DELIVER = {"alertname": "LeadloopDeliverMissing", "process": "deliver", "severity": "page"}
STARTING_OVER = {"alertname": "LeadloopRestarting", "process": "deliver", "severity": "page"}
CIRCUIT = {"alertname": "LeadloopCircuitOpen", "process": "deliver", "severity": "ticket", "endpoint": "gone"}

FLOOD = {"alertname": "LeadloopDeadLettersFlood", "process": "streams", "severity": "page"}
GROWING = {"alertname": "LeadloopDeadLettersGrowing", "process": "streams", "severity": "ticket", "reason": "no_time"}
WEBHOOKS = {"alertname": "LeadloopWebhookDeadLetters", "process": "ingest"}


def after(cause: Labels) -> Labels:
    """What fires for a while when a cause is over."""
    named = {"alertname": "LeadloopAftermath", "severity": "none"}
    of = "streams" if cause is NO_BROKER else cause["process"]
    return named | {"cause": cause["alertname"], "process": of}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    configuration = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    for rule in configuration["inhibit_rules"]:
        rule["equal"] = [*rule.get("equal", ()), "test"]  # each test is a world of its own
    try:
        program("alertmanager")
    except NoPrometheus as missing:
        if REQUIRED:
            raise
        pytest.skip(str(missing))
    with running_alertmanager(tmp_path_factory.mktemp("inhibition"), yaml.safe_dump(configuration)) as found:
        yield found


@pytest.mark.parametrize(
    ("cause", "is_inhibited", "is_notified"),
    [
        (NO_BROKER, [LATE, STALE], [CIRCUIT]),
        (after(NO_BROKER), [LATE, STALE], [CIRCUIT]),
        (after(NO_BROKER), [STALE], [TICKET]),
        (NO_DELIVER, [LATE, TICKET, CIRCUIT], [STALE]),
        (after(NO_DELIVER), [LATE], [STALE, CIRCUIT]),
        (NO_STREAMS, [STALE], [LATE]),
        (after(NO_STREAMS), [STALE], [LATE]),
        (STARTING_OVER, [LATE], [STALE, CIRCUIT]),
        (LATE, [TICKET], [CIRCUIT, STALE]),
        (FLOOD, [GROWING], [CIRCUIT, STALE]),
        (WEBHOOKS | {"severity": "page"}, [WEBHOOKS | {"severity": "ticket", "system": "crm"}], [GROWING]),
    ],
    ids=lambda given: f"{given['alertname']}-{given.get('cause', '')}" if isinstance(given, dict) else "",
)
def test_an_alert_is_inhibited_by_the_alert_of_its_cause(
    address: str, request: pytest.FixtureRequest, cause: Labels, is_inhibited: list[Labels], is_notified: list[Labels]
) -> None:
    world = {"test": request.node.name}
    _fire(address, [one | world for one in (cause, *is_inhibited, *is_notified)])
    wanted = sorted(_text_of(one) for one in is_inhibited)
    wait_for(lambda: _kept_back(address, request.node.name) == wanted, 20, f"{wanted} are kept back, and no other")


def _fire(address: str, alerts: list[Labels]) -> None:
    body = json.dumps([{"labels": labels} for labels in alerts]).encode()
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"http://{address}/api/v2/alerts", body, headers), timeout=20):
        pass


def _kept_back(address: str, world: str) -> list[str]:
    with urlopen(f"http://{address}/api/v2/alerts", timeout=20) as answer:
        alerts = [one for one in json.load(answer) if one["labels"]["test"] == world]
    return sorted(_text_of(one["labels"]) for one in alerts if one["status"]["inhibitedBy"])


def _text_of(labels: Labels) -> str:
    return f"{labels['severity']} {labels['alertname']}"
