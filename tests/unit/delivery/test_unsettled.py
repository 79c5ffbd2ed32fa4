"""The ages of unsettled deliveries: counted in the index, exported as metrics."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from schemas.events import DeliveryResult
from tests.unit.delivery.builders import NOW, a_delivery, a_recycle, a_retry_state
from workers.delivery.core.delivery_index import DeliveryIndex
from workers.delivery.core.model import RetryState
from workers.delivery.core.owned_partition import Delivery
from workers.delivery.core.unsettled import AGES, UnsettledCounter, due_since
from workers.delivery.events import RECYCLES
from workers.delivery.runtime.deliverer import Deliverer
from workers.delivery.runtime.metrics import DeliveryMetrics

SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
RECYCLE = a_recycle()
RETRY = a_retry_state()
REPLAY = replace(RETRY, replay="again", published_at=NOW + HOUR)


def a_result(outcome: Any, recycle_id: str = "r1", endpoint: str = "nurture") -> DeliveryResult:
    return DeliveryResult(endpoint=endpoint, recycle_id=recycle_id, action="RECYCLE", outcome=outcome, attempts=1)


def an_index(*retries: RetryState) -> DeliveryIndex:
    index = DeliveryIndex()
    for retry in retries:
        index.comes(RECYCLE, retry)
    return index


# -- since when -------------------------------------------------------------------------------------


@given(st.integers(0, 10 * DAY), st.none() | st.integers(0, 30 * DAY))
def test_the_rounded_due_time_is_at_most_a_minute_late_and_never_early(
    published_at: int, not_before: int | None
) -> None:
    due = max(published_at, not_before or 0)
    since = due_since(a_recycle(not_before=not_before), replace(RETRY, published_at=published_at))
    assert 0 <= since - due < (5 * SECOND if due < published_at + HOUR else 60 * SECOND)


def test_deliveries_published_in_the_same_seconds_share_an_entry() -> None:
    index = DeliveryIndex()
    events = [a_recycle(recycle_id=f"r{number}") for number in range(2)]
    retries = [replace(RETRY, published_at=NOW + 1 + number) for number in range(2)]
    for event, retry in zip(events, retries, strict=True):
        index.comes(event, retry)
    assert index.under_way(events[0], retries[0]) is index.under_way(events[1], retries[1])


# -- what the index counts -------------------------------------------------------------------------

FRESH = {("nurture", "under_15s"): 1}


def due(index: DeliveryIndex, now: int = NOW) -> dict[tuple[str, str], int]:
    """By endpoint and age, all but zeros."""
    return {key: parcels for key, parcels in index.due.by_age(now).items() if parcels}


def test_a_delivery_counts_from_its_opening_until_it_is_finished() -> None:
    index = an_index(RETRY)
    assert due(index) == FRESH
    index.begun(RECYCLE, RETRY)
    index.result(a_result("retry"))
    assert due(index) == FRESH
    index.result(a_result("accepted"))
    assert due(index) == {}


def test_a_delivery_repeated_after_a_crash_counts_once() -> None:
    index = an_index(RETRY, replace(RETRY, may_have_arrived=True), replace(RETRY, published_at=NOW - HOUR))
    assert due(index) == FRESH


def test_a_result_read_before_its_waiting_record_counts_once_that_is_read() -> None:
    index = DeliveryIndex()
    index.result(a_result("retry"))
    assert due(index) == {}
    index.comes(RECYCLE, replace(RETRY, attempts=1))
    index.result(a_result("retry"))
    assert due(index) == FRESH


def test_a_late_result_of_a_finished_delivery_does_not_count() -> None:
    index = an_index(RETRY)
    index.result(a_result("dead"))
    index.result(a_result("retry"))
    index.comes(RECYCLE, RETRY)
    assert due(index) == {}


def test_a_delivery_counts_only_once_it_is_due() -> None:
    index, event = DeliveryIndex(), a_recycle(not_before=NOW + HOUR)
    index.comes(event, RETRY)
    assert due(index, NOW + HOUR - 1) == {}
    assert due(index, NOW + HOUR + 60 * SECOND) == {("nurture", "under_1m"): 1}


def test_a_replay_counts_from_its_request() -> None:
    index = an_index(RETRY)
    index.result(a_result("dead"))
    index.comes(RECYCLE, REPLAY)
    assert due(index, REPLAY.published_at) == FRESH
    index.result(a_result("refused"), REPLAY.replay)
    assert due(index, REPLAY.published_at) == {}


def test_a_finished_replay_finishes_the_delivery_that_it_replays() -> None:
    index = an_index(RETRY, REPLAY)
    index.result(a_result("accepted"), REPLAY.replay)
    assert due(index, REPLAY.published_at) == {}


def test_a_delivery_of_unknown_age_does_not_count() -> None:
    assert due(an_index(replace(RETRY, published_at=0))) == {}


def test_an_accepted_delivery_is_accepted_for_all_its_replays() -> None:
    other = replace(REPLAY, replay="other")
    index = an_index(RETRY, REPLAY, other)
    index.result(a_result("refused"), other.replay)
    assert due(index, REPLAY.published_at) == FRESH
    index.comes(RECYCLE, replace(REPLAY, replay="third"))
    index.result(a_result("accepted"))
    assert (due(index, REPLAY.published_at), index.sizes[1]) == ({}, 0)


def test_a_dropped_delivery_is_no_longer_open() -> None:
    delivery = replace(a_delivery(), retry=REPLAY)
    partition = delivery.partition
    partition.open(delivery.record.record)
    partition.index.result(a_result("accepted"))
    partition.index.result(a_result("retry"), REPLAY.replay)  # late
    assert partition.index.sizes[1] == 1
    partition.enter(delivery)
    asyncio.run(_deliver(delivery))
    assert (due(partition.index), partition.index.sizes[1]) == ({}, 0)
    assert list(partition.positions()) == [("lead-recycled", 1)]


async def _deliver(delivery: Delivery) -> None:
    unused = {part.name: None for part in fields(Deliverer)}
    await Deliverer(**cast("Any", unused | {"lanes": {}, "now": lambda: NOW})).deliver(delivery)


# -- against a plain model --------------------------------------------------------------------------

Key = tuple[str, str, str]  # endpoint, recycle, replay


@dataclass
class Model:
    """What is under way, one entry a parcel, each with since when: counted anew each time."""

    since: dict[Key, int] = field(default_factory=dict)
    ended: set[Key] = field(default_factory=set)
    accepted: set[Key] = field(default_factory=set)

    def is_finished(self, key: Key) -> bool:
        first = (*key[:2], "")
        return first in self.accepted or (first in self.ended and (not key[2] or key in self.ended))

    def ends(self, key: Key, outcome: str) -> None:
        first = (*key[:2], "")
        for one in {key, first}:
            self.ended.add(one)
            self.since.pop(one, None)
        if outcome in ("accepted", "unverified"):
            self.accepted.add(first)
            self.since = {one: since for one, since in self.since.items() if one[:2] != key[:2]}

    def due(self, now: int) -> Counter[tuple[str, str]]:
        return Counter((endpoint, _age(now - since)) for (endpoint, _, _), since in self.since.items() if since <= now)


def _age(ms: int) -> str:
    for age, seconds in (("under_15s", 15), ("under_1m", 60), ("under_5m", 300), ("under_1h", 3600)):
        if ms <= seconds * SECOND:
            return age
    return "over_1h"


STEPS = st.tuples(
    st.sampled_from(["comes", "begun", "retry", "accepted", "unverified", "no_op", "refused", "dead"]),
    st.sampled_from(["nurture", "list"]),
    st.sampled_from(["r1", "r2"]),
    st.sampled_from(["", "a", "b"]),
    st.integers(-800, 800).map(lambda units: units * 5 * SECOND),  # since when, from now
    st.integers(0, 700) | st.just(0),  # seconds that pass
)


@given(st.lists(STEPS, max_size=40))
def test_the_index_counts_what_a_recount_finds(steps: list[tuple[str, str, str, str, int, int]]) -> None:
    index, model, now = DeliveryIndex(), Model(), NOW
    for what, endpoint, recycle_id, replay, ahead, passes in steps:
        key, since = (endpoint, recycle_id, replay), now + ahead
        event = a_recycle(recycle_id=recycle_id)
        retry = replace(RETRY, endpoint=endpoint, replay=replay, published_at=since)
        assert index.is_finished(event, retry) == model.is_finished(key)
        if what not in ("comes", "begun"):
            index.result(a_result(what, recycle_id, endpoint), replay)
            if what != "retry":
                model.ends(key, what)
        elif model.is_finished(key):
            index.drops(event, retry)
            model.since.pop(key, None)
        else:
            index.comes(event, retry)
            model.since.setdefault(key, -(-since // (5 * SECOND)) * 5 * SECOND)
            if what == "begun":
                index.begun(event, retry)
        now += passes * SECOND
        if passes:
            assert due(index, now) == model.due(now)
    assert due(index, now) == model.due(now)


@given(st.lists(st.tuples(st.integers(-900, 900), st.integers(1, 3), st.integers(0, 900)), max_size=30))
def test_an_entry_can_be_removed_at_any_later_time(steps: list[tuple[int, int, int]]) -> None:
    counted, now = UnsettledCounter(), NOW
    for ahead, parcels, passes in steps:
        counted.add("nurture", NOW + ahead * 5 * SECOND, parcels)
        counted.by_age(now)
        now += passes * 5 * SECOND
    for ahead, parcels, _ in steps:
        counted.add("nurture", NOW + ahead * 5 * SECOND, -parcels)
    assert not any(counted.by_age(now + DAY).values())


# -- metrics ----------------------------------------------------------------------------------------


def exported(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    """By endpoint and age."""
    (family,) = (one for one in registry.collect() if one.name == "leadloop_deliveries_unsettled")
    return {(one.labels["endpoint"], one.labels["age"]): one.value for one in family.samples}


def test_every_endpoint_and_age_is_exported_from_the_start() -> None:
    registry = CollectorRegistry()
    DeliveryMetrics(registry, dict.fromkeys(["nurture", "list"], RECYCLES))
    assert exported(registry) == {(endpoint, age): 0 for endpoint in ("nurture", "list") for age in AGES}


@pytest.mark.parametrize(
    ("seconds", "age"),
    [
        (0, "under_15s"),
        (15, "under_15s"),
        (20, "under_1m"),
        (65, "under_5m"),
        (300, "under_5m"),
        (305, "under_1h"),
        (3605, "over_1h"),
        (360_000, "over_1h"),
    ],
)
def test_the_age_of_a_delivery_is_how_long_it_has_been_due(seconds: int, age: str) -> None:
    counted = UnsettledCounter()
    counted.add("nurture", NOW - seconds * SECOND, 3)
    assert counted.by_age(NOW) == {("nurture", age): 3}


def test_partitions_add_up_and_finished_deliveries_are_no_longer_reported() -> None:
    registry = CollectorRegistry()
    metrics = DeliveryMetrics(registry, {"nurture": RECYCLES})
    metrics.not_settled([{("nurture", "over_1h"): 2}, {("nurture", "over_1h"): 1}])
    assert exported(registry)["nurture", "over_1h"] == 3
    metrics.not_settled([])
    assert set(exported(registry).values()) == {0}


def test_deliveries_for_an_endpoint_that_is_no_longer_configured_are_not_reported() -> None:
    registry = CollectorRegistry()
    DeliveryMetrics(registry, {"nurture": RECYCLES}).not_settled([{("retired", "over_1h"): 1}])
    assert set(exported(registry)) == {("nurture", age) for age in AGES}
    assert set(exported(registry).values()) == {0}
