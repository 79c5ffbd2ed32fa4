"""Leads by any filters and in any order: exactly those that fit, page by page, however they are found."""

import csv
import io
import random
import re
from collections.abc import Callable
from datetime import datetime
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest

from schemas.events import DealClosed, LeadCreated, LeadSnapshot, LeadUpdated
from schemas.topics import TOPIC_OF
from tests.builders import DAY, T0
from tests.projected import LogOf, append
from tests.unit.report.api_client import Client, every, project
from tests.unit.report.browser import Browser, tags, words
from workers.read_model.generation import PartitionId
from workers.report.api_models import instant, rfc3339

HOUR = 3_600_000
LEADS = 120
Fits = Callable[[dict[str, Any]], bool]


def _time(at: int) -> str:
    return quote(rfc3339(instant(at)))


def _random_lead(dice: random.Random, number: int) -> dict[str, Any]:
    """What is known of a lead, as it is given to the log; many share a time."""
    stage = dice.choice(["new", "working", "won", "lost", "nurture"])
    created = T0 + dice.randrange(5) * DAY
    return {
        "lead_id": f"lead-{number}",
        "stage": stage,
        "origin": dice.choice(["web", "fair", ""]),
        "segment": dice.choice(["smb", "big", ""]),
        "account": dice.choice(["acme", ""]),
        "created": created,
        "touched": None if stage == "new" else created + dice.choice([1, 5]) * HOUR,
        "due": created + 3 * DAY if stage in {"new", "working"} else None,
        "closed": created + 9 * DAY if stage in {"won", "lost"} else None,
        "amount": dice.choice([100, 150_000, 150_000, 900_000]) if stage != "lost" else None,
        "currency": dice.choice(["EUR", "USD"]),
        "seconds": dice.choice([0, 120]),
    }


def _append(log: LogOf, lead: dict[str, Any]) -> None:
    common = {"lead_id": lead["lead_id"], "occurred_at": lead["created"]}
    arrived = lead["created"] + 1000 * lead["seconds"]
    records: list[Any] = [LeadCreated(event_id="c", recorded_at=arrived, source="crm", **common)]
    if lead["amount"] is not None:
        money = {"expected_amount": lead["amount"], "currency": lead["currency"]}
        records.append(LeadUpdated(event_id="u", recorded_at=arrived, source="crm", **money, **common))
    if lead["closed"] is not None:
        won = {"outcome": "won", "amount": lead["amount"], "currency": lead["currency"]}
        outcome = won if lead["stage"] == "won" else {"outcome": "lost"}
        at = {"occurred_at": lead["closed"], "recorded_at": lead["closed"]}
        records.append(DealClosed(event_id="d", lead_id=lead["lead_id"], source="crm", **at, **outcome))
    snapshot = LeadSnapshot(
        stage=lead["stage"],
        pass_no=1,
        created_at=lead["created"],
        origin=lead["origin"],
        segment=lead["segment"],
        account_id=lead["account"],
        first_touch_at=lead["touched"],
        last_touch_at=lead["touched"],
        due_at=lead["due"],
        closed_at=lead["closed"],
        expected_amount=None if lead["stage"] == "won" else lead["amount"],
        expected_currency=lead["currency"],
        amount=lead["amount"] if lead["stage"] == "won" else None,
        currency=lead["currency"] if lead["stage"] == "won" else "",
        reached=1 | 32 * (lead["stage"] == "won"),
        **common,
    )
    for record in (*records, snapshot):
        append(log.records, PartitionId(TOPIC_OF[type(record)].name, 0), lead["lead_id"], record)


