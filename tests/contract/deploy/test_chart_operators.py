"""The chart's objects for operators: monitoring by Prometheus' operator, scaling by KEDA."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.contract.deploy.rendered_chart import (
    ALL,
    CHART,
    PROCESSES,
    changed,
    manifests,
    of_kind,
    render,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def test_keda_scales_deliver_only_by_the_lag_of_recycles_and_of_escalations() -> None:
    (scaled,) = of_kind(ALL, "ScaledObject")
    target = scaled["spec"]["scaleTargetRef"]["name"]
    (deliver,) = [one for one in of_kind(ALL, "Deployment") if one["metadata"]["name"] == target]
    assert "replicas" not in deliver["spec"]
    assert scaled["spec"]["minReplicaCount"] >= 1
    triggers = scaled["spec"]["triggers"]
    assert [one["metadata"]["topic"] for one in triggers] == ["sales.lead-recycled", "sales.lead-escalated"]
    assert {one["metadata"]["consumerGroup"] for one in triggers} == {"sales.leadloop-deliver"}
    assert {one["authenticationRef"]["name"] for one in triggers} == {"leadloop-kafka"}


def test_the_service_monitor_selects_every_service_and_its_job_is_the_process() -> None:
    (monitor,) = of_kind(ALL, "ServiceMonitor")
    ports = {one["port"] for one in monitor["spec"]["endpoints"]}
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    jobs = set()
    for service in of_kind(ALL, "Service"):
        assert wanted <= service["metadata"]["labels"].items()
        assert {one["name"] for one in service["spec"]["ports"]} <= ports
        jobs.add(service["metadata"]["labels"][monitor["spec"]["jobLabel"]])
    assert jobs == set(PROCESSES)


def test_rules_and_dashboards_are_complete_and_unchanged() -> None:
    rules, boards = sorted((CHART / "files" / "rules").glob("*.yml")), (CHART / "files" / "dashboards").glob("*.json")
    groups = [yaml.safe_load(_with_addresses(path.read_text(encoding="utf-8"))) for path in rules]
    assert [one["spec"] for one in of_kind(ALL, "PrometheusRule")] == groups
    shown = [one["data"] for one in of_kind(ALL, "ConfigMap") if "grafana_dashboard" in one["metadata"]["labels"]]
    assert sorted(name for one in shown for name in one) == sorted(path.name for path in boards)
    assert all(json.loads(text) for one in shown for text in one.values())


def _with_addresses(text: str) -> str:
    """The rules with the addresses in the example's values."""
    text = text.replace("{{ $externalLabels.leadloop_docs }}", "https://docs.example.org/leadloop/")
    return text.replace("{{ $externalLabels.leadloop_grafana }}", "https://grafana.example.org")


@pytest.mark.parametrize("process", PROCESSES)
def test_a_disabled_process_has_no_alerts(process: str) -> None:
    without = changed(ALL, f"{process}.enabled", value=False)
    assert alerts_by(manifests(ALL)) - alerts_by(render(without)) == {process}
    assert alerts_by(render(without)) >= {*PROCESSES, ""} - {process}


def alerts_by(objects: Iterable[dict[str, Any]]) -> set[str]:
    """The processes that alerts are about."""
    groups = [group for one in objects if one["kind"] == "PrometheusRule" for group in one["spec"]["groups"]]
    assert all(group["rules"] for group in groups)
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    return {rule["labels"].get("process", "") for rule in alerts}
