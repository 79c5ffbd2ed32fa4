"""“Try it with curl”: the README's own commands on a real Kafka, and those that `leadloop demo --stay` prints."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kafka import Broker, free_ports
from tests.waiting import TIMEOUT, wait_for
from tests.world import World
from workers.demo.walk import commands

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "README.md").read_text(encoding="utf-8").split("## Try it with curl")[1].split("\n## ")[0]
BIN = Path(sys.executable).parent
PORTS = ("8001", "8002", "8003", "8010", "8020", "8030")


class Shell:
    """A user's second shell: what was exported in the first is there."""

    def __init__(self, exports: str, folder: Path) -> None:
        self._exports = exports
        self._folder = folder

    def run(self, command: str) -> dict[str, Any]:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{self._exports}\n{command}"],
            cwd=self._folder,
            env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    def run_until(self, command: str, count: int) -> dict[str, Any]:
        """Look at the marketing tool until so many messages are there."""
        wait_for(lambda: len(self.run(command)["messages"]) >= count, 60, f"{count} messages")
        return self.run(command)


def _walk(shell: Shell) -> None:
    """The five curl commands, and the read side."""
    create, touch, stall, look, reply, read = re.split(r"\n\n", commands())
    for post in (create, touch, stall):
        assert shell.run(post)["status"] == 202
    stalled_at = int(time.time())
    found = shell.run_until(look, 1)
    (recycle,) = found["messages"]
    assert (recycle["type"], recycle["signature"]) == ("lead.recycled", "verified")
    assert (found["in_nurture"], found["track"]) == (True, "nurture")
    wait_for(lambda: time.time() >= stalled_at + 1, 5, "a later second: the reply is younger than the stall")
    assert shell.run(reply)["status"] == 202
    found = shell.run_until(look, 2)
    assert not found["in_nurture"]
    assert [one["type"] for one in found["messages"]] == ["lead.recycled", "lead.revoked"]
    assert len({one["data"]["recycle_id"] for one in found["messages"]}) == 1
    wait_for(lambda: _delivered(shell.run(read)) == 2, 60, "both deliveries can be read")
    lead = shell.run(read)
    assert (lead["stage"], lead["recycled"][0]["state"]) == ("working", "revoked")


def _delivered(lead: dict[str, Any]) -> int:
    return sum(event["kind"] == "delivered" for event in lead["timeline"])


@contextmanager
def _processes_of_the_readme(begin: str, world: World, env: dict[str, str]) -> Iterator[Shell]:
    exports, log = world.folder / "exports", world.folder / "log"
    with log.open("wb") as sink:
        shell = subprocess.Popen(
            [
                "bash",
                "-euo",
                "pipefail",
                "-c",
                f"{begin}\ndeclare -x > {exports}.new; mv {exports}.new {exports}; wait",
            ],
            cwd=world.folder,
            env={**os.environ, **env, "PATH": f"{BIN}:{os.environ['PATH']}"},
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        wait_for(lambda: exports.exists() or shell.poll() is not None, 120, "everything is started")
        assert shell.poll() is None, log.read_text()
        yield Shell(exports.read_text(), world.folder)
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait(TIMEOUT)


def test_the_readme_has_the_commands_that_the_demo_prints() -> None:
    assert commands() in SECTION


def test_the_curl_commands_of_the_readme_work_on_a_real_kafka(
    real_kafka: Broker, redis_url: str, tmp_path: Path
) -> None:
    world = World(real_kafka.bootstrap, tmp_path)
    begin = re.findall(r"```\n(.*?)```", SECTION, re.DOTALL)[0]
    begin = begin.replace("localhost:9092", world.bootstrap).replace("redis://localhost:6379/0", redis_url)
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    for port, free in ports.items():
        begin = begin.replace(port, free)
    serving = {
        "LEADLOOP_METRICS_PORT": ports["8001"],
        "LEADLOOP_INGEST_PORT": ports["8010"],
        "LEADLOOP_REPORT_PORT": ports["8020"],
    }
    env = world.env(LEADLOOP_CLOCK="wall", LEADLOOP_DATA_DIR=str(tmp_path / "data"), **serving)
    with _processes_of_the_readme(begin, world, env) as shell:
        _walk(shell)  # at once: the block itself waits until all are ready
        assert {path.name for path in tmp_path.iterdir() if path.is_file()} <= {"log", "exports"}, "secrets are in var"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
def test_the_curl_commands_work_with_demo_stay_and_a_killed_demo_leaves_no_process(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LEADLOOP_", "KAFKA_", "REDIS_"))}
    env["TMPDIR"] = str(tmp_path)  # a demo that is killed leaves its folder behind
    said = tmp_path / "said"
    command = [sys.executable, "-m", "workers.cli", "demo", "--leads", "100", "--speed", "0", "--stay"]
    with said.open("wb") as sink:
        demo = subprocess.Popen(command, env=env, cwd=tmp_path, stdout=sink, stderr=sink)
    try:
        wait_for(lambda: "Ctrl-C ends the demo" in said.read_text() or demo.poll() is not None, 120, "it stays")
        text = said.read_text()
        assert demo.poll() is None, text
        assert commands() in text
        family = _offspring(demo.pid)
        assert len(family) > 8
        _walk(Shell("\n".join(line for line in text.splitlines() if line.startswith("export ")), tmp_path))
    finally:
        demo.kill()
        demo.wait(TIMEOUT)
    wait_for(lambda: not any(map(_is_alive, family)), 30, "all processes of a killed demo have ended")


def _offspring(pid: int) -> set[int]:
    """All processes that stem from this one."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, seen = {pid}, 0
    while len(found) > seen:
        seen = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
