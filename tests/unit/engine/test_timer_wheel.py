"""Stream time and its deadlines."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine import TimerWheel

DAY = 86_400_000
TIMES = st.integers(0, 50) | st.integers(0, 3 * DAY)
Step: TypeAlias = tuple[str, int, int | None]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 4), st.none() | TIMES),
        st.tuples(st.just("to"), TIMES, st.none()),
    )
)


@settings(max_examples=500, deadline=None)
@given(STEPS)
def test_deadlines_fire_in_order_once_time_is_past_them_unless_they_were_replaced(
    steps: list[Step],
) -> None:
    clock, now, due = TimerWheel(), 0, dict[bytes, int]()
    for what, number, at in steps:
        if what == "set":
            clock.set(b"%d" % number, at)
            due.pop(b"%d" % number, None)
            due |= {} if at is None else {b"%d" % number: at}
        else:
            now = max(now, number)
            passed = sorted((at, key) for key, at in due.items() if at < now)
            assert list(clock.advance(number)) == passed
            due = {key: at for key, at in due.items() if at >= now}
        assert (clock.now, len(clock)) == (now, len(due))


@settings(max_examples=200, deadline=None)
@given(st.lists(TIMES, min_size=1), st.lists(st.integers(0, DAY), max_size=5))
def test_a_deadline_set_while_others_fire_fires_in_its_order(dues: list[int], delays: list[int]) -> None:
    clock, fired, more = TimerWheel(), list[int](), list(delays)
    for n, due in enumerate(dues):
        clock.set(b"%d" % n, due)
    for due, key in clock.advance(10 * DAY):
        fired.append(due)
        if more:
            clock.set(key, due + more.pop())
    assert fired == sorted(fired)
    assert (len(fired), len(clock)) == (len(dues) + len(delays), 0)


def test_a_deadline_set_in_the_past_fires_before_the_next_record() -> None:
    clock = TimerWheel(now=DAY)
    clock.set(b"late", 5)
    assert list(clock.advance(3)) == [(5, b"late")]
    assert clock.now == DAY


def test_a_deadline_is_not_due_at_its_own_millisecond() -> None:
    clock = TimerWheel()
    clock.set(b"a", 7)
    assert not list(clock.advance(7))
    assert list(clock.advance(8)) == [(7, b"a")]


def test_postponed_deadlines_do_not_make_the_index_grow() -> None:
    tracemalloc.start()
    clock = TimerWheel()
    for touch in range(2_000):
        clock.set(b"lead", touch * DAY // 100 + DAY)
        list(clock.advance(touch * DAY // 100))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 20_000


def test_the_index_uses_at_most_200_bytes_per_open_lead_including_its_key() -> None:
    count = 200_000
    gc.collect()
    tracemalloc.start()
    clock = TimerWheel()
    for n in range(count):
        clock.set(b"%032x" % n, n * 7_919_000 % (30 * DAY) + n % 1000)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / count < 200


def test_the_cost_of_advancing_time_depends_on_due_deadlines_only() -> None:
    lines, seconds = moved(open_leads=200_000)
    fewer, less = moved(open_leads=200)
    assert lines < 1.1 * fewer  # a collector may run meanwhile
    assert seconds < 50 * less  # a thousand times, if one call of the interpreter's own looked at all


def moved(open_leads: int) -> tuple[int, float]:
    """Lines of Python, and CPU seconds, while nothing is due for a thousand seconds."""
    clock, lines = TimerWheel(), 0
    for n in range(open_leads):
        clock.set(b"%d" % n, DAY + n * 1000)

    def trace(_: object, event: str, __: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before, begun = sys.gettrace(), time.process_time()
    sys.settrace(trace)
    try:
        for second in range(1_000):
            list(clock.advance(second * 1000))
    finally:
        sys.settrace(before)
    return lines, time.process_time() - begun
