"""Dashboards: what is committed is what the code makes, and each panel keeps the rules of dashboard-linter."""

import re
from itertools import pairwise
from typing import Any

import promql_parser
import pytest

from deploy.grafana.generate import FOLDER, made
from deploy.grafana.page_links import BOARD_LINKS, DEFAULT, LINKS, PAGE
from tests.observability import BOARDS, Panel, nodes, panels, parsed, selectors
from workers.report.parameters import (
    EscalationParameters,
    FunnelParameters,
    LeadParameters,
    NoParameters,
    Parameters,
    RecycleParameters,
)

PANELS = panels()
JSON = {path.stem: path for path in BOARDS}
UNITS = {"none", "short", "s", "percentunit", "cps", "reqps", "bytes"}  # each is in Grafana's list of units
COUNTERS = re.compile(r"_(total|bucket|count|sum)$")
GROWTH = {"rate", "increase"}
RECORDED = re.compile(r"^job:")

every_panel = pytest.mark.parametrize("panel", PANELS, ids=str)


def _board(name: str) -> Any:
    import json  # noqa: PLC0415  only here

    return json.loads(JSON[name].read_text(encoding="utf-8"))


every_board = pytest.mark.parametrize("board", [_board(name) for name in JSON], ids=[*JSON])


def test_the_committed_dashboards_are_those_that_the_code_generates() -> None:
    wanted = made()
    assert {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")} == wanted


# -- a dashboard -----------------------------------------------------------------------------------


@every_board
def test_a_dashboard_is_read_only_and_tagged(board: Any) -> None:
    assert board["editable"] is False
    assert board["tags"] == ["leadloop"]
    assert board["uid"].startswith("leadloop-")
    assert board["schemaVersion"] >= 41
    assert board["description"]


@every_board
def test_a_dashboard_links_to_the_others_and_keeps_time_range_and_variables(board: Any) -> None:
    (link,) = board["links"]
    assert (link["type"], link["tags"], link["keepTime"], link["includeVars"]) == (
        "dashboards",
        ["leadloop"],
        True,
        True,
    )


@every_board
def test_data_source_job_and_instance_are_variables(board: Any) -> None:
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    for name in variables.keys() - {"datasource", PAGE}:
        one = variables[name]
        assert (one["multi"], one["includeAll"], one["datasource"]["uid"]) == (True, True, "${datasource}"), name
        assert one["refresh"] == 2, f"{name} is not asked for anew when the time changes"
        assert one["label"], name
    assert {"job", "instance"} <= variables.keys()


@every_board
def test_every_variable_is_used_by_a_panel(board: Any) -> None:
    queries = str([panel.get("targets") for panel in board["panels"]])
    links = str(_page_links(board))
    for one in board["templating"]["list"]:
        assert f"${one['name']}" in queries or f"${{{one['name']}}}" in links or one["name"] == "datasource"


def _page_links(board: Any) -> dict[str, list[str]]:
    """The addresses that the values of each panel link to, by its title."""
    linked = {
        panel["title"]: panel.get("fieldConfig", {}).get("defaults", {}).get("links") for panel in board["panels"]
    }
    found = {
        title: [one["url"] for one in links if one["url"].startswith("${page}")]
        for title, links in linked.items()
        if links
    }
    return {title: urls for title, urls in found.items() if urls}


def test_values_link_to_a_view_of_the_page_with_filters_that_exist() -> None:
    found = {title: urls for name in JSON for title, urls in _page_links(_board(name)).items()}
    assert found.keys() == LINKS.keys()
    known: dict[str, type[Parameters]] = {
        "/leads": LeadParameters,
        "/funnel": FunnelParameters,
        "/recycling": RecycleParameters,
        "/promises": EscalationParameters,
        "/delivery": NoParameters,
    }
    for (url,) in found.values():
        assert url.startswith("${page}/")
        path, _, query = url.removeprefix("${page}").partition("?")
        names = {field.alias or name for name, field in known[path].model_fields.items()}
        assert {one.split("=")[0] for one in query.split("&") if one} <= names
        labels = re.findall(r"\$\{__(?:field\.labels|data\.fields)\.(\w+):percentencode\}", url)
        assert query.count("${") == len(labels), "a label has to be encoded in an address"


def test_a_link_names_a_label_that_the_values_of_its_panel_have() -> None:
    for panel in PANELS:
        label = re.search(r"\$\{__(?:field\.labels|data\.fields)\.(\w+)", LINKS.get(panel.title, ""))
        assert label is None or re.search(rf"by ?\([^)]*\b{label[1]}\b", str(panel.queries)), panel.title


def test_a_value_of_an_endpoint_links_to_the_dashboard_of_only_this_endpoint() -> None:
    found = {
        panel.title: [one["url"] for one in panel.json["fieldConfig"]["defaults"].get("links") or ()]
        for panel in PANELS
    }
    linked = {title for title, urls in found.items() if any("var-endpoint=" in url for url in urls)}
    assert linked == BOARD_LINKS.keys()
    variables = {one["name"] for one in _board("delivery")["templating"]["list"]}
    assert "endpoint" in variables
    assert all(re.search(r"by \([^)]*\bendpoint\b", str(one.queries)) for one in PANELS if one.title in linked)


@every_board
def test_every_dashboard_shows_changes_of_policies_pauses_and_starts_of_processes(board: Any) -> None:
    found = {one["name"]: one for one in board["annotations"]["list"] if one.get("expr")}
    assert found.keys() == {"Policy adopted", "Policy rejected", "Endpoint paused or disabled", "Process started"}
    for one in found.values():
        parsed(one["expr"])
        assert one["datasource"]["uid"] == "${datasource}"


def test_nothing_is_claimed_to_be_caused() -> None:
    words = [str(panel.json["description"]) for panel in PANELS]
    assert [
        one for one in words if re.search(r"would (have|be|not)|because of leadloop|saved|rescued", one, re.IGNORECASE)
    ] == []


@every_board
def test_a_board_with_links_to_the_page_lets_its_address_be_set(board: Any) -> None:
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert (PAGE in variables) == bool(_page_links(board))
    if PAGE in variables:
        assert (variables[PAGE]["type"], variables[PAGE]["query"]) == ("textbox", DEFAULT)


@every_board
def test_panels_do_not_overlap(board: Any) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not taken & cells, panel["title"]
        taken |= cells


@every_board
def test_panels_are_in_rows_and_have_unique_ids(board: Any) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    kinds = [panel["type"] for panel in board["panels"]]
    assert kinds[0] == "row"
    assert ("row", "row") not in pairwise(kinds)
    assert kinds[-1] != "row"


# -- a panel ---------------------------------------------------------------------------------------


def test_no_two_panels_of_a_dashboard_have_the_same_title() -> None:
    titles = [str(panel) for panel in PANELS]
    assert {title for title in titles if titles.count(title) > 1} == set()


@every_panel
def test_every_panel_has_a_description(panel: Panel) -> None:
    assert panel.title
    words = panel.json["description"]
    assert len(words) >= 20, words
    assert words[0].isupper() or words[0].isdigit() or words.startswith(("never_", "no_op")), words
    assert words.endswith("."), words


@every_panel
def test_a_panel_has_a_unit_of_grafana_and_the_selected_data_source(panel: Panel) -> None:
    assert panel.json["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel.json["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@every_panel
def test_a_ratio_without_data_is_shown_as_text_in_a_neutral_colour(panel: Panel) -> None:
    (mapping,) = panel.json["fieldConfig"]["defaults"]["mappings"]
    assert (mapping["type"], mapping["options"]["match"]) == ("special", "null+nan")
    assert mapping["options"]["result"]["color"] == "text"


@every_panel
def test_thresholds_are_ascending(panel: Panel) -> None:
    steps = panel.json["fieldConfig"]["defaults"]["thresholds"]["steps"]
    values = [step["value"] for step in steps]
    assert values[0] is None
    assert values[1:] == sorted(values[1:])


@every_panel
def test_every_query_of_a_panel_is_valid_promql(panel: Panel) -> None:
    assert panel.queries
    for query in panel.queries:
        parsed(query)


@every_panel
def test_every_query_filters_by_the_selected_jobs_and_instances(panel: Panel) -> None:
    for query in panel.queries:
        for selector in selectors(query):
            matched = {one.name: one.value for one in selector.matchers.matchers}
            if selector.name == "ALERTS":
                continue
            assert "job" in matched, selector
            assert "instance" in matched or RECORDED.match(selector.name or ""), selector


@every_panel
def test_counters_are_shown_as_rates_over_the_rate_interval_or_the_time_range(panel: Panel) -> None:
    for query in panel.queries:
        calls = [node for node in nodes(query) if isinstance(node, promql_parser.Call)]
        grown = {str(selector.vector_selector) for call in calls if call.func.name in GROWTH for selector in call.args}
        for selector in selectors(query):
            if COUNTERS.search(selector.name or "") and not RECORDED.match(selector.name or ""):
                assert str(selector) in grown, f"{selector} is a counter, and is shown as it is"
        assert set(re.findall(r"\brate\([^)]*\[([^]]+)\]", query)) <= {"$__rate_interval", "$__range"}


@every_panel
def test_rates_of_counters_are_summed_over_processes(panel: Panel) -> None:
    for query in panel.queries:
        for node in nodes(query):
            if isinstance(node, promql_parser.AggregateExpr):
                inner = str(node.expr)
                assert not inner.startswith(("rate(", "increase(")) or str(node.op) == "sum", query


def test_the_loop_dashboard_can_be_filtered_by_origin() -> None:
    variables = {one["name"] for one in _board("loop")["templating"]["list"]}
    assert "origin" in variables
    asked = [panel for panel in PANELS if panel.board == "loop" and "$origin" in str(panel.queries)]
    assert len(asked) > 10
