"""The merge by event time, for every arrival that Kafka can produce."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine import FetchedRecord, Item, Merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TOPICS = ("created", "contacted", "closed", "stalled")
TIMES = st.lists(st.lists(st.integers(0, 30), max_size=25), min_size=4, max_size=4)
BOUNDED = ("created", "closed", "heartbeats")


class Place(NamedTuple):
    """As a plain sort would order records: time, topic, place in the topic."""

    at: int
    topic: int
    number: int


NO_RECORD = FetchedRecord("", 0, 0, 0, None, None, ())


def items(topic: int, times: Iterable[int], start: int = 0) -> list[Item[Place]]:
    return [Item(at, Place(at, topic, n), NO_RECORD) for n, at in enumerate(times, start)]


def places(run: Iterable[Item[Place]]) -> list[Place]:
    return [item.value for item in run]


def drive(
    merge: Merge[Place],
    topics: Sequence[str],
    rows: Sequence[Sequence[int]],
    data: st.DataObject,
    *,
    known: bool = True,
) -> list[Place]:
    """Serve a merge as the engine does, with arbitrary run lengths, delays and limits.

    `known`: the ends are those of the whole topics, as if all had been in Kafka before the start;
    otherwise a topic may look caught up although records are still to come.
    """
    todo = [items(n, times) for n, times in enumerate(rows)]
    taken: list[Place] = []
    left, idle = sum(map(len, todo)), 0
    while left:
        for topic in merge.wanted():
            n = topics.index(topic)
            if todo[n] and (idle > 3 or data.draw(st.booleans())):  # or its fetch is late
                size = data.draw(st.integers(1, 7))
                merge.offer(topic, todo[n][:size])
                del todo[n][:size]
        ends = {t for n, t in enumerate(topics) if not todo[n] or (not known and data.draw(st.booleans()))}
        run = merge.take(data.draw(st.integers(1, 9)), ends)
        taken += places(run)
        left -= len(run)
        idle = 0 if run else idle + 1
        assert idle < 9, "waits for ever"
    return taken


def plain(rows: Sequence[Sequence[int]]) -> list[Place]:
    """The definition: again and again the smallest head."""
    heads, order = [0] * len(rows), []
    while any(heads[t] < len(times) for t, times in enumerate(rows)):
        at, topic = min((times[heads[t]], t) for t, times in enumerate(rows) if heads[t] < len(times))
        order.append(Place(at, topic, heads[topic]))
        heads[topic] += 1
    return order


@settings(max_examples=300, deadline=None)
@given(TIMES, st.data())
def test_sorted_topics_are_merged_into_one_sorted_sequence_for_any_runs_and_delays(
    rows: list[list[int]], data: st.DataObject
) -> None:
    rows = [sorted(times) for times in rows]
    every = sorted(Place(at, t, n) for t, times in enumerate(rows) for n, at in enumerate(times))
    assert drive(Merge(TOPICS), TOPICS, rows, data) == every


@settings(max_examples=300, deadline=None)
@given(TIMES, st.data())
def test_unsorted_topics_keep_their_order_whenever_their_records_arrive(
    rows: list[list[int]], data: st.DataObject
) -> None:
    assert drive(Merge(TOPICS), TOPICS, rows, data) == plain(rows)


@settings(max_examples=200, deadline=None)
@given(TIMES, st.data())
def test_a_record_that_arrives_after_its_topic_was_caught_up_keeps_the_order_of_the_topic(
    rows: list[list[int]], data: st.DataObject
) -> None:
    out = drive(Merge(TOPICS), TOPICS, rows, data, known=False)
    for t, times in enumerate(rows):
        assert [place for place in out if place.topic == t] == [Place(at, t, n) for n, at in enumerate(times)]


@settings(max_examples=200, deadline=None)
@given(TIMES, st.data())
def test_a_restart_after_any_run_continues_in_the_same_order(rows: list[list[int]], data: st.DataObject) -> None:
    rows = [sorted(times) for times in rows]
    out = drive(Merge(TOPICS), TOPICS, rows, data)
    cut = data.draw(st.integers(0, len(out)))
    done = Counter(place.topic for place in out[:cut])
    rest = drive(Merge(TOPICS), TOPICS, [times[done[t] :] for t, times in enumerate(rows)], data)
    assert [(at, t) for at, t, _ in rest] == [(at, t) for at, t, _ in out[cut:]]


@settings(max_examples=300, deadline=None)
@given(TIMES, st.integers(0, 30), st.data())
def test_all_records_up_to_the_bound_are_returned_in_order_and_none_beyond(
    rows: list[list[int]], word: int, data: st.DataObject
) -> None:
    rows = [sorted(times) for times in rows[:2]]
    merge: Merge[Place] = Merge(BOUNDED, bounded_by="heartbeats")
    merge.offer("heartbeats", items(2, [word]))
    allowed = [[at for at in times if at <= word] for times in rows]
    for n, times in enumerate(rows):
        merge.offer(BOUNDED[n], items(n, times))
    out: list[Place] = []
    while run := merge.take(data.draw(st.integers(1, 9)), set(BOUNDED)):
        out += places(run)
    assert out == plain([*allowed, [word]])


def test_the_bound_starts_at_that_of_the_state_and_never_decreases() -> None:
    merge: Merge[Place] = Merge(BOUNDED, bounded_by="heartbeats", bound=10)
    merge.offer("created", items(0, [10, 11]))
    assert [item.at for item in merge.take(9, set(BOUNDED))] == [10]
    merge.offer("heartbeats", items(2, [3]))
    assert merge.bound == 10
    merge.offer("closed", items(1, [12]))
    assert [item.at for item in merge.take(9, set(BOUNDED))] == [3]
    merge.offer("heartbeats", items(2, [11, 12, 4]))
    assert merge.bound == 12


def test_an_item_without_a_time_is_returned_at_once_and_does_not_move_the_bound() -> None:
    merge: Merge[Place] = Merge(BOUNDED, bounded_by="heartbeats")
    merge.offer("created", items(0, [0]))
    merge.offer("heartbeats", items(2, [0]))
    assert [item.at for item in merge.take(9, set(BOUNDED))] == [0, 0]
    assert merge.bound == 0


def test_nothing_is_returned_while_a_topic_that_is_not_caught_up_has_an_empty_buffer() -> None:
    merge: Merge[Place] = Merge(TOPICS[:2])
    merge.offer(TOPICS[0], items(0, [1, 2]))
    assert merge.take(9, set()) == []
    assert merge.awaited({TOPICS[0]}) == [TOPICS[1]]
    assert places(merge.take(1, {TOPICS[1]})) == [Place(1, 0, 0)]
    assert merge.wanted() == [TOPICS[1]]


def test_no_more_records_can_be_offered_of_a_topic_with_buffered_records() -> None:
    merge: Merge[Place] = Merge(TOPICS)
    merge.offer(TOPICS[0], items(0, [1]))
    with pytest.raises(ValueError, match="buffered"):
        merge.offer(TOPICS[0], items(0, [2]))