@pytest.fixture(params=["whole lists", "a slice at a time", "first a slice"])
def leads(
    request: pytest.FixtureRequest, redis_url: str, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """Leads in the read model; small lists are read as a whole, or the code is told that none is small."""
    if request.param != "whole lists":
        monkeypatch.setattr("workers.report.lead_scan.SMALL", 0)
        monkeypatch.setattr("workers.report.lead_scan.SLICE", 4)
    if request.param == "a slice at a time":
        monkeypatch.setattr("workers.report.lead_scan.WHOLE", 0)
    dice = random.Random(5)
    known, log = [_random_lead(dice, number) for number in range(LEADS)], LogOf({}, {})
    for lead in known:
        _append(log, lead)
    project(log, redis_url, app_id)
    return known


QUERIES: dict[str, Fits] = {
    "origin=web": lambda lead: lead["origin"] == "web",
    "origin=&segment=smb": lambda lead: (lead["origin"], lead["segment"]) == ("", "smb"),
    "origin=web&segment=big&account=acme": lambda lead: (
        (lead["origin"], lead["segment"], lead["account"]) == ("web", "big", "acme")
    ),
    f"created_from={_time(T0 + DAY)}&created_before={_time(T0 + 3 * DAY)}": lambda lead: (
        T0 + DAY <= lead["created"] < T0 + 3 * DAY
    ),
    f"touched_before={_time(T0 + DAY)}&origin=fair": lambda lead: (
        lead["touched"] is not None and lead["touched"] < T0 + DAY and lead["origin"] == "fair"
    ),
    f"closed_from={_time(T0 + 11 * DAY)}&stage=won": lambda lead: (
        lead["stage"] == "won" and lead["closed"] >= T0 + 11 * DAY
    ),
    "currency=EUR": lambda lead: lead["amount"] is not None and lead["currency"] == "EUR",
    "amount_from=1500&amount_below=9000&currency=usd": lambda lead: (
        lead["amount"] == 150_000 and lead["currency"] == "USD"
    ),
    "human_delay_from=2h&origin=web": lambda lead: (
        lead["touched"] is not None and lead["touched"] - lead["created"] >= 2 * HOUR and lead["origin"] == "web"
    ),
    "system_delay_from=90s": lambda lead: lead["seconds"] >= 90,
    "step=won&origin=fair": lambda lead: (lead["stage"], lead["origin"]) == ("won", "fair"),
    "begins=lead-1&origin=web": lambda lead: lead["lead_id"].startswith("lead-1") and lead["origin"] == "web",
    f"due_from={_time(T0 + 4 * DAY)}&origin=web": lambda lead: (
        lead["due"] is not None and lead["due"] >= T0 + 4 * DAY and lead["origin"] == "web"
    ),
}
ORDERS = ("created", "touched", "due", "closed")


def _any(_: dict[str, Any]) -> bool:
    return True


def test_exactly_the_leads_that_fit_are_listed(client: Client, leads: list[dict[str, Any]]) -> None:
    for query, fits in QUERIES.items():
        found = [lead["lead_id"] for lead in every(client, f"/v1/leads?{query}")]
        expected = {lead["lead_id"] for lead in leads if fits(lead)}
        assert expected, query
        assert (len(found), set(found)) == (len(expected), expected), query
        assert client.get(f"/v1/leads?{query}").json()["total"] in {None, len(expected)}, query


def test_any_filters_are_listed_in_any_order(client: Client, leads: list[dict[str, Any]]) -> None:
    for (query, fits), by, sign in product({"": _any, **QUERIES}.items(), ORDERS, ("", "-")):
        found = [lead["lead_id"] for lead in every(client, f"/v1/leads?{query}&sort={sign}{by}")]
        wanted = [(lead[by], lead["lead_id"]) for lead in leads if fits(lead) and lead[by] is not None]
        assert found == [lead_id for _, lead_id in sorted(wanted, reverse=sign == "-")], (query, sign + by)


def test_amounts_are_in_order_within_one_currency(client: Client, leads: list[dict[str, Any]]) -> None:
    found = every(client, "/v1/leads?sort=-amount&currency=EUR")
    amounts = [lead["amount"] for lead in leads if lead["amount"] is not None and lead["currency"] == "EUR"]
    assert [lead["amount"] for lead in found] == sorted(amounts, reverse=True)
    assert {lead["currency"] for lead in found} == {"EUR"}


@pytest.mark.parametrize("query", ["sort=amount", "amount_from=5"])
def test_amounts_of_several_currencies_are_not_compared(client: Client, query: str) -> None:
    answer = client.get(f"/v1/leads?{query}")
    assert answer.status_code == 422
    assert "give currency, such as currency=EUR" in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "sort=size",
        "human_delay_from=4",
        "currency=EURO",
        "currency=EUR&amount_from=1e99999999",
        "created_from=yesterday",
    ],
)
def test_values_that_do_not_exist_are_refused(client: Client, query: str) -> None:
    assert client.get(f"/v1/leads?{query}").status_code == 422


