"""Options that the demo cannot use are reported before anything starts."""

from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workers.cli import cli
from workers.demo import run

MAPPING = resources.files("workers.demo").joinpath("history.yml").read_text(encoding="utf-8")


def _started(*_: object, **__: object) -> None:
    raise AssertionError("it was started")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--mapping", "m.yml"), "--mapping needs --data"),
        (("--data", "."), "--data needs --mapping"),
        (("--data", ".", "--mapping", "none.yml"), "the mapping none.yml cannot be read"),
        (("--data", "none", "--mapping", "m.yml"), "none"),
        (("--policy", "none.yml"), "none.yml cannot be read"),
        (("--policy", "bad.yml"), "bad.yml:1"),
    ],
)
def test_what_cannot_be_shown_is_said_before_anything_starts(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "demo_processes", _started)
    Path("m.yml").write_text(MAPPING, encoding="utf-8")
    Path("bad.yml").write_text("promise: {never_contacted: soon}\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["demo", *arguments])
    assert (result.exit_code, message in result.stderr) == (2, True), result.output
