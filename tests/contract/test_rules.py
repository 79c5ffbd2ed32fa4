"""Rules and alerts: Prometheus' own tools find nothing wrong, each alert is tested, and each leads to its runbook."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kafka import REQUIRED
from tests.observability import BOARDS, PROCESSES, ROOT, RULE_TESTS, RULES, alerts, parsed, rules, sections
from tests.prometheus import NoPrometheus, program
from tests.waiting import TIMEOUT

RUNBOOKS = ROOT / "docs/runbooks.md"
ALERTMANAGER = ROOT / "deploy/alertmanager/alertmanager.yml"
NAMES = {alert["alert"] for alert in alerts()}
DOCS, GRAFANA = "{{ $externalLabels.leadloop_docs }}", "{{ $externalLabels.leadloop_grafana }}"
SUBSECTIONS = ("**What it means.**", "**How to see.**", "**What to do.**", "**How to know it is over.**")

every_alert = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])


def checked(tool: str, *arguments: str, folder: Path = ROOT) -> str:
    """Run one of Prometheus' tools; fails with what it says."""
    try:
        path = program(tool)
    except NoPrometheus as missing:
        if REQUIRED:
            raise
        pytest.skip(str(missing))
    done = subprocess.run([path, *arguments], capture_output=True, text=True, cwd=folder, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_accepts_the_rules() -> None:
    checked("promtool", "check", "rules", "--lint=all", "--lint-fatal", *map(str, RULES))


def test_promtool_accepts_the_example_configuration() -> None:
    checked("promtool", "check", "config", "deploy/prometheus/prometheus.yml")


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_at_the_right_time_and_not_earlier(path: Path) -> None:
    checked("promtool", "test", "rules", str(path))


def test_amtool_accepts_the_routes() -> None:
    checked("amtool", "check-config", str(ALERTMANAGER))


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "Watchdog", "severity": "none"}, "dead-mans-switch"),
        ({"alertname": "LeadloopStreamsMissing", "severity": "page"}, "pager"),
        ({"alertname": "LeadloopCircuitOpen", "severity": "ticket"}, "tickets"),
    ],
)
def test_an_alert_is_routed_by_its_severity(labels: dict[str, str], receiver: str) -> None:
    matchers = [f"{name}={value}" for name, value in labels.items()]
    checked(
        "amtool",
        "config",
        "routes",
        "test",
        f"--config.file={ALERTMANAGER}",
        f"--verify.receivers={receiver}",
        *matchers,
    )


@every_alert
def test_every_alert_has_a_severity_and_a_description(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket", "none"}
    annotations = alert["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert annotations["summary"].endswith(".")
    assert annotations["description"].endswith(".")
    assert re.search(r"\d|\$value|always", annotations["description"]), "a description has numbers"


@every_alert
def test_every_alert_has_a_process_label_for_inhibition(alert: dict[str, Any]) -> None:
    if alert["alert"] != "Watchdog":
        assert alert["labels"]["process"] in {*PROCESSES, "kafka", "{{ $labels.job }}"}


@every_alert
def test_every_alert_links_to_the_runbook_section_of_its_name(alert: dict[str, Any]) -> None:
    url = alert["annotations"]["runbook_url"]
    assert url.startswith(DOCS), "an address is set in one place, see deploy/prometheus/prometheus.yml"
    path, _, section = url.removeprefix(DOCS).partition("#")
    assert section == alert["alert"].lower()
    assert section in sections(ROOT / path)


@every_alert
def test_every_alert_links_to_a_dashboard_that_exists_and_to_its_endpoint_if_it_has_one(alert: dict[str, Any]) -> None:
    url = alert["annotations"]["dashboard_url"]
    assert url.startswith(GRAFANA + "/d/leadloop-")
    board, _, variables = url.removeprefix(GRAFANA + "/d/leadloop-").partition("?")
    assert board in {path.stem for path in BOARDS}
    assert ("$labels.endpoint" in alert["annotations"]["summary"]) == bool(variables)
    assert variables in ("", "var-endpoint={{ $labels.endpoint }}")


def test_every_runbook_section_is_of_an_alert_and_has_all_four_parts() -> None:
    text = RUNBOOKS.read_text(encoding="utf-8")
    found = re.split(r"^### (\w+)$", text, flags=re.MULTILINE)[1:]
    parts = dict(zip(found[::2], found[1::2], strict=True))
    assert set(parts) == NAMES
    for name, section in parts.items():
        assert [word for word in SUBSECTIONS if word not in section] == [], name


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fires: set[str] = set()
    rests: set[str] = set()
    for path in RULE_TESTS:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for one in group.get("alert_rule_test", ()):
                (fires if one["exp_alerts"] else rests).add(one["alertname"])
            for one in group["promql_expr_test"]:
                (fires if one["exp_samples"] else rests).update(_alerts_of(one["expr"], group))
    assert NAMES - fires == set()
    assert NAMES - rests - {"Watchdog"} == set()


def _alerts_of(query: str, group: dict[str, Any]) -> set[str]:
    """The alerts whose state a query asks for: by name, by pattern, or all that the group has series for."""
    if "ALERTS" not in query:
        return set()
    if found := re.search(r'alertname(=~?)"([^"]+)"', query):
        return {name for name in NAMES if re.fullmatch(found[2], name)}
    given = {re.split(r"[{ ]", one["series"])[0] for one in group["input_series"]}
    return {alert["alert"] for alert in alerts() if given & set(re.findall(r"[a-z_]+", alert["expr"]))}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_rule_is_promql_and_recording_rules_aggregate_without_by(rule: dict[str, Any]) -> None:
    parsed(rule["expr"])
    if "record" in rule:
        assert re.fullmatch(r"job:leadloop_[a-z_]+:[a-z]+(_[a-z]+)?(\d+\w)?", rule["record"]), rule["record"]
        assert not re.search(r"\b(sum|max|min|count) by\b", rule["expr"])
