"""Money, cohorts and changes of the API, compared with what the snapshots of the log say."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.events import LeadSnapshot, PastPass
from streams.domain.lead import BROKEN, TOUCHED, WON
from tests.projected import LogOf
from tests.unit.report.api_client import Client, every


def _passes(log: LogOf) -> Iterator[tuple[LeadSnapshot, LeadSnapshot | PastPass]]:
    for lead in log.leads.values():
        passes: tuple[LeadSnapshot | PastPass, ...] = (*lead.passes, lead)
        yield from ((lead, one) for one in passes)


def _won(passes: Iterator[tuple[LeadSnapshot, Any]], name: str) -> dict[str, dict[str, int]]:
    won: dict[str, Counter[str]] = {}
    for _, one in passes:
        if one.reached & WON and one.amount:
            won.setdefault(getattr(one, name), Counter())[one.currency] += one.amount
    return {value: dict(money) for value, money in won.items()}


@pytest.mark.parametrize(("by", "name"), [("origin", "origin"), ("campaign", "campaign_id"), ("owner", "owner_id")])
def test_money_stands_by_currency_in_each_row(client: Client, log: LogOf, by: str, name: str) -> None:
    rows = client.get(f"/v1/funnel?by={by}").json()["rows"]
    assert {row["value"]: row["won_money"] for row in rows if row["won_money"]} == _won(_passes(log), name)


def test_promises_kept_and_broken_are_those_of_the_passes(client: Client, log: LogOf) -> None:
    total = client.get("/v1/funnel?by=origin").json()["total"]
    reached = [one.reached for _, one in _passes(log)]
    assert total["broken"] == sum(bool(one & BROKEN) for one in reached)
    assert total["kept"] == sum(bool(one & TOUCHED) and not one & BROKEN for one in reached)
    cold = [one.reached & BROKEN for lead, one in _passes(log) if lead.stalled_at is not None]
    assert total["broken_now"] == sum(map(bool, cold))


@pytest.mark.parametrize("step", ["kept", "broken", "won_after", "held_out"])
def test_each_number_is_that_of_its_leads(client: Client, log: LogOf, step: str) -> None:
    assert log.leads
    row = client.get("/v1/funnel?by=origin&pass=1").json()["total"]
    assert len(every(client, f"/v1/leads?step={step}&pass=1")) == row[step]


def test_who_was_not_contacted_counts_as_longer(client: Client, log: LogOf) -> None:
    contact = client.get("/v1/funnel?by=origin").json()["total"]["contact"]
    waits = _waits(log, "first_touch_at")
    total = len(list(_passes(log)))
    assert (contact["known"], contact["longer"]) == (len(waits), total - len(waits))
    _check_half(contact["half_seconds"], waits, total)


def test_going_cold_is_timed_among_those_that_did(client: Client, log: LogOf) -> None:
    cold, waits = client.get("/v1/funnel?by=origin").json()["total"]["cold"], _waits(log, "first_stall_at")
    assert (cold["known"], cold["longer"]) == (len(waits), 0)
    _check_half(cold["half_seconds"], waits, len(waits))


def _waits(log: LogOf, name: str) -> list[float]:
    times = [(one.created_at, getattr(one, name)) for _, one in _passes(log)]
    return sorted(max(0, at - begun) / 1000 for begun, at in times if begun is not None and at is not None)


def _check_half(found: int | None, waits: list[float], total: int) -> None:
    rank = -(-total // 2)
    if len(waits) < rank:
        assert found is None
    else:
        assert found is not None
        assert waits[rank - 1] <= found + 1 <= max(60, waits[rank - 1] * 1.2) + 1


def test_the_largest_rows_and_all_others_make_the_total(client: Client, log: LogOf) -> None:
    assert log.leads
    whole = client.get("/v1/funnel?by=campaign&pass=1").json()
    found = client.get("/v1/funnel?by=campaign&pass=1&order=leads&limit=1").json()
    assert found["values"] == len([row for row in whole["rows"] if row["created"]])
    assert found["rows"][0]["created"] == max(row["created"] for row in whole["rows"])
    for step in ("created", "touched", "won", "kept"):
        assert found["rows"][0][step] + found["others"][step] == found["total"][step]
    assert client.get("/v1/funnel?by=campaign&pass=1&order=leads").json()["others"] is None


@pytest.mark.parametrize("by", ["month", "week"])
def test_cohorts_count_the_passes_that_began_in_them(client: Client, log: LogOf, by: str) -> None:
    began = Counter[str]()
    for _, one in _passes(log):
        at = datetime.fromtimestamp((one.created_at or 0) / 1000, UTC)
        began[f"{at:%Y-%m}" if by == "month" else f"{at:%G-%V}"] += one.origin == "web"
    first = min(one.created_at or 0 for _, one in _passes(log))
    day = datetime.fromtimestamp(first / 1000, UTC).date()
    found = client.get(f"/v1/cohorts?by={by}&origin=web&from={day}").json()
    named = {
        row["value"] if by == "month" else f"{datetime.fromisoformat(row['value']):%G-%V}": row["created"]
        for row in found["rows"]
    }
    assert {name: count for name, count in named.items() if count} == dict(+began)
    assert found["total"]["created"] == sum(began.values())
    assert found["before"]["created"] == 0


def test_the_period_before_is_as_long_and_ends_where_the_period_begins(client: Client, log: LogOf) -> None:
    assert log.leads
    rows = client.get("/v1/cohorts?by=month&from=2025-01-01&to=2026-12-31").json()["rows"]
    counts = {row["value"]: row["created"] for row in rows}
    month = max(counts, key=lambda one: counts[one])
    after = client.get(f"/v1/cohorts?by=month&from={month}-02&to={month}-03").json()
    assert [row["value"] for row in after["rows"]] == [month]
    names = list(counts)
    assert after["before"]["created"] == counts[names[names.index(month) - 1]]


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ("from=2026-02-01&to=2026-01-01", "exchange"),
        ("to=0", "write a day"),
        ("by=week&from=1999-01-01&to=2026-01-01", "shorter"),
    ],
)
def test_a_period_that_cannot_be_shown_is_refused_with_what_to_do(client: Client, asked: str, word: str) -> None:
    answer = client.get(f"/v1/cohorts?{asked}")
    assert answer.status_code == 422
    assert word in answer.text


def test_changes_have_the_time_since_when(client: Client, log: LogOf) -> None:
    assert log.leads
    found = client.get("/v1/changes").json()
    assert found["changes"]["created"] == 0  # the log is of another year
    assert datetime.fromisoformat(found["since"]) < datetime.fromisoformat(found["now"])


def test_amounts_of_the_list_are_those_of_each_lead_and_add_up_to_the_totals(client: Client, log: LogOf) -> None:
    listed = {lead["lead_id"]: lead for lead in every(client, "/v1/leads")}
    won, expected = Counter[str](), Counter[str]()
    for lead_id, lead in listed.items():
        detail = client.get(f"/v1/leads/{lead_id}").json()
        assert (detail["amount"], detail["currency"]) == (lead["amount"], lead["currency"]), lead_id
        if lead["amount"] is not None:
            (won if "won" in lead["steps"] else expected)[lead["currency"]] += lead["amount"]
    for one in (old for lead in log.leads.values() for old in lead.passes):
        won[one.currency] += (one.amount or 0) if one.reached & WON else 0
    total = client.get("/v1/funnel?by=pass").json()["total"]
    assert total["expected_money"] == dict(+expected)
    assert total["won_money"] == dict(+won)
    assert won
    assert expected


def test_a_search_ends_with_the_last_lead_that_the_funnel_counts(
    client: Client, log: LogOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert log.leads
    monkeypatch.setattr("workers.report.queries.SCANNED", 1)
    found = client.get("/v1/leads?step=progressed&pass=1&reason=nowhere").json()  # no list has reasons of passes
    assert (found["total"], found["leads"], found["next"]) == (0, [], None)
    assert client.get("/v1/leads?step=progressed&pass=1&limit=1").json()["next"] is not None
