"""How old what is not settled is: what the ledger counts, and what is told of it."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from schemas.events import DeliveryResult
from tests.unit.delivery.builders import NOW, a_pending, a_recycle
from workers.delivery.core.index import DeliveryIndex
from workers.delivery.core.model import RetryState
from workers.delivery.core.partition import Item, OpenRecord, OwnedPartition
from workers.delivery.core.unsettled import AGES, UnsettledCounter, due_since
from workers.delivery.runtime.dispatch import Dispatch
from workers.delivery.runtime.metrics import DeliveryMetrics

SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
RECYCLE = a_recycle()
NOTE = a_pending().note
REPLAY = replace(NOTE, replay="again", published_at=NOW + HOUR)


def a_result(outcome: Any, recycle_id: str = "r1", endpoint: str = "nurture") -> DeliveryResult:
    return DeliveryResult(endpoint=endpoint, recycle_id=recycle_id, action="RECYCLE", outcome=outcome, attempts=1)


def a_ledger(*notes: RetryState) -> DeliveryIndex:
    ledger = DeliveryIndex()
    for note in notes:
        ledger.comes(RECYCLE, note)
    return ledger


# -- since when -------------------------------------------------------------------------------------


@given(st.integers(0, 10 * DAY), st.none() | st.integers(0, 30 * DAY))
def test_nothing_looks_older_than_it_is_nor_more_than_a_minute_younger(told: int, not_before: int | None) -> None:
    due = max(told, not_before or 0)
    since = due_since(a_recycle(not_before=not_before), replace(NOTE, published_at=told))
    assert 0 <= since - due < (5 * SECOND if due < told + HOUR else 60 * SECOND)


def test_what_is_told_in_the_same_seconds_shares_its_entry() -> None:
    ledger = DeliveryIndex()
    events = [a_recycle(recycle_id=f"r{number}") for number in range(2)]
    notes = [replace(NOTE, published_at=NOW + 1 + number) for number in range(2)]
    for event, note in zip(events, notes, strict=True):
        ledger.comes(event, note)
    assert ledger.under_way(events[0], notes[0]) is ledger.under_way(events[1], notes[1])


# -- what the ledger counts -------------------------------------------------------------------------

FRESH = {("nurture", "under_15s"): 1}


def due(ledger: DeliveryIndex, now: int = NOW) -> dict[tuple[str, str], int]:
    """By endpoint and age, all but zeros."""
    return {key: parcels for key, parcels in ledger.due.by_age(now).items() if parcels}


def test_a_parcel_counts_from_when_it_comes_until_it_ends() -> None:
    ledger = a_ledger(NOTE)
    assert due(ledger) == FRESH
    ledger.begun(RECYCLE, NOTE)
    ledger.result(a_result("retry"))
    assert due(ledger) == FRESH
    ledger.result(a_result("accepted"))
    assert due(ledger) == {}


def test_a_parcel_that_comes_again_after_a_crash_counts_once() -> None:
    ledger = a_ledger(NOTE, replace(NOTE, may_have_arrived=True), replace(NOTE, published_at=NOW - HOUR))
    assert due(ledger) == FRESH


def test_a_result_that_is_read_before_what_waits_counts_once_that_is_read() -> None:
    ledger = DeliveryIndex()
    ledger.result(a_result("retry"))
    assert due(ledger) == {}
    ledger.comes(RECYCLE, replace(NOTE, attempts=1))
    ledger.result(a_result("retry"))
    assert due(ledger) == FRESH


def test_a_late_word_about_what_is_finished_makes_nothing_count() -> None:
    ledger = a_ledger(NOTE)
    ledger.result(a_result("dead"))
    ledger.result(a_result("retry"))
    ledger.comes(RECYCLE, NOTE)
    assert due(ledger) == {}


def test_what_is_not_due_yet_does_not_count_until_it_is() -> None:
    ledger, event = DeliveryIndex(), a_recycle(not_before=NOW + HOUR)
    ledger.comes(event, NOTE)
    assert due(ledger, NOW + HOUR - 1) == {}
    assert due(ledger, NOW + HOUR + 60 * SECOND) == {("nurture", "under_1m"): 1}


def test_a_replay_counts_from_when_it_was_asked_for() -> None:
    ledger = a_ledger(NOTE)
    ledger.result(a_result("dead"))
    ledger.comes(RECYCLE, REPLAY)
    assert due(ledger, REPLAY.published_at) == FRESH
    ledger.result(a_result("refused"), REPLAY.replay)
    assert due(ledger, REPLAY.published_at) == {}


def test_a_replay_that_ends_is_the_end_of_what_it_replays() -> None:
    ledger = a_ledger(NOTE, REPLAY)
    ledger.result(a_result("accepted"), REPLAY.replay)
    assert due(ledger, REPLAY.published_at) == {}


def test_a_parcel_of_which_nobody_knows_since_when_does_not_count() -> None:
    assert due(a_ledger(replace(NOTE, published_at=0))) == {}


def test_what_was_accepted_is_so_for_all_that_replays_it() -> None:
    other = replace(REPLAY, replay="other")
    ledger = a_ledger(NOTE, REPLAY, other)
    ledger.result(a_result("refused"), other.replay)
    assert due(ledger, REPLAY.published_at) == FRESH
    ledger.comes(RECYCLE, replace(REPLAY, replay="third"))
    ledger.result(a_result("accepted"))
    assert (due(ledger, REPLAY.published_at), ledger.sizes[1]) == ({}, 0)


def test_what_is_dropped_is_under_way_no_more() -> None:
    route = OwnedPartition(0, DeliveryIndex(), {}, {})
    route.ledger.result(a_result("accepted"))
    route.ledger.result(a_result("retry"), REPLAY.replay)  # late
    assert route.ledger.sizes[1] == 1
    receipt = OpenRecord("delivery-wait-1s", 0, 0, None, b"", lambda: None, left=1)
    item = Item(replace(a_pending(), note=REPLAY), receipt, route)
    route.enter(item)
    asyncio.run(_proceed(item))
    assert (due(route.ledger), route.ledger.sizes[1]) == ({}, 0)


async def _proceed(item: Item) -> None:
    unused = {part.name: None for part in fields(Dispatch)}
    Dispatch(**cast("Any", unused | {"lanes": {}, "now": lambda: NOW})).proceed(item)


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
def test_the_ledger_counts_what_a_recount_finds(steps: list[tuple[str, str, str, str, int, int]]) -> None:
    ledger, model, now = DeliveryIndex(), Model(), NOW
    for what, endpoint, recycle_id, replay, ahead, passes in steps:
        key, since = (endpoint, recycle_id, replay), now + ahead
        event = a_recycle(recycle_id=recycle_id)
        note = replace(NOTE, endpoint=endpoint, replay=replay, published_at=since)
        assert ledger.is_finished(event, note) == model.is_finished(key)
        if what not in ("comes", "begun"):
            ledger.result(a_result(what, recycle_id, endpoint), replay)
            if what != "retry":
                model.ends(key, what)
        elif model.is_finished(key):
            ledger.drops(event, note)
            model.since.pop(key, None)
        else:
            ledger.comes(event, note)
            model.since.setdefault(key, -(-since // (5 * SECOND)) * 5 * SECOND)
            if what == "begun":
                ledger.begun(event, note)
        now += passes * SECOND
        if passes:
            assert due(ledger, now) == model.due(now)
    assert due(ledger, now) == model.due(now)


@given(st.lists(st.tuples(st.integers(-900, 900), st.integers(1, 3), st.integers(0, 900)), max_size=30))
def test_what_went_in_and_out_again_is_gone_whatever_time_has_passed(steps: list[tuple[int, int, int]]) -> None:
    counted, now = UnsettledCounter(), NOW
    for ahead, parcels, passes in steps:
        counted.add("nurture", NOW + ahead * 5 * SECOND, parcels)
        counted.by_age(now)
        now += passes * 5 * SECOND
    for ahead, parcels, _ in steps:
        counted.add("nurture", NOW + ahead * 5 * SECOND, -parcels)
    assert not any(counted.by_age(now + DAY).values())


# -- what is told -----------------------------------------------------------------------------------


def told(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    """By endpoint and age."""
    (family,) = (one for one in registry.collect() if one.name == "leadloop_deliveries_unsettled")
    return {(one.labels["endpoint"], one.labels["age"]): one.value for one in family.samples}


def test_every_endpoint_and_age_is_there_from_the_start() -> None:
    registry = CollectorRegistry()
    DeliveryMetrics(registry, ["nurture", "list"])
    assert told(registry) == {(endpoint, age): 0 for endpoint in ("nurture", "list") for age in AGES}


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
def test_a_parcel_has_the_age_it_has_been_due_for(seconds: int, age: str) -> None:
    counted = UnsettledCounter()
    counted.add("nurture", NOW - seconds * SECOND, 3)
    assert counted.by_age(NOW) == {("nurture", age): 3}


def test_partitions_add_up_and_what_has_ended_is_told_no_more() -> None:
    registry = CollectorRegistry()
    metrics = DeliveryMetrics(registry, ["nurture"])
    metrics.not_settled([{("nurture", "over_1h"): 2}, {("nurture", "over_1h"): 1}])
    assert told(registry)["nurture", "over_1h"] == 3
    metrics.not_settled([])
    assert set(told(registry).values()) == {0}


def test_what_is_for_an_endpoint_that_is_configured_no_more_is_not_told() -> None:
    registry = CollectorRegistry()
    DeliveryMetrics(registry, ["nurture"]).not_settled([{("retired", "over_1h"): 1}])
    assert set(told(registry)) == {("nurture", age) for age in AGES}
    assert set(told(registry).values()) == {0}
