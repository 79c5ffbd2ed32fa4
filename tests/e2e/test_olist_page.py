"""The page with the leads of Olist, as a reader sees it in a real Chromium; its numbers are those of the topics.

8,000 leads from eleven origins and 495 landing pages, without owners, contacts or amounts (LEADLOOP_OLIST names the
folder; the files are not part of the project): a history whose figures nobody arranged.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext

from tests.chromium import running_chromium
from tests.component.page.counted import CountedTopics
from tests.component.page.counted_tables import STEPS, countable, expected
from tests.component.page.served_page import Visitor, projected, reported
from tests.component.page.shown_tables import shown_tables
from tests.component.page.watched import SCHEMES, Scheme, Watched
from tests.component.projection.harness import KEY, Process
from tests.e2e import test_olist
from tests.e2e.test_olist import DEALS, LEADS, Case, Loading
from tests.kafka import Broker
from tests.world import World
from workers.report.page.frame import VIEWS
from workers.report.page.phrases import reason_name

PATHS = [
    *(path for path, _ in VIEWS),
    *("/leads?stage=won&cols=stage&cols=origin&cols=campaign&cols=touches", "/leads?origin=unknown&sort=-created"),
    *("/leads?step=created&without=touched&pass=1&origin=paid_search", "/funnel?by=campaign", "/funnel?cohorts=week"),
    *("/recycling?state=standing", "/sources?order=name"),
]

pytestmark = [*test_olist.pytestmark, pytest.mark.soak]


@pytest.fixture(scope="module")
def world(real_kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World.on_real(real_kafka.bootstrap, tmp_path_factory.mktemp("olist"), partitions=2)
    loading = Loading(world, Case("after"), test_olist.policy(world.folder, 30))
    loading.load(LEADS, DEALS)
    loading.start()
    world.settle(600)
    yield world
    world.close()


@pytest.fixture(scope="module")
def report(world: World, redis_url: str) -> Iterator[Process]:
    app_id = f"olist{uuid4().hex[:8]}"
    with projected(world, redis_url, app_id, 600), reported(world, redis_url, app_id) as report:
        yield report


@pytest.fixture(scope="module")
def counted(world: World) -> CountedTopics:
    return CountedTopics(world)


@pytest.fixture(scope="module")
def reader(report: Process) -> Iterator[Visitor]:
    reader = Visitor(report.address()).signed_in(KEY)
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def signed_in(report: Process) -> Iterator[BrowserContext]:
    with running_chromium() as browser:
        context = browser.new_context(base_url=report.address(), timezone_id="America/Sao_Paulo")
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Read key").fill(KEY)
        page.get_by_role("button", name="Sign in").click()
        page.locator('[data-figure="leads"]').wait_for()
        page.close()
        yield context
        context.close()


def _said(report: Process, path: str) -> Any:
    status, body = report.get(path, KEY)
    assert status == 200
    return json.loads(body)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_browser_complains_about_no_view(signed_in: BrowserContext, report: Process, scheme: Scheme) -> None:
    watched = Watched(signed_in, report.address())
    lead = _said(report, "/v1/leads?stage=won&limit=1")["leads"][0]["lead_id"]
    for path in [*PATHS, f"/lead?id={lead}"]:
        watched.look_at(path, scheme)
    assert watched.complaints == []
    watched.page.close()


@pytest.mark.parametrize(("path", "caption"), [("/sources", "Origins"), ("/funnel", "Leads by origin")])
def test_a_view_says_of_each_origin_what_the_topics_say(
    reader: Visitor, counted: CountedTopics, path: str, caption: str
) -> None:
    shown = countable(shown_tables(reader.get(path).text)[caption])
    assert (shown["All"]["Leads"], shown["All"]["Won"]) == (8000, 842)
    assert shown == expected(counted.by_origin(), shown)


def test_reasons_and_recycles_are_those_of_the_topics(reader: Visitor, counted: CountedTopics) -> None:
    tables, states = shown_tables(reader.get("/recycling").text), counted.states()
    assert {
        reason: (row["Went cold"], row["Handed back"]) for reason, row in tables["Handed back, by reason"].items()
    } == {reason_name(reason): (row["stalled"], row["recycled"]) for reason, row in counted.by_reason().items()}
    assert [row["Times"] for row in tables["Recycles by state"].values()] == [
        states[name] for name in ("standing", "requalified", "revoked")
    ]
    every, standing = counted.tracks()
    by_track = tables["Handed back, by track"]
    assert {name: (row["Times"], row["With marketing now"]) for name, row in by_track.items()} == {
        name: (every[name], standing[name]) for name in every
    }


def test_295_leads_were_won_after_they_had_been_handed_back(reader: Visitor, counted: CountedTopics) -> None:
    (row,) = shown_tables(reader.get("/recycling").text)["Handed back, by reason"].values()
    (said,) = counted.by_reason().values()
    assert (row["Handed back"], row["Won after that"]) == (said["recycled"], said["won_after"]) == (7453, 295)


def test_today_has_each_lead_where_the_topics_have_it(reader: Visitor, report: Process, counted: CountedTopics) -> None:
    rows, overview = shown_tables(reader.get("/").text)["Where every lead stands"], _said(report, "/v1/overview")
    won = sum("won" in one.happened for one in counted.passes.values())
    shown = {"All leads": 8000, "Won": won, "Nurture: handed back to marketing": counted.states()["standing"]}
    assert {name: rows[name]["Leads"] for name in shown} == shown
    stages = {stage: count for stage, count in overview["stages"].items() if count}
    assert (overview["leads"], overview["recycles"]) == (8000, counted.states())
    assert stages == {"nurture": 8000 - won, "won": won}


def test_all_landing_pages_are_counted_whatever_page_of_the_list_they_are_on(
    report: Process, counted: CountedTopics
) -> None:
    rows, address, following = [], "/v1/funnel?by=campaign&pass=1&limit=100", ""
    while following is not None:
        page = _said(report, f"{address}{following and f'&cursor={following}'}")
        rows += page["rows"]
        following = page["next"]
    steps = [step for step in STEPS.values() if step != "untouched"]
    by_campaign = counted.by_campaign()
    assert len(rows) == len(by_campaign) == 495
    assert {one["value"]: Counter({step: one[step] for step in steps}) for one in rows} == {
        value: Counter({step: row[step] for step in steps}) for value, row in by_campaign.items()
    }


def test_the_list_behind_a_number_has_as_many_leads(reader: Visitor, counted: CountedTopics) -> None:
    """Those that sales never called, by source: all of them, because nobody ever called."""
    for origin, row in counted.by_origin().items():
        text = reader.get(f"/v1/leads.csv?step=created&without=touched&pass=1&origin={origin}").text
        assert len(text.splitlines()) - 1 == row["untouched"] == row["created"], origin
