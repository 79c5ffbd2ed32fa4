"""Every main number of the page and of `/v1` is what an own count of the topics gives."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.component.page.counted import CountedTopics
from tests.component.page.counted_tables import MONEY, STEPS, countable, expected
from tests.component.page.served_page import Visitor
from tests.component.page.shown_tables import shown_tables
from tests.component.projection.harness import KEY, Process
from tests.world import World
from workers.report.page.phrases import reason_name

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def counted(world: World) -> CountedTopics:
    return CountedTopics(world)


@pytest.fixture(scope="module")
def reader(report: Process) -> Iterator[Visitor]:
    reader = Visitor(report.address()).signed_in(KEY)
    yield reader
    reader.close()


def _said(report: Process, path: str) -> Any:
    status, body = report.get(path, KEY)
    assert status == 200
    return json.loads(body)


@pytest.mark.parametrize(
    ("path", "caption", "names"),
    [
        ("/sources", "Origins", {"Leads", "Contacted", "Moved", "Won", "Never contacted", *MONEY}),
        ("/funnel", "Leads by origin", {"Leads", "Contacted", "Moved", "Went cold", "Handed back", "Won", "Lost"}),
        ("/promises", "Promises kept and broken, by owner", {"Leads", "All promises kept", "One broken"}),
    ],
)
def test_a_view_says_of_each_source_and_owner_what_the_topics_say(
    reader: Visitor, counted: CountedTopics, path: str, caption: str, names: set[str]
) -> None:
    shown = countable(shown_tables(reader.get(path).text)[caption])
    assert names <= set(shown["All"])
    assert shown == expected(counted.by_owner() if "owner" in caption else counted.by_origin(), shown)


@pytest.mark.parametrize(
    ("path", "caption"), [("/recycling", "Handed back, by reason"), ("/promises", "Leads that went cold, by reason")]
)
def test_reasons_are_those_of_the_topics(reader: Visitor, counted: CountedTopics, path: str, caption: str) -> None:
    shown = shown_tables(reader.get(path).text)[caption]
    cold, back = ("Went cold" if path == "/recycling" else "Leads"), "Handed back"
    assert {reason: (row[cold], row[back]) for reason, row in shown.items()} == {
        reason_name(reason): (row["stalled"], row["recycled"]) for reason, row in counted.by_reason().items()
    }


def test_recycles_are_those_of_the_topic(reader: Visitor, report: Process, counted: CountedTopics) -> None:
    tables, states = shown_tables(reader.get("/recycling").text), counted.states()
    times = [row["Times"] for row in tables["Recycles by state"].values()]
    assert times == [states[name] for name in ("standing", "requalified", "revoked")]
    assert all(times)
    every, standing = counted.tracks()
    assert {name: row["Times"] for name, row in tables["Handed back, by track"].items()} == every
    assert {name: row["With marketing now"] for name, row in tables["Handed back, by track"].items()} == standing
    assert _said(report, "/v1/overview")["recycles"] == states
    assert {one["track"]: one["standing"] for one in _said(report, "/v1/tracks")["tracks"]} == standing


def test_today_has_each_lead_where_the_topics_have_it(reader: Visitor, report: Process, counted: CountedTopics) -> None:
    rows = shown_tables(reader.get("/").text)["Where every lead stands"]
    newest = dict(sorted(counted.passes.items()))
    last = {lead_id: one for (lead_id, _), one in newest.items()}
    expected = {
        "All leads": len(last),
        "Won": sum("won" in one.happened for one in last.values()),
        "Nurture: handed back to marketing": counted.states()["standing"],
    }
    assert {name: rows[name]["Leads"] for name in expected} == expected
    overview = _said(report, "/v1/overview")
    assert (overview["leads"], overview["stages"]["won"]) == (expected["All leads"], expected["Won"])


def test_the_funnel_of_the_api_is_that_of_the_topics(report: Process, counted: CountedTopics) -> None:
    rows = {one["value"]: one for one in _said(report, "/v1/funnel?by=origin&pass=1")["rows"]}
    steps = [step for step in STEPS.values() if step != "untouched"]
    assert {value: ([row[step] for step in steps], row["won_money"]) for value, row in rows.items()} == {
        value: ([row[step] for step in steps], {one: row[one] for one in MONEY.values() if row[one]})
        for value, row in counted.by_origin().items()
    }
