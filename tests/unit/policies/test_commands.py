"""`leadloop policy check`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from workers.cli import cli

ALL_OFF = "{ never_contacted: off, no_follow_up: off, no_progress: off, grace: off, max_attempts: off }"
LISTS = """endpoints:
  nurture: { kind: hubspot-list, url: "https://api.hubapi.com", token: { file: TOKEN }, lists: { LISTED: 31 } }
"""


HISTORY = """lead,at,why
l1,2026-03-02T09:00:00Z,budget
l2,2026-03-02T09:00:00Z,budget
l3,2026-03-02T09:00:00Z,price
l4,2026-03-02T09:00:00Z,Bad-Timing
l5,never,weather
l6,2026-03-02T09:00:00Z,
"""
MAPPING = """source: crm
tables:
  stalls:
    files: ["*.csv"]
    facts:
      - { kind: lead-stalled, lead_id: lead, occurred_at: at, reason: why }
"""


def check(folder: Path, policy: str, endpoints: str = "", *more: str) -> Result:
    (folder / "policy.yml").write_text(f'version: "7"\n{policy}', encoding="utf-8")
    (folder / "endpoints.yml").write_text(endpoints, encoding="utf-8")
    options = ["--endpoints", str(folder / "endpoints.yml")] if endpoints else []
    return CliRunner().invoke(cli, ["policy", "check", str(folder / "policy.yml"), *options, *more])


def test_a_valid_policy_is_named_with_its_version_and_digest(tmp_path: Path) -> None:
    result = check(tmp_path, "")
    assert result.exit_code == 0
    assert "policy.yml: policy 7 (digest " in result.stdout
    assert result.stdout.endswith(") is valid\n")
    assert result.stderr == ""


def test_warnings_are_printed_and_the_policy_is_valid_nevertheless(tmp_path: Path) -> None:
    result = check(tmp_path, "promises: { max_attempts: 1 }")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: ")
    assert "policy.yml:2: promises.max_attempts: the first attempt without an answer breaks it; " in result.stderr
    assert result.stdout.endswith(" is valid, with 1 warning\n")


def test_a_wrong_policy_ends_with_2_and_all_its_errors(tmp_path: Path) -> None:
    result = check(tmp_path, "promises: { max_attempts: 0, grace: x }")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2
    assert result.stdout == ""


@pytest.mark.parametrize(("listed", "warnings"), [("offer", 0), ('"*"', 0), ("nurture", 1)])
def test_with_endpoints_a_track_that_none_takes_is_a_warning(tmp_path: Path, listed: str, warnings: int) -> None:
    (tmp_path / "token").write_text("secret", encoding="utf-8")
    endpoints = LISTS.replace("TOKEN", str(tmp_path / "token")).replace("LISTED", listed)
    result = check(tmp_path, "reasons: { price: { track: offer } }\notherwise: never\npromises: " + ALL_OFF, endpoints)
    assert result.exit_code == 0
    assert result.stderr.count("no endpoint takes the track 'offer'") == warnings


def test_an_endpoints_file_that_is_wrong_is_an_error(tmp_path: Path) -> None:
    result = check(tmp_path, "", "endpoints: { a: { kind: fax } }")
    assert result.exit_code == 2
    assert "endpoints.yml:1" in result.stderr


def test_with_a_history_the_reasons_that_the_policy_does_not_name_are_warnings_with_their_counts(
    tmp_path: Path,
) -> None:
    (tmp_path / "stalls.csv").write_text(HISTORY, encoding="utf-8")
    (tmp_path / "mapping.yml").write_text(MAPPING, encoding="utf-8")
    reasons = "reasons:\n  price: { track: offer }\n  bad_timing: { track: later }"
    options = "--history", str(tmp_path / "stalls.csv"), "--mapping", str(tmp_path / "mapping.yml")
    result = check(tmp_path, f"promises: {ALL_OFF}\n{reasons}", "", *options)
    assert result.exit_code == 0
    lines = [line.partition("policy.yml:")[2] for line in result.stderr.splitlines()]
    unnamed = "3: reasons: the policy does not name the reason"
    assert [line for line in lines if line.startswith("3")] == [
        f"{unnamed} 'budget' (2 in the history): 'otherwise' applies; name it here: 'budget: {{ track: … }}'",
        (
            f"{unnamed} 'Bad-Timing' (1 in the history): 'otherwise' applies; map it to 'bad_timing', or name it here: "
            "'Bad-Timing: { track: … }'"
        ),
    ]


def test_a_history_needs_a_mapping(tmp_path: Path) -> None:
    result = check(tmp_path, "", "", "--history", str(tmp_path))
    assert result.exit_code == 2
    assert "--history needs --mapping" in result.stderr
