"""The views: each number equals the list behind it and the API, and no text of another system becomes markup."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from schemas.events import (
    AnyRecord,
    DealClosed,
    DeliveryResult,
    LeadContacted,
    LeadCreated,
    LeadEscalated,
    LeadRecycled,
    LeadSnapshot,
    LeadStalled,
    LeadUpdated,
)
from schemas.topics import TOPIC_OF
from tests.builders import T0
from tests.projected import POLICY, LogOf, append
from tests.unit.report.api_client import Client, every, project
from tests.unit.report.browser import Browser, numbers_with_links, tags, words
from workers.http.auth import KeyRing
from workers.read_model.generation import PartitionId
from workers.report.api_models import FunnelStep
from workers.report.page.frame import VIEWS
from workers.report.page.lead_filters import step_name
from workers.report.policy_in_use import PolicyInUse

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
LISTS = {"/promises": ("/v1/escalations", "escalations"), "/recycling": ("/v1/recycles", "recycles")}
ALLOWED_BYTES = 100_000
FIRST_DAY_OF_THE_LOG = datetime.fromtimestamp(T0 / 1000, UTC).date()
DAY_OF_THE_LOG = FIRST_DAY_OF_THE_LOG + timedelta(days=160)
UPSTREAM = (
    *("origin", "campaign_id", "segment", "owner_id", "account_id", "note", "reason", "track", "cause"),
    *("endpoint", "detail", "stall_reason", "due_reason", "currency", "source"),
)
"""The fields of records that other systems control."""


class KnownPolicy(PolicyInUse):
    """A policy without a file."""

    def __init__(self) -> None:
        super().__init__(None)
        self._policy = POLICY


@pytest.fixture
def reader(redis_url: str, app_id: str, keys: KeyRing) -> Iterator[Browser]:
    browser = Browser(redis_url, app_id, keys, KnownPolicy(), crm_link="https://crm.test/{lead_id}")
    browser.sign_in()
    yield browser
    browser.close()


@pytest.mark.usefixtures("log")
def test_each_view_answers_its_question_in_a_small_page(reader: Browser) -> None:
    for path, _ in VIEWS:
        answer = reader.get(path)
        assert answer.status_code == 200, words(answer.text)
        assert len(answer.content) < ALLOWED_BYTES
        names = [tag for tag, _ in tags(answer.text)]
        assert (names.count("h1"), names.count("main")) == (1, 1)
        assert "As of" in words(answer.text)


@pytest.mark.usefixtures("log")
def test_no_page_has_inline_styles_or_scripts_or_needs_another_site(reader: Browser) -> None:
    for path in [*(path for path, _ in VIEWS), "/lead?id=lead-1", "/sign-in"]:
        for tag, attributes in tags(reader.get(path).text):
            assert not {name for name in attributes if name == "style" or name.startswith("on")}, tag
            assert tag != "style"
            assert tag != "script" or attributes["src"].startswith("/static/")
            for name in ("src", "action"):
                assert attributes.get(name, "/").startswith("/")


def _behind(client: Client, address: str) -> int:
    """How many leads, or entries, the API lists behind a link of the page."""
    parts = urlsplit(address)
    given = [(name, "" if value == "(none)" else value) for name, value in parse_qsl(parts.query)]
    path, rows = LISTS.get(parts.path, ("/v1/leads", "leads"))
    query = urlencode(given)
    return len(every(client, f"{path}?{query}" if query else path, rows))


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/sources", "/promises", "/recycling", "/funnel", "/funnel?by=owner&pass=2", "/funnel?by=reason"),
        *(f"/funnel?to={DAY_OF_THE_LOG}", f"/funnel?pass=2&cohorts=week&to={DAY_OF_THE_LOG}"),
        f"/funnel?origin=web&from={FIRST_DAY_OF_THE_LOG}&to={DAY_OF_THE_LOG}",
        f"/funnel?origin=web&cohorts=week&from={FIRST_DAY_OF_THE_LOG}",
    ],
)
def test_every_number_is_that_of_the_list_behind_it(reader: Browser, client: Client, path: str) -> None:
    found = numbers_with_links(reader.get(path).text)
    assert found
    wrong = [(number, link, behind) for number, link in found if (behind := _behind(client, link)) != number]
    assert wrong == []


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("query", ["", f"?origin=web&to={DAY_OF_THE_LOG}", f"?cohorts=week&pass=2&to={DAY_OF_THE_LOG}"])
def test_the_list_behind_a_number_of_the_funnel_says_the_number(reader: Browser, query: str) -> None:
    found = numbers_with_links(reader.get(f"/funnel{query}").text)
    said = {link: re.search(r"(?<![\d,])([\d,]+) leads? fits?", words(reader.get(link).text)) for _, link in found}
    assert found
    assert [(n, link) for n, link in found if not (one := said[link]) or int(one[1].replace(",", "")) != n] == []


@pytest.mark.usefixtures("log")
def test_every_link_of_a_number_opens_a_page_with_as_many_leads(reader: Browser) -> None:
    for number, link in numbers_with_links(reader.get("/sources").text):
        seen, following = 0, link
        while following:
            page = reader.get(following).text
            seen += len(re.findall(r'<th scope="row" role="rowheader">', page))
            nxt = [one["href"] for tag, one in tags(page) if tag == "a" and one.get("rel") == "next"]
            following = nxt[0] if nxt else ""
        assert seen == number, link


def test_the_stages_are_all_leads(client: Client, log: LogOf) -> None:
    overview = client.get("/v1/overview?timezone=Europe/Berlin").json()
    assert sum(overview["stages"].values()) == overview["leads"] == len(log.leads)
    due = overview["overdue"] + overview["today"] + overview["later"] + sum(day["due"] for day in overview["days"])
    assert due == sum(lead.due_at is not None for lead in log.leads.values())


def _texts(record: AnyRecord) -> AnyRecord:
    """The record with a script in every text that another system controls."""
    changed = {name: SCRIPT for name in UPSTREAM if hasattr(record, name)}
    return type(record)(**{name: getattr(record, name) for name in record.__struct_fields__} | changed)


@pytest.fixture
def hostile_log(redis_url: str, app_id: str) -> LogOf:
    lead = SCRIPT
    common: dict[str, Any] = {"lead_id": lead, "occurred_at": T0}
    snapshot = LeadSnapshot(
        lead_id=lead, occurred_at=T0, stage="nurture", pass_no=1, created_at=T0, stall_id="s", stalled_at=T0,
        reached=27, recycle_id="r", decision="RECYCLE", due_at=T0, recycles=1,
    )  # fmt: skip
    records: list[AnyRecord] = [
        LeadCreated(event_id="1", **common),
        LeadContacted(event_id="2", outcome="no_answer", **{**common, "occurred_at": T0 + 100_000}),
        LeadStalled(event_id="3", declared_by="sales", **{**common, "occurred_at": T0 + 200_000}),
        LeadRecycled(event_id="4", action="RECYCLE", recycle_id="r", **{**common, "occurred_at": T0 + 300_000}),
        LeadRecycled(event_id="5", action="REVOKE", recycle_id="q", **{**common, "occurred_at": T0 + 400_000}),
        LeadEscalated(event_id="6", action="ESCALATE", escalation_id="6", stall_id="s", **common),
        DealClosed(event_id="7", outcome="won", amount=5, **{**common, "occurred_at": T0 + 500_000}),
        LeadUpdated(event_id="8", **{**common, "occurred_at": T0 + 600_000}),
        DeliveryResult(lead_id=lead, recycle_id="r", action="RECYCLE", outcome="dead", occurred_at=T0 + 700_000),
        snapshot,
    ]
    log = LogOf({}, {lead: snapshot})
    for record in records:
        append(log.records, PartitionId(TOPIC_OF[type(record)].name, 0), lead, _texts(record))
    project(log, redis_url, app_id)
    return log


@pytest.mark.usefixtures("hostile_log")
def test_stored_scripts_stay_texts(reader: Browser) -> None:
    columns = "&".join(f"cols={name}" for name in ("campaign", "segment", "account", "reason", "owner"))
    for path in [
        *(path for path, _ in VIEWS),
        *(f"/lead?{urlencode({'id': SCRIPT})}", f"/leads?{urlencode({'origin': SCRIPT})}", f"/leads?{columns}"),
        *("/funnel?by=campaign", "/funnel?by=owner", "/funnel?by=reason"),
    ]:
        answer = reader.get(path)
        assert answer.status_code == 200
        _is_harmless(answer.text)
        assert (SCRIPT in words(answer.text)) == (path != "/agreement"), path


def _is_harmless(html: str) -> None:
    for tag, attributes in tags(html):
        assert tag != "img"
        assert not {name for name in attributes if name.startswith("on")}
        assert tag != "script" or attributes["src"].startswith("/static/")


@pytest.mark.usefixtures("log")
def test_reflected_scripts_stay_texts(reader: Browser) -> None:
    names = ("origin", "stage", "begins", "cols", "cursor", "state", "by", "id", SCRIPT, "owner", "due_before", "track")
    paths = ("/", "/leads", "/promises", "/recycling", "/funnel", "/lead", "/sources", "/delivery", "/agreement")
    asked = [f"{path}?{urlencode({name: SCRIPT})}" for path in paths for name in names]
    for path in [*asked, f"/sign-in?{urlencode({'next': '/leads?' + SCRIPT})}", f"/{SCRIPT}"]:
        answer = reader.get(path)
        assert answer.status_code < 500, path
        if answer.headers.get("content-type", "").startswith("text/html"):
            _is_harmless(answer.text)
        assert "\n" not in answer.headers.get("location", "")


@pytest.mark.usefixtures("log")
def test_a_filter_that_does_not_exist_is_refused_with_the_nearest_name(reader: Browser) -> None:
    answer = reader.get("/leads?compaign=spring")
    assert answer.status_code == 422
    assert "There is no parameter 'compaign': did you mean campaign?" in words(answer.text)


@pytest.mark.usefixtures("log")
def test_filters_that_no_lead_fits_say_which_one_to_remove(reader: Browser) -> None:
    said = words(reader.get("/leads?origin=web&owner=nobody").text)
    assert "No lead fits these filters." in said
    assert re.search(r"Remove “owner: nobody”: \d+ leads fit then\.", said)


@pytest.mark.usefixtures("log")
def test_the_whole_name_of_a_lead_opens_its_story_and_a_part_of_it_lists(reader: Browser) -> None:
    assert reader.get("/leads?begins=lead-7").headers["location"] == "/lead?id=lead-7"
    assert reader.get("/leads?begins=lead-").status_code == 200


@pytest.mark.usefixtures("log")
def test_a_story_links_to_the_lead_in_the_crm(reader: Browser) -> None:
    links = [one["href"] for tag, one in tags(reader.get("/lead?id=lead-7").text) if tag == "a"]
    assert "https://crm.test/lead-7" in links


def test_an_unknown_lead_is_not_found(reader: Browser, log: LogOf) -> None:
    assert log.leads
    answer = reader.get("/lead?id=nobody")
    assert answer.status_code == 404
    assert "No lead nobody is known" in words(answer.text)


def test_without_a_read_model_every_view_says_what_is_missing(reader: Browser) -> None:
    answer = reader.get("/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "there is no read model yet" in words(answer.text)


def test_an_empty_read_model_says_how_to_send_a_lead(reader: Browser, redis_url: str, app_id: str) -> None:
    gone: AnyRecord | None = None
    log = LogOf({}, {})
    append(log.records, PartitionId("lead-snapshots", 0), "x", gone)
    project(log, redis_url, app_id)
    assert "No lead has arrived yet, so nothing waits." in words(reader.get("/").text)
    for path, _ in VIEWS:
        assert reader.get(path).status_code == 200


@pytest.mark.usefixtures("log")
def test_pages_of_leads_go_on_where_the_one_before_ended(reader: Browser) -> None:
    seen: list[str] = []
    following = "/leads"
    while following:
        page = reader.get(following).text
        seen += re.findall(r'rowheader"><a class="id" href="/lead\?id=([^"]+)"', page)
        nxt = [one["href"] for tag, one in tags(page) if tag == "a" and one.get("rel") == "next"]
        following = nxt[0] if nxt else ""
    assert len(seen) == len(set(seen)) == 60


@pytest.mark.parametrize(("path", "board"), [("/", "leadloop-loop"), ("/delivery", "leadloop-delivery")])
@pytest.mark.usefixtures("log")
def test_a_view_links_to_the_dashboard_in_grafana(
    redis_url: str, app_id: str, keys: KeyRing, path: str, board: str
) -> None:
    browser = Browser(redis_url, app_id, keys, grafana="https://grafana.test/g")
    browser.sign_in()
    links = [one.get("href") for tag, one in tags(browser.get(path).text) if tag == "a"]
    browser.close()
    assert f"https://grafana.test/g/d/{board}" in links


def test_every_step_is_named_in_words() -> None:
    assert [name for step in get_args(FunnelStep) if "_" in (name := step_name(step))] == []
