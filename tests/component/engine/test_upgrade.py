"""Workers of the version before fencing leave state behind, and run beside new ones during a rolling upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.component.engine.conftest import MakeJob
    from tests.kafka import Broker


@pytest.mark.parametrize("store", ["intact", "wiped"])
def test_an_upgrade_continues_with_the_changelog_and_the_store_of_the_version_before(
    real_kafka: Broker, make_job: MakeJob, store: str
) -> None:
    job = make_job(real_kafka, 2, rocks=True)
    job.feed(500, keys=50)
    before = job.worker("a", fenced=False)
    job.wait_done(before)
    assert before.stop() == 0
    job.feed(500, keys=50)
    upgraded = job.worker("a" if store == "intact" else "b")
    job.wait_done(upgraded)
    assert upgraded.stop() == 0
    job.assert_exact()


def test_a_downgrade_continues_with_the_changelog_and_the_store_too(real_kafka: Broker, make_job: MakeJob) -> None:
    job = make_job(real_kafka, 2, rocks=True)
    for fenced in (True, False, True):
        job.feed(300, keys=50)
        worker = job.worker("a", fenced=fenced)
        job.wait_done(worker)
        assert worker.stop() == 0
    job.assert_exact()


def test_a_rolling_upgrade_changes_nothing(real_kafka: Broker, make_job: MakeJob) -> None:
    job = make_job(real_kafka, 4, rocks=True, slow=0.05, max_records=50)
    workers = {name: job.worker(name, fenced=False) for name in ("a", "b")}
    for name in ("a", "b"):
        job.feed(600)
        wait_for(lambda: job.lag() < 400, 60)  # in the middle of the work
        assert workers[name].stop() == 0
        workers[name] = job.worker(name)
    job.feed(300)
    job.wait_done(*workers.values())
    assert [worker.stop() for worker in workers.values()] == [0, 0]
    job.assert_exact()
