"""Workers that come and go under load, politely and not."""

from __future__ import annotations

import os
import random
import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.component.engine.conftest import MakeJob
    from tests.component.engine.harness import Job, Worker
    from tests.kafka import Broker

MOVES = ("join", "kill", "term", "join", "kill", "join")
STORES = [pytest.param(True, id="rocks"), pytest.param(False, id="memory", marks=pytest.mark.soak)]


@pytest.mark.parametrize("rocks", STORES)
def test_state_and_outputs_are_exact_while_workers_join_leave_and_are_killed(
    real_kafka: Broker, make_job: MakeJob, rocks: bool
) -> None:
    job = make_job(real_kafka, 8, rocks=rocks, slow=0.05, max_records=100)
    churn(job, MOVES)


@pytest.mark.soak
@pytest.mark.parametrize("rocks", [False, True], ids=["memory", "rocks"])
def test_a_long_churn_changes_nothing(real_kafka: Broker, make_job: MakeJob, rocks: bool) -> None:
    seed = int(os.environ.get("LEADLOOP_SEED", "1"))
    moves = random.Random(seed).choices(("join", "kill", "term"), k=60)
    churn(make_job(real_kafka, 8, rocks=rocks, slow=0.05, max_records=200), moves, events=3000)


def churn(job: Job, moves: tuple[str, ...] | list[str], events: int = 600) -> None:
    """Feed and move in turn; a rejoining worker finds its old data. Polite leaves must exit 0."""
    running, free = {"w0": job.worker("w0"), "w1": job.worker("w1")}, ["w2"]
    job.feed(events)
    job.wait_done(*running.values())
    for move in moves:
        job.feed(events)
        wait_for(lambda: job.lag() < events // 2, 60)  # in the middle of the work
        apply(job, move if len(running) > 1 else "join", running, free)
        for name in [name for name, worker in running.items() if not worker.is_alive()]:
            pytest.fail(running[name].log.read_text()[-3000:])
    job.wait_done(*running.values(), within=90)
    assert [worker.stop() for worker in running.values()] == [0] * len(running)
    job.assert_exact()


def apply(job: Job, move: str, running: dict[str, Worker], free: list[str]) -> None:
    if move == "join":
        name = free.pop(0) if free else f"w{len(job.workers)}"
        running[name] = job.worker(name)
        return
    name = job.random.choice(sorted(running))
    worker = running.pop(name)
    free.append(name)
    if move == "kill":
        worker.kill()
    else:
        assert worker.stop() == 0, worker.log.read_text()[-3000:]


@pytest.mark.parametrize("rocks", STORES)
def test_a_worker_paused_beyond_its_session_does_not_overwrite_the_changelog_of_its_successor(
    real_kafka: Broker, make_job: MakeJob, rocks: bool
) -> None:
    job = make_job(real_kafka, 4, rocks=rocks, slow=0.2, max_records=10, session=6.0)
    paused = job.worker("paused")
    wait_for(lambda: len(job.recovered("paused")) == 4, 30)
    successor = job.worker("successor")
    # Both have claimed their two partitions: a worker that is paused before its claim would fence its successor later.
    wait_for(lambda: (len(job.recovered("paused")), len(job.recovered("successor"))) == (6, 2), 30)
    job.feed(1000, keys=60)
    wait_for(lambda: job.lag() < 900, 30)
    paused.signal(signal.SIGSTOP)
    job.wait_done(successor, within=60)  # it gets the partitions and does all the work
    job.feed(500, keys=60)
    paused.signal(signal.SIGCONT)
    job.wait_done(successor, within=60)
    # What the paused one holds is refused. It ends if that was a chunk, and joins again if it had just finished one.
    code = paused.stop() if paused.is_alive() else paused.ended()
    assert (code in {0, 70}, successor.stop()) == (True, 0)
    job.assert_exact()


def test_a_worker_stopped_during_a_rebalance_exits_0(real_kafka: Broker, make_job: MakeJob) -> None:
    job = make_job(real_kafka, 8, rocks=True, slow=0.05, max_records=100)
    keeper, leaver = job.worker("keeper"), job.worker("x0")
    codes = []
    for n in range(1, 3):
        job.feed(500)
        newcomer = job.worker(f"x{n}")
        wait_for(partial(has_said, newcomer, "joining group"), 30, every=0.01)
        codes.append(leaver.stop())
        leaver = newcomer
    job.wait_done(keeper, leaver, within=60)
    assert codes == [0] * 2
    assert [keeper.stop(), leaver.stop()] == [0, 0]
    job.assert_exact()


def has_said(worker: Worker, words: str) -> bool:
    return words in worker.log.read_text()
