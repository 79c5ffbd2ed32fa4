"""deploy/prometheus, deploy/alertmanager and deploy/grafana, as far as a file can be wrong."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.contract.deploy.compose_file import ROOT, ours, services
from tests.kafka import REQUIRED
from tests.prometheus import NoPrometheus, program
from tests.waiting import TIMEOUT

if TYPE_CHECKING:
    from pathlib import Path

PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana" / "provisioning"
PORTS = {"ingest": 8010, "report": 8020}


def read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def checked_by(tool: str, *arguments: str) -> None:
    try:
        found = program(tool)
    except NoPrometheus as missing:
        if REQUIRED:
            raise
        pytest.skip(str(missing))
    done = subprocess.run([found, *arguments], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_configuration() -> None:
    checked_by("promtool", "check", "config", str(PROMETHEUS / "prometheus.yml"))


def test_amtool_accepts_the_configuration() -> None:
    checked_by("amtool", "check-config", str(ROOT / "deploy" / "alertmanager" / "alertmanager.yml"))


def test_every_process_of_compose_is_scraped_under_its_own_job() -> None:
    targets = {
        (job["job_name"], target)
        for job in read(PROMETHEUS / "prometheus.yml")["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
        if job["job_name"] not in ("prometheus", "alertmanager")
    }
    processes = {name: one["command"][0] for name, one in ours().items() if name not in ("topics", "schemas")}
    assert targets == {(job, f"{name}:{PORTS.get(job, 8001)}") for name, job in processes.items()}


def test_prometheus_is_configured_with_the_rules_and_the_alertmanager() -> None:
    document = read(PROMETHEUS / "prometheus.yml")
    assert document["rule_files"] == ["rules/*.yml"]
    (target,) = document["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert target.partition(":")[0] in services()


def test_grafana_is_provisioned_with_prometheus_and_the_dashboards() -> None:
    (source,) = read(GRAFANA / "datasources" / "prometheus.yml")["datasources"]
    assert source["url"].removeprefix("http://").partition(":")[0] in services()
    assert source["jsonData"]["timeInterval"] == read(PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
    (provider,) = read(GRAFANA / "dashboards" / "leadloop.yml")["providers"]
    mounts = [mount.split(":")[1] for mount in services()["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounts
