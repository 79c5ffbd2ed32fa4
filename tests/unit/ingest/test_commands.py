"""What the commands of ingest say."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from workers.cli import cli
from workers.http.auth import KeyRing

DELIVERED = Path(__file__).parents[3] / "deploy/config/webhooks.yml"


def test_a_new_key_is_the_only_text_on_stdout_and_its_digest_is_valid_in_the_keys_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["keys", "new", "--source", "erp", "--scope", "ingest", "--scope", "read"])
    assert result.exit_code == 0
    (key,) = result.stdout.split()
    document = "sources:" + result.stderr.partition("\nsources:")[2]
    (tmp_path / "keys.yml").write_text(document, encoding="utf-8")
    assert key not in document
    principal = KeyRing(tmp_path / "keys.yml").admit(f"Bearer {key}", "read")
    assert (principal.name, set(principal.scopes)) == ("erp", {"ingest", "read"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scope", "write"), "--scope write is not one of ingest, read"),
        (("--source", "a: b"), "not a valid source name"),
    ],
)
def test_keys_new_rejects_what_the_keys_file_would_reject(arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(cli, ["keys", "new", *arguments])
    assert (result.exit_code, result.stdout, message in result.stderr) == (2, "", True), result.stderr


def test_a_webhooks_file_is_checked() -> None:
    result = CliRunner().invoke(cli, ["webhooks", "check", str(DELIVERED)])
    assert result.exit_code == 0
    assert "pipedrive: pipedrive, authenticated by a key of pipedrive" in result.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [("systems:\n  crm:\n    dialect: hubspto\n", "webhooks.yml:3: systems.crm.dialect"), ("systems: {}\n", "systems")],
)
def test_errors_of_the_webhooks_file_are_reported_with_their_lines(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "webhooks.yml"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(cli, ["webhooks", "check", str(path)])
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
