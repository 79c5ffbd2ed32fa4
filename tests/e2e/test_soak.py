"""A short run of the fault injection, with what is most likely to hurt.

`make soak` does the same with all faults, for as long as one likes: docs/reliability.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kafka import REQUIRED, NoKafka, jars
from tests.redis import NoRedis, program
from tests.soak.options import Options
from tests.soak.run import soak
from tests.soak.table import lines_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.kafka, pytest.mark.soak]

FAULTS = (
    "SIGKILL streams",
    "SIGSTOP beyond the session streams",
    "SIGKILL deliver",
    "SIGTERM deliver",
    "SIGKILL import",
    "SIGKILL Kafka",
    "emptied Redis",
    "connection cut kafka",
    "bytes held, then delivered kafka",
    "receiver lies receiver",
    "receiver cuts receiver",
)


def test_nothing_is_lost_done_twice_or_swallowed_under_faults(tmp_path: Path) -> None:
    try:
        jars(), program()
    except (NoKafka, NoRedis) as missing:
        if REQUIRED:
            raise
        pytest.skip(f"needs a real server: {missing}")
    report = soak(Options(0.6, 600, seed=7, rounds=1, is_small=True, only=FAULTS), tmp_path, print)
    assert report.failures == [], "\n".join(lines_of(report))
