"""The engine under simulated faults agrees with the reference, and the simulation does what it claims."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .summary import Summary
from .world import run

ROOT = Path(__file__).parents[2]
SEEDS = int(os.environ.get("LEADLOOP_SEEDS", "200"))


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_nothing_is_lost_or_invented_and_every_fault_happened() -> None:
    summary = Summary()
    for seed in range(SEEDS):
        result = run(seed)
        assert result.violation is None, f"python -m tests.simulation {seed}: {result.violation}"
        summary.add(result)
    assert not summary.missing(), str(summary)


def test_a_seed_decides_everything_in_any_process() -> None:
    digests = set()
    for hash_seed in ("1", "2"):
        command = [sys.executable, "-m", "tests.simulation", "7"]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=ROOT)
        digests.add(ran.stdout.splitlines()[0])
    assert len(digests) == 1
