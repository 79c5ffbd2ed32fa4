"""The owner of a partition claims it again and again, since Kafka forgets what is not used."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from streams.engine.fencing import OWNER_KEY
from tests.component.engine.crash import STOPPED_BEFORE_CLAIM
from tests.kafka_records import read_all
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.component.engine.conftest import MakeJob
    from tests.component.engine.harness import Job
    from tests.kafka import Broker


def test_claims_are_renewed_at_work_and_when_idle(real_kafka: Broker, make_job: MakeJob) -> None:
    job = make_job(real_kafka, 2, rocks=True, slow=0.05, max_records=20, tick=0.2, renew_after=0.3)
    worker = job.worker("a")
    for _ in range(3):
        before = claims(job)
        job.feed(300)
        job.wait_done(worker)
        wait_for(partial(has_claimed, job, before + 3), 30)
    assert worker.stop() == 0
    again = job.worker("a")
    job.feed(100)
    job.wait_done(again)
    assert again.stop() == 0
    job.assert_exact()


@pytest.mark.parametrize("point", STOPPED_BEFORE_CLAIM)
def test_a_worker_that_was_stopped_before_its_claim_fences_no_owner(
    real_kafka: Broker, make_job: MakeJob, point: str
) -> None:
    job = make_job(real_kafka, 1, rocks=True, session=6.0, slow=0.05, max_records=5)
    job.feed(1_000)
    paused = job.worker("a", crash=point)
    paused.wait_stopped()
    owner = job.worker("b")
    wait_for(lambda: job.lag() < 900, 60)  # it has claimed the partition, and has much to do
    paused.signal(signal.SIGCONT)
    job.wait_done_tended({"a": paused, "b": owner})
    assert "has taken over" not in owner.log.read_text()
    job.assert_exact()


def has_claimed(job: Job, times: int) -> bool:
    return claims(job) >= times


def claims(job: Job) -> int:
    """The fewest of any partition; the changelog is not compacted while the test runs."""
    log = read_all(job.broker.bootstrap, f"{job.name}-changelog")
    found = [record.partition for record in log if record.key == OWNER_KEY]
    return min(found.count(number) for number in range(job.partitions))
