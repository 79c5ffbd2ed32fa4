"""The engine on any broker, as a user starts it: merged order, state, outputs, a clean end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.waiting import pause, wait_for

if TYPE_CHECKING:
    from tests.component.engine.conftest import MakeJob
    from tests.kafka import Broker


@pytest.mark.parametrize("chunk", [1, 2000])
@pytest.mark.parametrize("rocks", [False, True], ids=["memory", "rocks"])
def test_state_and_outputs_are_exact_and_in_event_time_order(
    kafka: Broker, make_job: MakeJob, rocks: bool, chunk: int
) -> None:
    job = make_job(kafka, rocks=rocks, max_records=chunk)
    job.feed(1000)
    worker = job.worker()
    job.wait_done(worker)
    job.feed(500)
    job.wait_done(worker)
    assert worker.stop() == 0
    job.assert_exact()


def test_no_record_is_processed_before_a_heartbeat_declares_the_inputs_complete(
    kafka: Broker, make_job: MakeJob
) -> None:
    job = make_job(kafka, tick=0.2)
    job.feed(500)
    worker = job.worker()
    job.wait_done(worker)
    job.feed(500, word=False)
    ticks = job.ticks()
    wait_for(lambda: job.ticks() > ticks + 4, 20)
    assert sum(map(len, job.state().values())) == 500
    job.heartbeat()
    job.wait_done(worker)
    job.assert_exact()


def test_unbounded_records_are_processed_without_a_heartbeat(kafka: Broker, make_job: MakeJob) -> None:
    job = make_job(kafka, bounded=False)
    job.feed(2000, word=False)
    job.wait_done(job.worker())
    job.assert_exact(in_order=False)


def test_a_worker_stopped_at_any_moment_of_its_start_exits_0(kafka: Broker, make_job: MakeJob) -> None:
    job = make_job(kafka)
    job.feed(200)
    workers = [job.worker(f"w{n}") for n in range(5)]
    for worker in workers:
        worker.wait_heeds(signal.SIGTERM)  # before, the signal ends any process
        pause(0.7)
        worker.signal(signal.SIGTERM)
    assert [worker.ended() for worker in workers] == [0] * 5
    job.wait_done(job.worker())
    job.assert_exact()
