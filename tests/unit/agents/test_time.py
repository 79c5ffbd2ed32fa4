"""Stream time of a partition: what moves it, what it moves, and what is kept of it."""

from streams.agents.loop import NOW
from tests.builders import T0, a_contact, a_created

from .loop_harness import WALL, LoopHarness, alive, complete, decoded


def test_stream_time_is_stored_last_and_only_if_a_fact_or_an_importer_advanced_it() -> None:
    harness = LoopHarness()
    assert list(harness.chunk(a_created("ada")).changes) == [b"ada", NOW]
    assert harness.chunk(complete(T0 + 5)).changes == {NOW: b"%d" % (T0 + 5)}
    assert harness.chunk(complete(T0 + 5)).changes == {}
    assert harness.chunk(alive(T0 + 9)).changes == {}


def test_stream_time_does_not_pass_the_wall_clock() -> None:
    harness = LoopHarness()
    harness.wall_at = T0 + 25
    chunk = harness.chunk(a_created("ada"), a_created("bob", T0 + 60))
    assert chunk.to("lead-stalled") == []
    assert harness.loop.clock.now == T0 + 25


def test_the_wall_clock_minus_the_grace_advances_an_idle_partition() -> None:
    harness = LoopHarness(is_live=True)
    harness.chunk(a_created("ada"), complete_until=T0 + 1)
    assert harness.chunk(complete_until=T0 + 40).to("lead-stalled") == []
    assert [decoded(one).occurred_at for one in harness.chunk(complete_until=T0 + 41).to("lead-stalled")] == [T0 + 30]


def test_a_promise_that_was_broken_before_its_facts_came_waits_for_more_facts_for_the_allowed_lateness() -> None:
    harness = LoopHarness(is_live=True)
    harness.wall_at = T0 + 1000
    harness.chunk(complete_until=T0 + 1000)
    assert harness.chunk(a_created("ada"), a_created("bob"), complete_until=T0 + 1000).to("lead-stalled") == []
    assert harness.chunk(a_contact("ada", T0 + 20), complete_until=T0 + 1000).to("lead-stalled") == []
    harness.wall_at = T0 + 1020
    (stall,) = harness.chunk(complete_until=T0 + 1011).to("lead-stalled")
    assert (stall.key, decoded(stall).occurred_at) == (b"bob", T0 + 30)


def test_a_late_promise_waits_for_no_stream_time_that_the_wall_clock_has_yet_to_reach() -> None:
    harness = LoopHarness(is_live=True)
    harness.wall_at = T0 + 5_000_000
    harness.chunk(complete_until=T0 + 5_000_000)
    harness.wall_at = T0 + 1000  # set back
    assert len(harness.chunk(a_created("ada"), complete_until=T0 + 1000).to("lead-stalled")) == 1


def test_the_wall_clock_advances_nothing_while_records_are_waiting() -> None:
    harness = LoopHarness(is_live=True)
    assert harness.chunk(a_created("ada"), complete_until=0).to("lead-stalled") == []
    assert harness.loop.clock.now == T0


def test_an_idle_live_loop_sends_a_heartbeat_and_none_in_a_chunk_with_facts() -> None:
    harness = LoopHarness(is_live=True)
    (beat,) = harness.chunk().to("stream-heartbeats")
    assert (decoded(beat).says, decoded(beat).occurred_at, beat.partition) == ("alive", WALL, 0)
    assert harness.chunk(a_created("ada")).to("stream-heartbeats") == []


def test_a_live_loop_sends_a_heartbeat_once_a_second_however_often_it_ticks() -> None:
    harness = LoopHarness(is_live=True)
    beats = []
    for _ in range(13):
        beats += harness.chunk().to("stream-heartbeats")
        harness.wall_at += 250
    assert [decoded(beat).occurred_at for beat in beats] == [WALL, WALL + 1000, WALL + 2000, WALL + 3000]


def test_heartbeats_continue_when_the_wall_clock_is_set_back() -> None:
    harness = LoopHarness(is_live=True)
    harness.chunk()
    harness.wall_at -= 60_000
    assert len(harness.chunk().to("stream-heartbeats")) == 1


def test_a_live_loop_skips_ticks_until_a_heartbeat_or_a_deadline_is_due() -> None:
    harness = LoopHarness(is_live=True)
    assert not harness.loop.may_skip_tick(0)  # a heartbeat is to be sent
    harness.chunk(a_created("ada"), complete_until=T0 + 12)  # a chunk moves the deadline into reach
    harness.chunk()
    assert harness.loop.may_skip_tick(T0 + 40)
    assert harness.loop.clock.now == T0 + 30
    assert not harness.loop.may_skip_tick(T0 + 41)
    assert len(harness.chunk(complete_until=T0 + 41).to("lead-stalled")) == 1
    assert harness.loop.may_skip_tick(T0 + 42)
    assert harness.loop.may_skip_tick(0)


def test_a_loop_over_history_skips_ticks_whatever_the_wall_clock() -> None:
    harness = LoopHarness()
    assert harness.loop.may_skip_tick(WALL)
    harness.chunk(a_created("ada"))
    assert harness.chunk().sent == []  # only now it is known that the deadline, which is near, is not past
    assert harness.loop.may_skip_tick(WALL)


def test_a_deadline_that_a_late_fact_sets_in_the_past_fires_without_another_record() -> None:
    harness = LoopHarness()
    harness.chunk(complete(T0 + 100), a_created("ada"))
    assert not harness.loop.may_skip_tick(0)
    assert len(harness.chunk().to("lead-stalled")) == 1
    assert harness.loop.may_skip_tick(0)


def test_a_loop_over_history_sends_no_heartbeats_and_ignores_the_wall_clock() -> None:
    harness = LoopHarness()
    harness.chunk(a_created("ada"))
    assert harness.chunk(complete_until=WALL).sent == []


def test_an_own_heartbeat_is_measured_for_its_age_and_does_not_advance_stream_time() -> None:
    harness = LoopHarness(is_live=True)
    harness.chunk(alive(WALL - 1500))
    assert harness.stats.freshness == 1.5
    assert harness.loop.clock.now == 0
