"""The read API: what it answers, page by page."""

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from schemas.events import LeadSnapshot, LeadUpdated
from tests.builders import T0
from tests.projected import LogOf, a_log, append
from tests.unit.report.api_client import Client, every, pages, project
from workers.read_model.generation import PartitionId


@pytest.mark.usefixtures("log")
def test_nothing_is_to_be_stored_and_no_other_site_is_let_in(client: Client) -> None:
    answer = client.get("/v1/leads", headers={"Origin": "https://example.org"})
    assert answer.headers["cache-control"] == "no-store"
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_lead_is_what_its_newest_snapshot_says_with_its_whole_past(client: Client, log: LogOf) -> None:
    for lead_id, lead in log.leads.items():
        found = client.get(f"/v1/leads/{lead_id}").json()
        assert (found["stage"], found["pass_no"], found["owner_id"]) == (lead.stage, lead.pass_no, lead.owner_id)
        assert [one["pass_no"] for one in found["passes"]] == [one.pass_no for one in lead.passes]
        ids = {(event["kind"], event["id"]) for event in found["timeline"]}
        assert len(ids) == len(found["timeline"])
        assert [event["at"] for event in found["timeline"]] == sorted(event["at"] for event in found["timeline"])
        assert found["as_of"]["behind_records"] == 0


def test_the_timeline_has_changes_without_a_touch(client: Client, redis_url: str, app_id: str) -> None:
    log = a_log(random.Random(1), leads=1)
    change = LeadUpdated(event_id="u", lead_id="lead-0", occurred_at=T0, owner_id="", do_not_contact="yes")
    append(log.records, PartitionId("lead-updated", 0), "lead-0", change)
    project(log, redis_url, app_id)
    found = client.get("/v1/leads/lead-0").json()["timeline"]
    (event,) = (event for event in found if event["kind"] == "updated")
    assert (event["id"], event["fields"]) == ("u", {"owner_id": "", "do_not_contact": "yes"})


def test_a_lead_that_nobody_knows_is_not_found(client: Client, log: LogOf) -> None:
    assert log.leads
    assert client.get("/v1/leads/nobody").status_code == 404


def test_a_lead_may_be_named_anything(client: Client, redis_url: str, app_id: str) -> None:
    log = a_log(random.Random(1), leads=1)
    for lead_id in ("a/b c?", "é#%", ".."):
        append(
            log.records,
            PartitionId("lead-snapshots", 0),
            lead_id,
            LeadSnapshot(lead_id=lead_id, stage="new", pass_no=1),
        )
    project(log, redis_url, app_id)
    for quoted in ("a%2Fb%20c%3F", "%C3%A9%23%25"):
        assert client.get(f"/v1/leads/{quoted}").json()["stage"] == "new"


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("", lambda _: True),
        ("?stage=nurture", lambda lead: lead.stage == "nurture"),
        ("?stalled=true", lambda lead: lead.stalled_at is not None),
        ("?stalled=false", lambda lead: lead.stalled_at is None),
        ("?stalled=true&owner=ann", lambda lead: lead.stalled_at is not None and lead.owner_id == "ann"),
        ("?owner=ann&stage=working", lambda lead: lead.owner_id == "ann" and lead.stage == "working"),
        ("?origin=web", lambda lead: lead.origin == "web"),
        ("?due_before=2026-03-01T00:00:00Z", lambda lead: lead.due_at is not None and lead.due_at < 1_772_323_200_000),
        (
            "?due_before=2026-03-01T00:00:00Z&owner=bob&origin=fair",
            lambda lead: (
                lead.due_at is not None
                and lead.due_at < 1_772_323_200_000
                and lead.owner_id == "bob"
                and lead.origin == "fair"
            ),
        ),
    ],
)
def test_lists_hold_exactly_the_leads_that_fit(client: Client, log: LogOf, query: str, fits: Any) -> None:
    found = every(client, f"/v1/leads{query}")
    assert sorted(lead["lead_id"] for lead in found) == sorted(name for name, lead in log.leads.items() if fits(lead))


@pytest.mark.parametrize(
    ("query", "by"), [("stalled=true", "stalled_at"), ("due_before=2099-01-01T00:00:00Z", "due_at")]
)
def test_lists_by_time_begin_with_the_oldest(client: Client, log: LogOf, query: str, by: str) -> None:
    assert log.leads
    times = [lead[by] for lead in every(client, f"/v1/leads?{query}")]
    assert len(times) > 2
    assert all(one <= other for one, other in pairwise(times))


def test_pages_stay_where_they_are_while_leads_come_and_go(
    client: Client, log: LogOf, redis_url: str, app_id: str
) -> None:
    first, *_ = pages(client, "/v1/leads", "leads")
    cursor = client.get("/v1/leads?limit=7").json()["next"]
    for n in range(30):  # before, among and behind what was read; and some that were read change
        lead_id = f"lead-{n % 10}{n}"
        append(
            log.records,
            PartitionId("lead-snapshots", 0),
            lead_id,
            LeadSnapshot(lead_id=lead_id, stage="won", pass_no=1),
        )
    project(log, redis_url, app_id)
    rest, after = [], cursor
    while after:
        answer = client.get(f"/v1/leads?limit=7&cursor={after}").json()
        rest += [lead["lead_id"] for lead in answer["leads"]]
        after = answer["next"]
    seen = [lead["lead_id"] for lead in first] + rest
    assert len(seen) == len(set(seen))
    assert set(log.leads) <= set(seen)


