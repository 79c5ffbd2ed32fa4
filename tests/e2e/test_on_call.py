"""What whoever is on call reads: faults on the running system, and what logs, doctor and `endpoints list` say of each.

Each fault has to be named, with what to do, within a minute; deliveries are overdue after five. What was seen is in
`observed.txt` of the test's folder: docs/runbooks.md has an example of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.kafka import REQUIRED, NoKafka, RealKafka
from tests.redis import NoRedis
from tests.running_system import POLICY, RunningSystem, created, running_system
from tests.waiting import TIMEOUT, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOON = 60
OVERDUE = 480
pytestmark = [pytest.mark.kafka, pytest.mark.soak]


@dataclass(frozen=True)
class OnCall:
    """The running system, as an operator with a terminal sees it."""

    system: RunningSystem
    folder: Path

    def leadloop(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "workers.cli", *words]
        env = {"PATH": os.environ["PATH"], "COLUMNS": "160", **self.system.env()}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=TIMEOUT, check=False)

    def doctor(self) -> tuple[int, dict[str, dict[str, str]]]:
        done = self.leadloop("doctor", "--json")
        return done.returncode, {row["about"]: row for row in map(json.loads, done.stdout.splitlines())}

    def wait_found(self, about: str, verdict: str, within: float = SOON) -> dict[str, str]:
        """Until doctor says so; its exit code follows."""
        found: dict[str, Any] = {}

        def is_found() -> bool:
            code, rows = self.doctor()
            found.clear()
            found.update(rows.get(about, {}))
            return found.get("verdict") == verdict and (verdict != "fail" or code == 1)

        wait_for(is_found, within, f"doctor says {verdict} about {about}", every=2.0)
        self.note(f"doctor: {verdict} {about}: {found['found']} → {found['todo']}")
        return found

    def wait_logged(self, process: str, *words: str, within: float = SOON) -> str:
        """Until the log of a process has a line with all of these words."""

        def lines() -> list[str]:
            said = self.system.processes[process].said().splitlines()
            return [line for line in said if all(word in line for word in words)]

        wait_for(lines, within, f"{process} logs {words}")
        self.note(f"log of {process}: {lines()[-1]}")
        return lines()[-1]

    def note(self, text: str) -> None:
        with (self.folder / "observed.txt").open("a") as file:
            file.write(text + "\n")


@pytest.fixture(scope="module")
def on_call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnCall]:
    folder = tmp_path_factory.mktemp("on-call")
    try:
        kafka = RealKafka(folder / "kafka")
        kafka.start()
    except NoKafka as missing:
        if REQUIRED:
            raise
        pytest.skip(str(missing))
    try:
        with running_system(kafka.bootstrap, folder) as system:
            yield OnCall(system, folder)
    except NoRedis as missing:
        if REQUIRED:
            raise
        pytest.skip(str(missing))
    finally:
        kafka.kill()


def test_an_endpoint_that_refuses_connections(on_call: OnCall) -> None:
    on_call.system.post(*(created(f"outage-{number}") for number in range(20)))
    line = on_call.wait_logged("deliver", "deliveries fail", "endpoint=gone", within=2 * SOON)
    assert "cause=" in line
    on_call.wait_logged("deliver", "the circuit is open", "endpoint=gone")
    on_call.wait_found("deliveries to gone", "warn")
    table = on_call.leadloop("endpoints", "list").stdout
    on_call.note(table)
    assert "gone: failed" in table
    assert "when it answers" in table
    finding = on_call.wait_found("deliveries to gone", "fail", OVERDUE)
    assert "overdue" in finding["found"]
    assert "docs/runbooks.md" in finding["todo"]
    on_call.wait_logged("deliver", "deliveries still fail", "endpoint=gone")
    assert on_call.leadloop("endpoints", "pause", "gone", "--why", "its owner fixes it").returncode == 0
    on_call.wait_logged("deliver", "the endpoint is paused", "endpoint=gone", "its owner fixes it")
    on_call.wait_found("deliveries to gone", "warn")


def test_a_worker_is_killed(on_call: OnCall) -> None:
    on_call.system.processes["streams-1"].kill()
    on_call.wait_logged("streams-2", "recovered")
    # Kafka counts it as a member until its session ends.
    wait_for(lambda: on_call.doctor()[1]["group of streams"]["found"].startswith("1 member of version "), SOON, "one")
    on_call.system.processes["streams-2"].kill()
    assert "start `leadloop streams`" in on_call.wait_found("group of streams", "fail", 2 * SOON)["todo"]
    on_call.wait_found("heartbeats", "fail", 2 * SOON)
    for name in ("streams-1", "streams-2"):
        on_call.system.start_streams(name)
    on_call.wait_found("heartbeats", "ok", 2 * SOON)


def test_redis_is_gone(on_call: OnCall) -> None:
    on_call.system.redis.kill()
    on_call.wait_logged("project", "nothing is written", "waits_for=redis")
    on_call.system.post(*(created(f"redis-{number}") for number in range(5)))
    on_call.wait_logged("deliver", "Redis does not answer")
    assert "REDIS_URL" in on_call.wait_found("redis", "fail")["todo"]
    on_call.system.redis.start()
    on_call.wait_logged("project", "writing again", "after=")
    on_call.wait_logged("deliver", "Redis answers again", "after=")
    on_call.wait_found("redis", "ok")


def test_a_policy_is_not_valid(on_call: OnCall) -> None:
    policy = on_call.system.folder / "policy.yml"
    policy.write_text(POLICY.replace("never_contacted:", "never_contactd:"), encoding="utf-8")
    on_call.wait_logged("streams-1", "the policy file is not valid")
    assert "never_contactd" in on_call.system.processes["streams-1"].said()
    assert "policy.yml:" in on_call.wait_found("policy", "fail")["found"]
    policy.write_text(POLICY, encoding="utf-8")
    on_call.wait_logged("streams-1", "the policy file is valid again")
    # It only warns: promises of seconds are doubtful.
    wait_for(lambda: on_call.doctor()[1]["policy"]["verdict"] != "fail", SOON, "doctor accepts the policy")


def test_a_twin_has_the_same_instance_id(on_call: OnCall) -> None:
    system = on_call.system

    def start(name: str) -> None:
        directory = str(system.folder / name)
        system.start(
            name, "streams", LEADLOOP_DATA_DIR=directory, LEADLOOP_METRICS_PORT="0", LEADLOOP_INSTANCE_ID="one"
        )

    for name in ("streams-1", "streams-2"):
        system.processes[name].kill()
    start("streams-first")
    on_call.wait_logged("streams-first", "recovered", within=2 * SOON)
    start("streams-twin")
    on_call.wait_logged("streams-first", "LEADLOOP_INSTANCE_ID=one", within=2 * SOON)
    assert system.processes["streams-first"].ended() == os.EX_SOFTWARE
    on_call.wait_found("group of streams", "ok", 2 * SOON)
