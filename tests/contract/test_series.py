"""Series: what dashboards and rules name exists, and what processes export is looked at and documented."""

import re

import pytest

from tests.observability import (
    OF_PROMETHEUS,
    PROCESSES,
    ROOT,
    exported,
    of_python,
    panels,
    rules,
    samples_of,
    series_of,
)

DOCUMENT = ROOT / "docs/metrics.md"
RECORDED = {rule["record"] for rule in rules() if "record" in rule}
EXPORTED = {name: kind for process in PROCESSES for name, kind in exported(process).items()}
ASKED = {name for panel in panels() for query in panel.queries for name in series_of(query)}
RULED = {name for rule in rules() for name in series_of(rule["expr"])}


def test_every_series_that_a_panel_or_a_rule_names_exists() -> None:
    there = samples_of(EXPORTED) | of_python() | RECORDED | OF_PROMETHEUS
    assert (ASKED | RULED) - there == set()


def test_every_exported_series_is_used_by_a_panel_or_a_rule() -> None:
    unused = {name for name, kind in EXPORTED.items() if not samples_of({name: kind}) & (ASKED | RULED)}
    assert unused == set()


def test_every_recording_rule_is_used() -> None:
    assert set() == RECORDED - (ASKED | RULED)


@pytest.mark.parametrize("process", PROCESSES)
def test_exactly_the_series_of_each_process_are_documented(process: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {process}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    documented = set(re.findall(r"^\| `(leadloop_\w+)`", section, re.MULTILINE))
    own = {name for name in exported(process) if not name.startswith("leadloop_http_")}
    assert documented == samples_of_one(own)


def samples_of_one(families: set[str]) -> set[str]:
    """As a reader types them: a counter with its `_total`, a histogram by its family."""
    return {
        f"{name}_total" if EXPORTED[name] == "counter" else f"{name}_info" if EXPORTED[name] == "info" else name
        for name in families
    }


def test_the_series_of_all_http_servers_are_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    shared = samples_of_one({name for name in EXPORTED if name.startswith("leadloop_http_")})
    assert shared
    assert {name for name in shared if f"`{name}`" not in text} == set()