def test_the_funnel_sums_up_to_the_same_whatever_it_is_asked_by(client: Client, log: LogOf) -> None:
    assert log.leads
    totals = []
    for by in ("origin", "campaign", "owner", "segment", "reason", "cause", "pass"):
        found = client.get(f"/v1/funnel?by={by}").json()
        sums = _sums(found["rows"])
        assert sums == _sums([found["total"]]), by
        totals.append(sums)
    assert all(sums == totals[0] for sums in totals)
    assert totals[0]["recycled"] >= totals[0]["requalified"] >= totals[0]["won_back"]
    assert totals[0]["requalified"] > 0


def _sums(rows: list[dict[str, Any]]) -> Counter[str]:
    """All counts, and money by currency."""
    sums = Counter[str]()
    for row in rows:
        for name, value in row.items():
            if isinstance(value, int):
                sums[name] += value
            elif name.endswith("money") or name == "money_after":
                sums.update({f"{name} {currency}": minor for currency, minor in value.items()})
    return +sums


def test_the_rows_of_a_funnel_come_by_pages(client: Client, log: LogOf) -> None:
    assert log.leads
    whole = client.get("/v1/funnel?by=campaign").json()["rows"]
    first = client.get("/v1/funnel?by=campaign&limit=1").json()
    second = client.get(f"/v1/funnel?by=campaign&limit=500&cursor={first['next']}").json()
    assert first["rows"] + second["rows"] == whole


def test_recycles_come_newest_first_with_the_outcome_of_each_endpoint(client: Client, log: LogOf) -> None:
    assert log.leads
    found = every(client, "/v1/recycles", "recycles")
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    states = {one["state"] for one in found}
    assert states == {"standing", "revoked", "requalified"}
    for state in states:
        ids = {one["recycle_id"] for one in every(client, f"/v1/recycles?state={state}", "recycles")}
        assert ids == {one["recycle_id"] for one in found if one["state"] == state}
    deliveries = [(one["recycle_id"], d["endpoint"], d["action"]) for one in found for d in one["deliveries"]]
    assert deliveries
    assert len(deliveries) == len(set(deliveries))


@pytest.mark.parametrize("owner", ["", "&owner=ann"])
@pytest.mark.parametrize("decision", ["ESCALATE", "RETIRE"])
def test_leads_are_listed_by_what_was_decided_about_their_stall(
    client: Client, log: LogOf, decision: str, owner: str
) -> None:
    found = every(client, f"/v1/leads?decision={decision}{owner}")
    fitting = [
        lead for lead in log.leads.values() if lead.decision == decision and (not owner or lead.owner_id == "ann")
    ]
    assert sorted(lead["lead_id"] for lead in found) == sorted(lead.lead_id for lead in fitting)
    assert {lead["decision"] for lead in found} == {decision}
    dates = [lead["until"] or lead["stalled_at"] for lead in found]
    assert dates == sorted(dates)


def test_escalations_come_newest_first_with_their_state_and_by_owner(client: Client, log: LogOf) -> None:
    assert log.leads
    found = every(client, "/v1/escalations", "escalations")
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    states = {one["state"] for one in found}
    assert states == {"open", "answered", "missed"}
    for state in states:
        for owner in ("", "ann"):
            query = f"state={state}" + (f"&owner={owner}" if owner else "")
            ids = {one["escalation_id"] for one in every(client, f"/v1/escalations?{query}", "escalations")}
            fitting = [one for one in found if one["state"] == state and owner in ("", one["owner_id"])]
            assert ids == {one["escalation_id"] for one in fitting}


def test_a_lead_has_its_escalations(client: Client, log: LogOf) -> None:
    listed = every(client, "/v1/escalations", "escalations")
    leads = [client.get(f"/v1/leads/{lead_id}").json() for lead_id in log.leads]
    assert sorted(one["escalation_id"] for lead in leads for one in lead["escalated"]) == sorted(
        one["escalation_id"] for one in listed
    )


def test_a_page_ends_after_so_many_looked_at_and_can_be_gone_on_from(
    client: Client, redis_url: str, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.report.queries.SLICE", 10)
    monkeypatch.setattr("workers.report.queries.SCANNED", 20)
    log = LogOf({}, {})
    for n in range(100):
        origin = "" if n > 90 else "web"  # what is empty is in no list
        append(
            log.records,
            PartitionId("lead-snapshots", 0),
            f"l{n:03}",
            LeadSnapshot(lead_id=f"l{n:03}", stage="new", origin=origin),
        )
    project(log, redis_url, app_id)
    found = list(pages(client, "/v1/leads?origin=", "leads"))
    assert [len(page) for page in found[:4]] == [0, 0, 0, 0]
    assert sum(map(len, found)) == 9
