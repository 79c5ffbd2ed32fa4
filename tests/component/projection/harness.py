"""Processes of the read side and commands, as a user runs them, and what they say of themselves."""

import math
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

from redis import Redis

from tests.waiting import TIMEOUT, wait_for
from tests.world import World
from workers.http.keys import digest_of, new_key

KEY = new_key()
#: What schemathesis checks of each response of report.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)


class Process:
    """One process whose output goes to a file; ends with `kill` or by itself.

    It runs a module, or a file of Python if the command begins with its path; the product's code is that of `tree`, if
    one is given, in place of this one.
    """

    def __init__(self, log: Path, env: Mapping[str, str], *command: str, tree: Path | None = None) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log, self._begins_at = log, log.stat().st_size if log.exists() else 0
        how = ["-P"] if command[0].endswith(".py") else ["-m"]
        words, env = [sys.executable, *how, *command], {**env, **({} if tree is None else {"PYTHONPATH": str(tree)})}
        with log.open("ab") as sink:
            self.process = subprocess.Popen(words, env=_only(env), stdout=sink, stderr=subprocess.STDOUT, cwd=tree)

    def said(self) -> str:
        return self._log.read_bytes()[self._begins_at :].decode(errors="replace")

    def ended(self) -> int:
        """How it ended by itself. Fails with what it said where it does not."""
        try:
            return self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired as stuck:
            raise AssertionError(f"{stuck}\n{self.said()[-3000:]}") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT)

    def address(self) -> str:
        """Where it answers, once it has said so."""
        found: list[str] = []

        def has_said() -> bool:
            assert self.process.poll() is None, self.said()[-3000:]
            found[:] = re.findall(r"http://127\.0\.0\.1:\d+", self.said())
            return bool(found)

        wait_for(has_said, 90, "it says where it is")
        return found[0]

    def get(self, path: str, key: str = "") -> tuple[int, Any]:
        """Status and body."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            with urlopen(Request(self.address() + path, headers=headers), timeout=10) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except HTTPError as fault:
            return fault.code, fault.read().decode()
        except ConnectionError as error:
            state = f"exit code {self.process.poll()}: {self.said()[-3000:]}"
            raise ConnectionError(f"{path}: {error!r}; {state}") from error

    def wait_ready(self, within: float = 60) -> None:
        self.address()

        def is_ready() -> bool:
            assert self.process.poll() is None, self.said()[-3000:]
            return self.get("/readyz")[0] == 200

        try:
            wait_for(is_ready, within, "it is ready")
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.get('/readyz')}\n{self.said()[-3000:]}") from None

    def metric(self, name: str, **labels: str) -> float:
        """A series' value; 0 where there is none."""
        said = ",".join(f'{label}="{value}"' for label, value in labels.items())
        line = re.escape(f"leadloop_{name}" + (f"{{{said}}}" if said else ""))
        found = re.search(rf"^{line} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return float(found[1]) if found else 0.0


def env(world: World, redis_url: str, app_id: str) -> dict[str, str]:
    keys = world.folder / "keys.yml"
    keys.write_text(f"sources:\n  test:\n    keys: [{digest_of(KEY)}]\n    scopes: [read]\n", encoding="utf-8")
    more = {"LEADLOOP_APP_ID": app_id, "LEADLOOP_KEYS_FILE": str(keys), "LEADLOOP_REPORT_PORT": "0"}
    return world.env(REDIS_URL=redis_url, **more)


def project(world: World, redis_url: str, app_id: str, *how: str, **more: str) -> Process:
    command, log = how or ("workers.cli", "project"), world.folder / f"{app_id}-{uuid4().hex[:4]}.log"
    return Process(log, {**env(world, redis_url, app_id), **more}, *command)


def whole(process: Process, within: float = 90) -> None:
    """Wait until the read model is complete."""
    process.wait_ready(within)
    wait_for(lambda: process.metric("project_complete_timestamp_seconds") > 0, within, "it has looked at the ends", 0.2)
    wait_for(lambda: _lag(process) == 0, within, "all is in", 0.2)


def filled(world: World, redis_url: str, app_id: str) -> None:
    """Let one process of project fill Redis, and end it."""
    process = project(world, redis_url, app_id)
    try:
        whole(process)
    finally:
        process.kill()


def copied(redis_url: str, whole_app: str, app_id: str) -> None:
    """Give an application the whole read model of another one."""
    redis = Redis.from_url(redis_url)
    with redis.pipeline(transaction=False) as pipe:
        for key in redis.scan_iter(match=f"leadloop:{whole_app}:*", count=5000):
            pipe.copy(key, key.decode().replace(f":{whole_app}:", f":{app_id}:", 1))
        assert all(pipe.execute())


def _lag(process: Process) -> float:
    """Records that are not in yet; endless if it does not say."""
    metrics = process.get("/metrics")[1]
    said = re.findall(r'^leadloop_project_lag_records\{topic="[^"]+"\} (\S+)$', metrics, re.MULTILINE)
    return sum(map(float, said)) if said else math.inf


def said(world: World, redis_url: str, app_id: str, *command: str) -> tuple[int, str]:
    """How a command ends, and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "workers.cli", *command],
        env=_only({**env(world, redis_url, app_id), "COLUMNS": "200"}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def _only(env: Mapping[str, str]) -> dict[str, str]:
    """With nothing else that Leadloop reads."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LEADLOOP_", "KAFKA_", "REDIS_"))}
    return {**kept, **env}
