"""Explanations over HTTP and on the terminal: who gets them, and what they go by."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.projected import LogOf, append
from tests.unit.report.api_client import WRITER, Client, project
from workers.cli import cli
from workers.explaining.promise_sentences import UNKNOWN_POLICY
from workers.http.auth import KeyRing
from workers.read_model.generation import PartitionId
from workers.report.policy_in_use import PolicyInUse

POLICY = """version: test
calendars: { office: { timezone: Europe/Berlin, hours: { mon-fri: "09:00-17:30" } } }
promises: { never_contacted: 3 days, no_follow_up: 7 days, no_progress: 30 days, max_attempts: 4 }
rules: [{ name: fairs, when: { origin: fair }, promises: { never_contacted: 3 business days } }]
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yml"
    path.write_text(POLICY, encoding="utf-8")
    return path


@pytest.fixture
def explaining(redis_url: str, app_id: str, keys: KeyRing, policy: Path) -> Iterator[Client]:
    client = Client(redis_url, app_id, keys, policy)
    yield client
    client.close()


def test_every_lead_is_explained_in_values_and_in_sentences(explaining: Client, log: LogOf) -> None:
    for lead_id, lead in log.leads.items():
        found = explaining.get(f"/v1/leads/{lead_id}/explanation").json()
        assert (found["lead_id"], found["stage"], found["policy_version"]) == (lead_id, lead.stage, "test")
        assert found["rule"] == ("fairs" if lead.origin == "fair" else None)
        assert found["timezone"] == "Europe/Berlin"
        assert {one["about"] for one in found["sentences"]} >= {"state", "rule", "next"}
        assert len(found["promises"]) == 6
        assert found["as_of"]["behind_records"] == 0


def test_without_a_policy_file_rules_and_promises_are_unknown(client: Client, log: LogOf) -> None:
    found = client.get(f"/v1/leads/{min(log.leads)}/explanation").json()
    assert (found["policy_version"], found["rule"], found["promises"]) == (None, None, [])
    assert (found["following"], found["is_foreseen"], found["timezone"]) == ([], False, "UTC")
    assert UNKNOWN_POLICY in [one["text"] for one in found["sentences"]]


def test_the_time_zone_of_the_sentences_can_be_chosen(explaining: Client, log: LogOf) -> None:
    found = explaining.get(f"/v1/leads/{min(log.leads)}/explanation?timezone=Asia/Tokyo").json()
    assert found["timezone"] == "Asia/Tokyo"
    assert "(Asia/Tokyo)" in " ".join(one["text"] for one in found["sentences"])
    assert explaining.get(f"/v1/leads/{min(log.leads)}/explanation?timezone=Mars").status_code == 422


def test_a_lead_of_any_name_is_explained(explaining: Client, log: LogOf, redis_url: str, app_id: str) -> None:
    lead = next(iter(log.leads.values()))
    append(log.records, PartitionId("lead-snapshots", 0), "a/b", type(lead)(lead_id="a/b", stage="new", pass_no=1))
    project(log, redis_url, app_id)
    assert explaining.get("/v1/leads/a%2Fb/explanation").json()["lead_id"] == "a/b"


def test_an_explanation_needs_a_key_for_reading_and_a_lead_that_is_known(explaining: Client, log: LogOf) -> None:
    path = f"/v1/leads/{min(log.leads)}/explanation"
    assert explaining.get(path, headers={"Authorization": ""}).status_code == 401
    assert explaining.get(path, headers={"Authorization": f"Bearer {WRITER}"}).status_code == 403
    assert explaining.get("/v1/leads/nobody/explanation").status_code == 404


def test_the_openapi_document_has_the_explanation(explaining: Client) -> None:
    document = explaining.get("/openapi.json").json()
    operation = document["paths"]["/v1/leads/{lead_id}/explanation"]["get"]
    assert {"200", "401", "403", "404", "422", "503"} <= set(operation["responses"])
    assert "sentences" in document["components"]["schemas"]["ExplanationModel"]["required"]


def test_a_changed_policy_file_is_adopted_and_an_invalid_one_changes_nothing(policy: Path) -> None:
    in_use = PolicyInUse(policy)
    watch = in_use.watcher(1)
    assert watch is not None
    for text, version in [(POLICY.replace("test", "next"), "next"), ("promises: 1", "next")]:
        policy.write_text(text, encoding="utf-8")
        watch.look()
        watch.look()
        assert in_use.policy is not None
        assert in_use.policy.version == version


def test_with_history_no_stall_is_too_old_and_time_is_that_of_the_lead(policy: Path, log: LogOf) -> None:
    in_use, lead = PolicyInUse(policy, "events", wall=lambda: 5.0), next(iter(log.leads.values()))
    assert in_use.policy is not None
    assert in_use.policy.limits.max_age is None
    assert in_use.now(lead) == lead.recorded_at
    assert PolicyInUse(policy, "wall", wall=lambda: 5.0).now(lead) == 5_000


# -- on the terminal -----------------------------------------------------------------------------------


def explain(redis_url: str, app_id: str, *arguments: str, **env: str) -> Result:
    settings = {"REDIS_URL": redis_url, "LEADLOOP_APP_ID": app_id, **env}
    return CliRunner().invoke(cli, ["policy", "explain", *arguments], env=settings)


def test_the_command_prints_what_the_api_says(
    explaining: Client, log: LogOf, redis_url: str, app_id: str, policy: Path
) -> None:
    lead_id = min(log.leads)
    done = explain(redis_url, app_id, lead_id, "--policy", str(policy))
    assert done.exit_code == 0, done.output
    sentences = explaining.get(f"/v1/leads/{lead_id}/explanation").json()["sentences"]
    states = [one["text"] for one in sentences if one["about"] == "state"]
    assert all(text in " ".join(done.stdout.split()) for text in states)
    as_json = explain(redis_url, app_id, lead_id, "--json", LEADLOOP_POLICY_FILE=str(policy))
    assert json.loads(as_json.stdout)["policy_version"] == "test"


@pytest.mark.usefixtures("log")
def test_what_cannot_be_explained_is_an_error_with_a_message(redis_url: str, app_id: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("promises: 1", encoding="utf-8")
    for arguments, message in [
        (["nobody"], "no lead nobody is known"),
        (["nobody", "--timezone", "Mars"], "--timezone Mars is no time zone"),
        (["nobody", "--policy", str(wrong)], "wrong.yml:1"),
        (["nobody", "--policy", str(tmp_path / "none.yml")], "none.yml cannot be read"),
    ]:
        done = explain(redis_url, app_id, *arguments)
        assert (done.exit_code, message in done.stderr) == (2, True), done.output
