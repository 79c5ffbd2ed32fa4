"""Without a bound, a chunk says up to which moment of the wall clock it is complete: is that true?"""

from __future__ import annotations

import signal
import time
from functools import partial
from typing import TYPE_CHECKING

from tests.waiting import pause, wait_for

if TYPE_CHECKING:
    from tests.component.engine.conftest import MakeJob
    from tests.component.engine.harness import Job
    from tests.kafka import Broker


def test_idle_partitions_are_complete_up_to_almost_the_wall_clock(kafka: Broker, make_job: MakeJob) -> None:
    job = make_job(kafka, bounded=False, tick=0.2)
    job.worker()
    wait_for(partial(is_complete_after, job, time.time() + 2), 20)
    wait_for(lambda: is_complete_after(job, time.time() - 2), 20)


def test_a_suspended_worker_does_not_declare_the_time_complete_in_which_records_were_published(
    kafka: Broker, make_job: MakeJob
) -> None:
    job = make_job(kafka, bounded=False, tick=0.05, session=20.0)
    worker = job.worker()
    for _ in range(4):
        job.feed(40, word=False)
        job.wait_done(worker)
        worker.signal(signal.SIGSTOP)
        job.feed(40, word=False)
        pause(1.2)
        worker.signal(signal.SIGCONT)
    job.wait_done(worker)
    wait_for(partial(is_complete_after, job, time.time()), 20)
    job.assert_exact(in_order=False)
    assert job.outputs()[b"overtaken"] == 0


def is_complete_after(job: Job, moment: float) -> bool:
    return job.complete_until() > moment * 1000
