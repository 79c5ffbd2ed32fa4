"""“Follow one lead” in the README: its own commands, run as they stand there, show what it says they show."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.kafka import Broker
from tests.waiting import TIMEOUT
from tests.world import World

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "README.md").read_text(encoding="utf-8").split("## Follow one lead")[1].split("\n## ")[0]
BLOCKS = [re.sub(r"(?m)^ {3}", "", block) for block in re.findall(r"```\n(.*?)```", SECTION, re.DOTALL)]


def _run(script: str, world: World) -> list[dict[str, str]]:
    """Run a block; returns the records that it prints: time, topic, lead and the fields that have a value."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, **world.env(), "PATH": path},
        cwd=world.folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [shlex.split(line) for line in done.stdout.splitlines() if re.match(r"\d{4}-\S+ +lead-", line)]
    return [{"topic": topic} | dict(field.split("=", 1) for field in fields) for _, topic, _, *fields in lines]


def test_one_lead_can_be_followed_with_the_commands_of_the_readme(real_kafka: Broker, tmp_path: Path) -> None:
    _, make, begin, look, wait, back = BLOCKS
    world = World(real_kafka.bootstrap, tmp_path)
    create, start = make.strip().splitlines()
    assert start == "leadloop streams"
    _run(create, world)
    world.streams()
    try:
        _run(begin, world)
        world.settle()
        (snapshot,) = _run(look, world)
        assert (snapshot["stage"], snapshot["due_reason"]) == ("working", "no_follow_up")
        assert snapshot["due_at"].startswith("2026-03-09T15:30")
        importing, looking = wait.strip().splitlines()
        _run(importing, world)
        world.settle()
        newest = {row["topic"]: row for row in _run(looking, world)}
        assert newest["lead-stalled"]["reason"] == "no_follow_up"
        assert newest["lead-recycled"]["action"] == newest["lead-decisions"]["decision"] == "RECYCLE"
        *importing_back, looking = back.strip().splitlines()
        _run("\n".join(importing_back), world)
        world.settle()
        recycle, revoke = _run(looking, world)
        assert (revoke["action"], revoke["cause"]) == ("REVOKE", "moved")
        assert revoke["recycle_id"] == recycle["recycle_id"]
    finally:
        world.close()