@pytest.mark.parametrize("sort", ["created", "-created", "due", "-due"])
def test_pages_in_an_order_lose_and_repeat_no_lead_that_stays_while_others_move(
    client: Client, leads: list[dict[str, Any]], redis_url: str, app_id: str, sort: str
) -> None:
    by, moving = sort.removeprefix("-"), random.Random(sort)
    staying = {lead["lead_id"] for lead in leads[::2] if lead[by] is not None}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get(f"/v1/leads?sort={sort}&limit=7" + (f"&cursor={cursor}" if cursor else "")).json()
        seen += [lead["lead_id"] for lead in answer["leads"]]
        cursor = answer["next"]
        log = LogOf({}, {})
        for lead in moving.sample(leads[1::2], 5):
            changed = {"created": T0 + moving.randrange(5) * DAY, "due": T0 + moving.randrange(8) * DAY}
            lead_id = {"lead_id": lead["lead_id"], "occurred_at": lead["created"], "stage": "new", "pass_no": 1}
            snapshot: Any = LeadSnapshot(created_at=changed["created"], due_at=changed["due"], **lead_id)
            append(log.records, PartitionId("lead-snapshots", moving.randrange(1000, 10**9)), lead["lead_id"], snapshot)
        project(log, redis_url, app_id)
    assert sorted(one for one in seen if one in staying) == sorted(staying)


@pytest.mark.parametrize("sort", ["-created", "-amount"])
def test_the_page_keeps_filters_and_order_in_its_links_and_in_the_file(
    browser: Browser, leads: list[dict[str, Any]], sort: str
) -> None:
    browser.sign_in()
    day = rfc3339(instant(T0 + 2 * DAY))[:10]
    address = f"/leads?created_before={day}&currency=EUR&origin=web&sort={sort}&cols=amount&cols=closed"
    midnight = int(datetime.fromisoformat(f"{day}T00:00:00Z").timestamp() * 1000)
    wanted = [
        (lead[sort[1:]], lead["lead_id"])
        for lead in leads
        if lead["created"] < midnight and (lead["amount"], lead["currency"], lead["origin"])[1:] == ("EUR", "web")
        if lead["amount"] is not None
    ]
    page = browser.get(address).text
    shown = re.findall(r'rowheader"><a class="id" href="/lead\?id=([^"]+)"', page)
    assert shown == [lead_id for _, lead_id in sorted(wanted, reverse=True)]
    (file,) = (one["href"] for tag, one in tags(page) if tag == "a" and one.get("href", "").startswith("/v1/"))
    rows = list(csv.DictReader(io.StringIO(browser.get(file).text)))
    assert [row["lead_id"] for row in rows] == shown
    assert list(rows[0]) == ["lead_id", "amount", "currency", "closed_at"]
    assert f'name="created_before" value="{day}"' in page


def test_a_field_that_does_not_exist_is_refused_with_the_nearest_name(client: Client) -> None:
    answer = client.get("/v1/leads.csv?fields=lead_id,owner")
    assert (answer.status_code, "did you mean owner_id?" in answer.text) == (422, True)


def test_a_currency_that_no_lead_fits_can_be_removed_with_its_amounts(
    browser: Browser, leads: list[dict[str, Any]]
) -> None:
    assert leads
    browser.sign_in()
    said = words(browser.get("/leads?currency=CHF&amount_from=5&sort=amount&stage=new").text)
    assert "Remove “currency: CHF”" in said


def test_a_list_of_a_track_has_the_track_in_the_table_and_in_the_file(browser: Browser, log: LogOf) -> None:
    assert log.leads
    browser.sign_in()
    page = browser.get("/leads?track=offer").text
    assert '<th scope="col">Track</th>' in page
    (file,) = (one["href"] for tag, one in tags(page) if tag == "a" and one.get("href", "").startswith("/v1/"))
    rows = list(csv.DictReader(io.StringIO(browser.get(file).text)))
    assert {row["track"] for row in rows} == {"offer"}
    assert "cols=track" not in page.replace('name="cols" value="track"', "")
    assert "Track</th>" not in browser.get("/leads?track=offer&cols=owner").text
