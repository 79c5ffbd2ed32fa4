"""The parameters of the read API: unknown ones are refused, and every filter does what it says."""

import csv
import io
from collections.abc import Callable

import pytest

from schemas.events import LeadSnapshot
from tests.projected import LogOf, append
from tests.unit.report.api_client import Client, every, project
from workers.read_model.generation import PartitionId
from workers.read_model.index import passes_of, steps_of
from workers.report.csv_rows import harmless


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("leads?compaign=spring", "'compaign': did you mean campaign?"),
        ("leads?Stage=new", "'Stage': did you mean stage?"),
        ("leads/lead-1?limit=3", "'limit'"),
        ("leads/lead-1/explanation?timezon=UTC", "'timezon': did you mean timezone?"),
        ("funnel?pas=1", "'pas': did you mean pass?"),
        ("recycles?states=standing", "'states': did you mean state?"),
        ("escalations?ower=ann", "'ower': did you mean owner?"),
        ("overview?zone=UTC", "'zone': did you mean timezone?"),
        ("leads.csv?xyz=1", "'xyz': there are: account, "),
    ],
)
def test_a_parameter_that_does_not_exist_is_refused_with_the_nearest_name(client: Client, path: str, says: str) -> None:
    answer = client.get(f"/v1/{path}")
    assert answer.status_code == 422
    assert says in answer.json()["errors"][0]["detail"]


def _has(lead: LeadSnapshot, step: str, origin: str, pass_no: int) -> bool:
    return any(
        one.origin == origin and one.pass_no == pass_no and step in steps_of(one.reached, one.later)
        for one in passes_of(lead)
    )


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("campaign=spring", lambda lead: lead.campaign_id == "spring"),
        ("campaign=", lambda lead: not lead.campaign_id),
        ("reason=price", lambda lead: lead.stall_reason == "price"),
        ("pass=2", lambda lead: lead.pass_no == 2),
        ("step=won", lambda lead: any(one.reached & 32 for one in passes_of(lead))),
        ("step=stalled&origin=web&pass=1", lambda lead: _has(lead, "stalled", "web", 1)),
        ("step=requalified&origin=fair&pass=1", lambda lead: _has(lead, "requalified", "fair", 1)),
        (
            "step=created&without=touched",
            lambda lead: any("touched" not in steps_of(one.reached, one.later) for one in passes_of(lead)),
        ),
        ("begins=lead-1", lambda lead: lead.lead_id.startswith("lead-1")),
        ("due_from=2026-01-01T00:00:00Z", lambda lead: lead.due_at is not None and lead.due_at >= 1_767_225_600_000),
        ("segment=none", lambda lead: lead.segment == "none"),
        ("account=none", lambda lead: lead.account_id == "none"),
    ],
)
def test_filters(client: Client, log: LogOf, query: str, fits: Callable[[LeadSnapshot], bool]) -> None:
    found = {lead["lead_id"] for lead in every(client, f"/v1/leads?{query}")}
    assert found == {lead.lead_id for lead in log.leads.values() if fits(lead)}


@pytest.mark.usefixtures("log")
def test_the_track_is_that_of_the_recycle_that_stands(client: Client) -> None:
    standing = every(client, "/v1/recycles?state=standing", "recycles")
    tracks = {one["track"] for one in standing}
    assert len(tracks) > 1
    for track in tracks:
        found = {lead["lead_id"] for lead in every(client, f"/v1/leads?track={track}")}
        assert found == {one["lead_id"] for one in standing if one["track"] == track}


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    "query",
    [
        *("", "stage=working", "owner=ann", "stalled=true", "decision=RETIRE", "stage=new&owner=ann", "origin=web"),
        *("due_before=2026-03-01T00:00:00Z&owner=ann", "step=won", "origin=web&stage=nurture&sort=-created"),
        *("sort=due", "origin=fair&created_from=2026-01-01T00:00:00Z", "begins=lead-1", "owner=bob&begins=lead-1"),
    ],
)
def test_where_a_list_is_whole_its_size_is_known(client: Client, query: str) -> None:
    assert client.get(f"/v1/leads?{query}").json()["total"] == len(every(client, f"/v1/leads?{query}"))


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("query", ["origin=", "stalled=false", "pass=1&owner=ann", "step=won&owner=ann"])
def test_where_leads_have_to_be_read_the_number_is_not_given(client: Client, query: str) -> None:
    assert client.get(f"/v1/leads?{query}").json()["total"] is None


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("path", "rows", "query"),
    [
        ("leads", "leads", "stage=nurture"),
        ("recycles", "recycles", "state=standing"),
        ("escalations", "escalations", ""),
        ("funnel", "rows", "by=owner"),
    ],
)
def test_each_list_as_csv_has_all_its_rows(client: Client, path: str, rows: str, query: str) -> None:
    listed = every(client, f"/v1/{path}?{query}", rows)
    assert listed
    for address, headers in ((f"/v1/{path}.csv?{query}", None), (f"/v1/{path}?{query}", {"Accept": "text/csv"})):
        answer = client.get(address, headers)
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert (answer.headers["cache-control"], "attachment" in answer.headers["content-disposition"]) == (
            "no-store",
            True,
        )
        table = list(csv.DictReader(io.StringIO(answer.text)))
        first = next(name for name in ("recycle_id", "escalation_id", "lead_id", "value") if name in table[0])
        assert [row[first] for row in table] == [str(one[first]) for one in listed]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_a_cell_that_a_spreadsheet_would_execute_is_a_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


def test_formulas_of_other_systems_are_texts_in_the_file(client: Client, redis_url: str, app_id: str) -> None:
    log = LogOf({}, {})
    lead = LeadSnapshot(lead_id="=cmd|' /C calc'!A0", stage="new", pass_no=1, origin="+1", owner_id="@x")
    append(log.records, PartitionId("lead-snapshots", 0), lead.lead_id, lead)
    project(log, redis_url, app_id)
    (row,) = csv.DictReader(io.StringIO(client.get("/v1/leads.csv").text))
    assert (row["lead_id"][0], row["origin"], row["owner_id"]) == ("'", "'+1", "'@x")


@pytest.mark.usefixtures("log")
def test_without_a_key_there_is_no_file(client: Client) -> None:
    assert client.get("/v1/leads.csv", {"Authorization": ""}).status_code == 401
