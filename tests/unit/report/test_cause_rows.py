"""The funnel by cause: what the policy says about reasons, where people count."""

from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.projected import LogOf
from tests.unit.report.api_client import Client
from workers.cli import cli
from workers.http.auth import KeyRing

POLICY = """version: test
reasons:
  bad_timing: { track: right-time }
  price: { track: offer, cause: competitor }
  never_contacted: { track: introduce-again, cause: routing }
"""
CAUSES = {
    "": "",
    "bad_timing": "timing",
    "price": "competitor",
    "never_contacted": "routing",
    "no_follow_up": "neglect",
    "no_progress": "no_response",
    "attempts_exhausted": "no_response",
}
"""As the policy has them, and for the others as the default policy."""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def stalled(client: Client, by: str) -> dict[str, int]:
    return {row["value"]: row["stalled"] for row in client.get(f"/v1/funnel?by={by}").json()["rows"]}


def test_passes_are_counted_by_the_cause_that_the_policy_gives_their_reason(
    redis_url: str, app_id: str, keys: KeyRing, policy: Path, log: LogOf
) -> None:
    assert log.leads
    client = Client(redis_url, app_id, keys, policy)
    expected = Counter[str]()
    for reason, count in stalled(client, "reason").items():
        expected[CAUSES[reason]] += count
    assert {cause: count for cause, count in stalled(client, "cause").items() if count} == dict(+expected)
    assert expected["routing"] > 0
    assert expected["competitor"] > 0
    client.close()


def test_without_a_policy_file_the_causes_are_those_of_the_default_policy(client: Client, log: LogOf) -> None:
    assert log.leads
    found = stalled(client, "cause")
    assert found["neglect"] > 0
    assert "routing" not in found


def test_the_command_counts_by_cause_too(
    redis_url: str, app_id: str, policy: Path, log: LogOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert log.leads
    for name, value in (("REDIS_URL", redis_url), ("LEADLOOP_APP_ID", app_id), ("LEADLOOP_POLICY_FILE", str(policy))):
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(cli, ["funnel", "--by", "cause"])
    assert result.exit_code == 0, result.output
    assert "routing" in result.stdout
