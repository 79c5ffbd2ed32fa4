"""Whatever comes in whatever order, however often, with whatever breaking: Redis holds what one clean pass makes."""

import random
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from redis import Redis

from tests.projected import TURNS, MemoryLog, a_log, a_turn, a_worker, content, project, work
from tests.unit.projection.interference import Breaking, Interrupted
from tests.waiting import wait_for
from workers.projection import freshness
from workers.projection.log import LogBatch
from workers.read_model.generation import PartitionId
from workers.read_model.redis_keys import Keys


@pytest.mark.parametrize("seed", range(5))
def test_runs_of_any_size_in_any_order_make_the_same(redis: Any, seed: int) -> None:
    log = a_log(random.Random(seed), leads=40)
    one, other = f"one{uuid4().hex}", f"other{uuid4().hex}"
    project(log.records, redis, one, random.Random(1))
    project(log.records, redis, other, random.Random(2))
    assert content(redis, one) == content(redis, other)
    assert len([name for name in content(redis, one) if name.startswith("lead:")]) == 40


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_connections_that_break_anywhere_change_nothing(redis_url: str, seed: int) -> None:
    redis, dice = Redis.from_url(redis_url), random.Random(seed)
    log = a_log(dice, leads=10)
    clean, broken = f"clean{uuid4().hex}", f"broken{uuid4().hex}"
    project(log.records, redis, clean, random.Random(1))
    project(log.records, Breaking(redis, dice, 0.1), broken, dice)
    assert content(redis, clean) == content(redis, broken)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_workers_that_take_each_others_partitions_change_nothing(redis_url: str, seed: int) -> None:
    """Three members that all believe to own everything, as after a rebalance that some have not noticed."""
    redis, dice = Redis.from_url(redis_url), random.Random(seed)
    log = a_log(dice, leads=10)
    clean, fought = f"clean{uuid4().hex}", f"fought{uuid4().hex}"
    project(log.records, redis, clean, random.Random(1))
    members = [MemoryLog(log.records, dice, most=3) for _ in range(3)]
    workers = [a_worker(member, redis, fought) for member in members]
    for _ in range(TURNS):
        a_turn(dice.choice(workers))
        if redis.exists(Keys(fought).current):
            break
    project(log.records, redis, fought, dice)
    assert content(redis, fought) == content(redis, clean)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_workers_that_write_the_same_leads_at_the_same_time_change_nothing(redis_url: str, seed: int) -> None:
    """One has the snapshots, one all other topics, and one believes to have everything."""
    redis, dice = Redis.from_url(redis_url), random.Random(seed)
    log, app_id, clean = a_log(dice, leads=6), f"same{uuid4().hex}", f"clean{uuid4().hex}"
    snapshots = {place for place in log.records if place.topic == "lead-snapshots"}
    owned = (snapshots, set(log.records) - snapshots, None)
    folds = [Interrupted(dice) for _ in owned]
    members = [MemoryLog(log.records, dice, 3, own) for own in owned]
    workers = [a_worker(member, redis, app_id, fold=fold) for member, fold in zip(members, folds, strict=True)]
    calm = [a_worker(MemoryLog(log.records, dice, 3, own), redis, app_id) for own in owned]
    for n, fold in enumerate(folds):
        fold.others = calm[:n] + calm[n + 1 :]
    for _ in range(TURNS):
        a_turn(dice.choice(workers))
        if redis.exists(Keys(app_id).current):
            break
    project(log.records, redis, app_id, dice)
    project(log.records, redis, clean, dice)
    assert content(redis, app_id) == content(redis, clean)


def test_a_worker_without_partitions_has_nothing_that_could_be_old(redis: Any) -> None:
    log = a_log(random.Random(1), leads=5)
    member, registry = MemoryLog(log.records, random.Random(1)), CollectorRegistry()
    worker = a_worker(member, redis, f"spare{uuid4().hex}", registry=registry)
    work(worker, member)

    def has_freshness() -> bool:
        a_turn(worker)
        return bool(_complete(registry))

    wait_for(has_freshness, 10, "its freshness is exported")
    member.assigned, member.is_positioned, member.is_spare = frozenset(), False, True  # Kafka gave all to others
    a_turn(worker)
    assert _complete(registry) == 0


class Unresponsive(MemoryLog):
    """One partition returns no records, although it has more, until `seek` is called again."""

    seeks = 0

    def seek(self, positions: Mapping[PartitionId, int | None]) -> None:
        super().seek(positions)
        self.seeks += 1

    def take(self, seconds: float, most: int = 0) -> LogBatch:
        silent, before = min(self.assigned), dict(self._at)
        run = super().take(seconds, most)
        if self.seeks > 1 or not self.is_positioned:
            return run
        self._at[silent] = before[silent]
        kept = [one for one in run.records if one.place != silent]
        return LogBatch(kept, {place: end for place, end in run.ends.items() if place != silent})


def test_a_partition_that_returns_nothing_although_it_has_more_is_fetched_again(
    redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, dice = a_log(random.Random(1), leads=5).records, random.Random(1)
    app_id, clean = f"silent{uuid4().hex}", f"well{uuid4().hex}"
    log = Unresponsive(records, dice)
    worker = a_worker(log, redis, app_id)
    monkeypatch.setattr(freshness, "REQUEST_EVERY_SECONDS", 0.0)
    for _ in range(freshness.UNRESPONSIVE_AFTER):  # one step sends the request, the next one receives the response
        a_turn(worker)
    assert log.seeks == 1  # it may be slow
    work(worker, log)
    assert log.seeks == 2
    project(records, redis, clean, dice)
    assert content(redis, app_id) == content(redis, clean)


def _complete(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("leadloop_project_complete_timestamp_seconds")
