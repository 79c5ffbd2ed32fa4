"""The demo, as a newcomer runs it: it ends, and says what happened."""

import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

from tests.waiting import TIMEOUT
from workers.demo.generated_history import write_history


def _demo(*arguments: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LEADLOOP_", "KAFKA_", "REDIS_"))}
    command = [sys.executable, "-m", "workers.cli", "demo", "--speed", "0", *map(str, arguments)]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def test_the_demo_runs_to_its_end_and_tells_the_same_each_time(tmp_path: Path) -> None:
    said = [_demo("--leads", "300", "--until", "2026-06-30", folder=tmp_path) for _ in range(2)]
    assert [run.returncode for run in said] == [0, 0], said[0].stdout + said[0].stderr
    happened = [run.stdout[run.stdout.index("What happened") : run.stdout.index("What arrived.")] for run in said]
    assert _figures(happened[0]) == _figures(happened[1])
    assert "300 leads" in said[0].stdout


def test_what_stands_with_the_marketing_tool_is_what_was_decided(tmp_path: Path) -> None:
    run = _demo("--leads", "200", folder=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    said = " ".join(run.stdout[run.stdout.index("Why.") :].split())
    (decided, taken_back, stand) = _figures(
        re.findall(r"Of these [\d,]+, [\d,]+ were taken back.*?[\d,]+ stand", said)[0]
    )
    arrived = said[said.index("What arrived.") : said.index("Try next.")]
    recycles, revokes, refused, unsent, standing, there, waiting, *_ = _figures(arrived)
    expired = sum(_figures(" ".join(re.findall(r"[\d,]+ were not sent, since", arrived))))
    assert (decided - taken_back, refused) == (stand, 0)
    assert standing == stand
    assert there == recycles - revokes > 0
    assert waiting > 0
    assert there + waiting <= standing <= there + waiting + expired
    assert recycles + revokes + unsent + expired <= decided + taken_back


def _figures(text: str) -> list[int]:
    return [int(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*", text)]


def test_the_demo_takes_files_of_the_user(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    write_history(files, leads=50)
    mapping = tmp_path / "mapping.yml"
    mapping.write_text(resources.files("workers.demo").joinpath("history.yml").read_text())
    run = _demo("--data", files, "--mapping", mapping, folder=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "50 leads" in run.stdout


def test_the_demo_says_what_is_missing(tmp_path: Path) -> None:
    run = _demo("--data", tmp_path, folder=tmp_path)
    assert run.returncode == 2
    assert "--mapping" in run.stderr
