"""Leadloop's processes as a user starts them: a command with an environment, in a folder."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import TIMEOUT

ROOT = Path(__file__).parents[1]


def environment(**more: str) -> dict[str, str]:
    """The environment of this process with these variables, and without other settings of Leadloop."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEADLOOP_", "KAFKA_"))}
    return kept | {"PYTHONPATH": str(ROOT)} | more


def output_of(command: Sequence[str | Path], cwd: Path, **env: str) -> str:
    """Run any command, with more variables; it must exit 0. Returns its standard output."""
    settings = os.environ | env
    done = subprocess.run(
        list(command), env=settings, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def attempt(env: Mapping[str, str], cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever its exit code."""
    command = [sys.executable, "-m", "workers.cli", *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def run(env: Mapping[str, str], cwd: Path, *arguments: str) -> str:
    """Run a command that must exit 0; returns its standard output."""
    done = attempt(env, cwd, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def worker(env: Mapping[str, str], log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process for as long as the block lasts; its output goes to the log, whose folder is its working directory."""
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", *arguments], env=env, cwd=log.parent, stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(TIMEOUT)
