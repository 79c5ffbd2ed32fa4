"""What a former owner sends after its successor has written and committed changes nothing."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.component.engine.crash import STOPPED
from tests.component.engine.harness import LET_GO, Job
from tests.component.engine.test_recovery import COMPACTING
from tests.kafka_records import read_all
from tests.tcp_proxy import FENCED, DelayingProxy
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.component.engine.harness import Worker
    from tests.kafka import Broker

Scenario: TypeAlias = tuple[str, bool, bool, int]
"""How the former owner came to be late; whether the next worker has no store; whether the changelog is compacted; n."""

REPEAT = int(os.environ.get("LEADLOOP_LATE_REPEAT", "1"))

FENCED_WORKERS = os.environ.get("LEADLOOP_UNFENCED") != "1"  # without fencing each scenario loses facts
SETTINGS = {"rocks": True, "session": 3.0, "tick": 600, "fenced": FENCED_WORKERS}
KEYS = 10  # few: what the former owner writes, its successor writes as well
SCENARIOS = [
    pytest.param(
        (late, wiped, compacted, n),
        id="-".join([late, "wiped" if wiped else "intact", *(["compacted"] if compacted else []), f"{n}"]),
    )
    for n in range(REPEAT)
    for late in ("network", "stopped")
    for wiped in (False, True)
    for compacted in (False, True)
]


@pytest.fixture(scope="module")
def overtaken(
    kafka: Broker, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Scenario, Future[Job]]]:
    """All chosen scenarios at once: each waits for a session to end most of the time."""
    if kafka.kind == "mock":
        pytest.skip("needs a real Kafka: install java and mvn, or set KAFKA_BOOTSTRAP_SERVERS")
    with ThreadPoolExecutor(8) as pool:
        jobs: dict[Scenario, Future[Job]] = {}
        for scenario in chosen(request.session):
            job = Job(kafka, tmp_path_factory.mktemp("late"), 1, dict(SETTINGS), COMPACTING)
            jobs[scenario] = pool.submit(be_overtaken, job, scenario)
        yield jobs
        pool.shutdown(cancel_futures=True)


def chosen(session: pytest.Session) -> list[Scenario]:
    cases = [item.callspec.params for item in session.items if hasattr(item, "callspec")]
    return [case["late"] for case in cases if "late" in case]


@pytest.mark.parametrize("late", SCENARIOS)
def test_what_a_former_owner_sends_late_loses_nothing(overtaken: dict[Scenario, Future[Job]], late: Scenario) -> None:
    overtaken[late].result().assert_exact()


def test_outputs_that_a_former_owner_sends_late_do_not_follow_those_of_its_successor(
    real_kafka: Broker, tmp_path: Path
) -> None:
    job = Job(real_kafka, tmp_path, 1, dict(SETTINGS))
    try:
        with DelayingProxy(job.broker.bootstrap, f"{job.name}-out") as proxy:
            work_for_a_while(job)
            former = be_held(job, proxy)
            former.kill()
            successor = take_over(job, compacted=False)
            assert proxy.release() == FENCED
            assert successor.stop() == 0
        job.assert_exact()
    finally:
        job.end()


def be_overtaken(job: Job, scenario: Scenario) -> Job:
    how, wiped, compacted, _ = scenario
    try:
        if how == "network":
            with DelayingProxy(job.broker.bootstrap, f"{job.name}-changelog") as proxy:
                answer = deliver_late(job, proxy, wiped=wiped, compacted=compacted)
            job.assert_exact()
            assert answer == FENCED
        else:
            continue_late(job, wiped=wiped, compacted=compacted)
            job.assert_exact()
    finally:
        job.end()
    return job


def deliver_late(job: Job, proxy: DelayingProxy, *, wiped: bool, compacted: bool) -> int:
    """A produce request to the changelog is held from before a takeover until after it; returns its answer."""
    work_for_a_while(job)
    be_held(job, proxy).kill()
    successor = take_over(job, compacted=compacted)
    answer = proxy.release()
    recover(job, successor, wiped=wiped, compacted=compacted)
    return answer


def be_held(job: Job, proxy: DelayingProxy) -> Worker:
    """Start a worker behind the proxy, which holds the next that it sends of a chunk to the topic of the proxy."""
    worker = job.worker("a", proxy=proxy.port)
    wait_for(lambda: len(job.recovered("a")) == 2, 60)  # what it sends next is a chunk
    proxy.hold()
    job.feed(50, keys=KEYS)
    proxy.wait_held(60)
    return worker


def continue_late(job: Job, *, wiped: bool, compacted: bool) -> None:
    """A worker stops between the lease and the send, and continues after a takeover."""
    work_for_a_while(job)
    job.feed(50, keys=KEYS)
    former = job.worker("a", crash=STOPPED)
    former.wait_stopped()
    successor = take_over(job, compacted=compacted)
    former.signal(signal.SIGCONT)
    assert former.ended() == LET_GO, former.log.read_text()
    recover(job, successor, wiped=wiped, compacted=compacted)


def work_for_a_while(job: Job) -> None:
    """There is state."""
    job.feed(100, keys=KEYS)
    worker = job.worker("a")
    job.wait_done(worker)
    assert worker.stop() == 0


def take_over(job: Job, *, compacted: bool) -> Worker:
    """Another worker does the same work, and more of it, and commits."""
    job.feed(50, keys=KEYS)
    job.settings["tick"] = 0.5 if compacted else 600
    tended = {"b": job.worker("b")}
    job.wait_done_tended(tended)  # on a loaded machine its short session may end
    successor = tended["b"]
    if compacted:
        wait_compacted(job, successor)
    return successor


def recover(job: Job, successor: Worker, *, wiped: bool, compacted: bool) -> None:
    """The successor ends, and a worker with its store, or with none, goes on."""
    if compacted:
        wait_compacted(job, successor)
    successor.kill()
    job.feed(50, keys=KEYS)
    job.wait_done_tended({name: job.worker(name) for name in ("c" if wiped else "b")})


def wait_compacted(job: Job, writer: Worker) -> None:
    """Until little is left of what the changelog holds now but the newest values; the writer's ticks roll segments."""

    def offsets() -> set[int]:
        return {record.offset for record in read_all(job.broker.bootstrap, f"{job.name}-changelog")}

    before = offsets()
    wait_for(lambda: not writer.is_alive() or len(before & offsets()) <= KEYS + 5, 60, every=0.3)
