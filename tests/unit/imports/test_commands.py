"""`leadloop import --check` and `leadloop mapping new`, as a user calls them, without Kafka."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from workers.cli import cli

MAPPING = """\
source: crm
tables:
  leads:
    files: "leads*"
    facts:
      - {kind: lead-created, lead_id: id, occurred_at: created}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    (tmp_path / "crm.yml").write_text(MAPPING)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, arguments)
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("rows", "options", "code", "text"),
    [
        ("L1,2024-05-01\n", (), 0, "1 facts would be published"),
        ("L1,2024-05-01\nL2,2024-05-01\nL3,soon\n", (), 0, "1 rows rejected, see rejects.jsonl"),
        ("L1,2024-05-01\nL2,2024-05-01\nL3,soon\n", ("--strict",), 1, "not_a_time"),
        ("L1,soon\n", (), 1, "NOTHING WOULD BE PUBLISHED"),
        ("L1,2024-05-01\nL2,soon\nL3,soon\n", (), 1, "MOST ROWS WERE REJECTED"),
    ],
)
def test_a_check_needs_no_kafka_and_ends_as_the_import_would(
    folder: Path, rows: str, options: tuple[str, ...], code: int, text: str
) -> None:
    (folder / "leads.csv").write_text(f"id,created\n{rows}")
    ended, output = run("import", "--check", "leads.csv", "--mapping", "crm.yml", *options)
    assert ended == code, output
    assert text in output


def test_a_check_names_the_zone_that_nobody_wrote(folder: Path) -> None:
    (folder / "leads.csv").write_text("id,created\nL1,2024-05-01 09:00\n")
    assert "no `zone:` is written" in run("import", "--check", "leads.csv", "--mapping", "crm.yml")[1]
    (folder / "crm.yml").write_text(f"zone: UTC\n{MAPPING}")
    assert "zone" not in run("import", "--check", "leads.csv", "--mapping", "crm.yml")[1]


def test_an_import_without_a_broker_says_so(folder: Path) -> None:
    (folder / "leads.csv").write_text("id,created\nL1,2024-05-01\n")
    ended, output = run("import", "leads.csv", "--mapping", "crm.yml")
    assert ended == 2
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in output


def test_a_new_mapping_is_written_to_a_new_file_and_can_be_checked(folder: Path) -> None:
    (folder / "leads-1.csv").write_text("Lead ID;Created on\nL1;01.05.2024 09:00\n")
    ended, output = run("mapping", "new", "leads-1.csv", "--source", "sales", "--output", "new.yml")
    assert (ended, "`leadloop import --check leads-1.csv --mapping new.yml`" in output) == (0, True), output
    assert run("import", "--check", "leads-1.csv", "--mapping", "new.yml")[0] == 0
    ended, output = run("mapping", "new", "leads-1.csv", "--output", "new.yml")
    assert (ended, "exists" in output) == (2, True)


def test_a_new_mapping_is_printed_without_line_breaks_of_the_terminal(folder: Path) -> None:
    (folder / "leads.csv").write_text(f"Lead ID,Created on\nL1,2024-05-01\n{'x' * 300},2024-05-01\n")
    ended, output = run("mapping", "new", "leads.csv")
    assert ended == 0
    assert "lead_id: Lead ID\n" in output
