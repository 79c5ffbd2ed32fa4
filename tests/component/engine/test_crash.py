"""The process ends at each step of the protocol: what another then makes of it is exact, and in order."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.component.engine.crash import EXIT, POINTS
from tests.component.engine.harness import Job, Worker
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kafka import Broker

Scenario: TypeAlias = tuple[str, str]
VARIANTS = {
    "memory-unbounded": {"rocks": False, "max_records": 100, "bounded": False},
    "rocks": {"rocks": True, "max_records": 100},
    "rocks-chunks-of-1": {"rocks": True, "max_records": 1},
}
SCENARIOS = [
    pytest.param(
        (variant, point),
        id=f"{variant}-{point.split(':')[0]}",
        marks=[pytest.mark.soak] if variant == "memory-unbounded" else [],
    )
    for variant in VARIANTS
    for point in POINTS
]


@pytest.fixture(scope="module")
def crashed(
    kafka: Broker, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Scenario, Future[Job]]]:
    """All chosen scenarios at once: each waits for sessions to end most of the time."""
    session = 6.0 if kafka.kind == "given" else 3.0  # of what crashed: the others wait for its end
    with ThreadPoolExecutor(9) as pool:
        jobs: dict[Scenario, Future[Job]] = {}
        for variant, point in chosen(request.session):
            settings = {**VARIANTS[variant], "session": session}
            job = Job(kafka, tmp_path_factory.mktemp("crash"), 2, settings)
            jobs[variant, point] = pool.submit(crash_and_go_on, job, point)
        yield jobs
        pool.shutdown(cancel_futures=True)


def chosen(session: pytest.Session) -> list[Scenario]:
    cases = [item.callspec.params for item in session.items if hasattr(item, "callspec")]
    return [case["scenario"] for case in cases if "scenario" in case]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_crash_neither_loses_nor_duplicates_records(crashed: dict[Scenario, Future[Job]], scenario: Scenario) -> None:
    job = crashed[scenario].result()
    job.assert_exact(in_order=bool(job.settings.get("bounded", True)))


def crash_and_go_on(job: Job, point: str) -> Job:
    """Crash the first worker at the point, let a second one finish."""
    try:
        job.feed(400, keys=40)
        if point.startswith("in_recovery"):
            fill_changelog(job)
        crashing = job.worker("a", crash=point, slow=0.02)
        if "drain" in point:
            join_another(job, crashing)
        assert crashing.ended() == EXIT, crashing.log.read_text()
        job.feed(100, keys=40)
        successor = job.worker("a")
        job.wait_done(successor, within=90)
        assert successor.stop() == 0
    finally:
        job.end()
    return job


def fill_changelog(job: Job) -> None:
    """And lose the local state: there is something to recover."""
    job.wait_done(first := job.worker("first"))
    first.kill()
    job.feed(200, keys=40)


def join_another(job: Job, crashing: Worker) -> None:
    """A second member: the first has to give partitions away.

    On a slow machine the first may have lost its session before, and so have drained and crashed already.
    """
    wait_for(lambda: job.lag() == 0 or not crashing.is_alive(), 60, "it has processed all, or crashed", every=0.2)
    job.feed(200, keys=40)
    if crashing.is_alive():
        job.worker("b", slow=0.02)
