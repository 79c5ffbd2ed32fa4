"""Jobs whose workers end with the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.component.engine.harness import Job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kafka import Broker


class MakeJob(Protocol):
    def __call__(self, broker: Broker, partitions: int = 4, **settings: Any) -> Job: ...


@pytest.fixture
def make_job(tmp_path: Path) -> Iterator[MakeJob]:
    jobs: list[Job] = []

    def make(broker: Broker, partitions: int = 4, **settings: Any) -> Job:
        jobs.append(Job(broker, tmp_path, partitions, settings))
        return jobs[-1]

    yield make
    for job in jobs:
        job.end()
