"""`leadloop check-record` on the command line."""

from pathlib import Path

from typer.testing import CliRunner

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from tests.builders import T0, a_created
from workers.cli import cli

GOOD = Codec(Catalogue.bundled()).encode(a_created("L-1", T0))


def test_a_file_and_the_standard_input_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_bytes(GOOD)
    for arguments, given in (([str(path)], b""), (["-"], GOOD)):
        done = CliRunner().invoke(cli, ["check-record", *arguments], input=given)
        assert done.exit_code == 0, done.output
        assert "lead-created: accepted" in done.output


def test_a_dead_letter_exits_with_1_and_a_missing_file_with_2(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text('{"lead_id": "L-1", "occurred_at": 1760000000000}')
    done = CliRunner().invoke(cli, ["check-record", str(path), "--topic", "lead-created"])
    assert done.exit_code == 1
    assert "no_event_id" in done.output
    missing = CliRunner().invoke(cli, ["check-record", str(tmp_path / "none")])
    assert missing.exit_code == 2
    assert "cannot be read" in missing.output
