"""The loop of one partition: what it tells, and in what order, for which facts."""

from schemas.topics import partition_of
from streams.agents.loop import NOW
from tests.builders import T0, a_created, a_reply, a_stall, a_win
from tests.fakes import Sent, a_fetched_record

from .agent_harness import CODEC
from .loop_harness import LoopHarness, a_record, complete, decoded, recycles, topics

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

# -- what follows from what ------------------------------------------------------------------------


def test_a_broken_promise_publishes_a_stall_a_recycle_a_decision_and_a_snapshot() -> None:
    chunk = LoopHarness().chunk(a_created("ada"), complete(T0 + 31))
    assert topics(chunk) == ["lead-stalled", "lead-recycled", "lead-decisions", "lead-snapshots"]
    stalled, recycled, decided, snapshot = map(decoded, chunk.sent)
    assert (stalled.reason, stalled.occurred_at, stalled.idle_since) == ("never_contacted", T0 + 30, T0)
    assert (recycled.action, recycled.stall_id, recycled.recycle_id) == ("RECYCLE", stalled.event_id, decided.event_id)
    assert (decided.decision, decided.why, decided.policy_version) == ("RECYCLE", "never_contacted", "test")
    assert (snapshot.stage, snapshot.stall_id, snapshot.recycle_id) == ("nurture", stalled.event_id, decided.event_id)


def test_a_touch_at_the_very_instant_of_the_deadline_keeps_the_promise() -> None:
    harness = LoopHarness()
    assert topics(harness.chunk(a_created("ada"), complete(T0 + 30))) == ["lead-snapshots"]
    assert "lead-stalled" in topics(harness.chunk(complete(T0 + 31)))


def test_progress_of_a_recycled_lead_revokes_its_recycle() -> None:
    harness = LoopHarness()
    given = harness.chunk(a_created("ada"), complete(T0 + 31))
    taken = harness.chunk(a_reply("ada", T0 + 40))
    (recycle,), (revoke,) = recycles(given), recycles(taken)
    assert (revoke.action, revoke.recycle_id, revoke.cause) == ("REVOKE", recycle.recycle_id, "moved")
    assert [decoded(one).stage for one in taken.to("lead-snapshots")] == ["working"]


def test_a_stall_and_its_revoke_in_one_chunk_are_both_published_with_one_snapshot() -> None:
    chunk = LoopHarness().chunk(a_created("ada"), a_win("ada", T0 + 40))
    assert [each.action for each in recycles(chunk)] == ["RECYCLE", "REVOKE"]
    assert [decoded(one).stage for one in chunk.to("lead-snapshots")] == ["won"]


def test_deadlines_fire_in_their_order_before_the_record_that_advanced_stream_time() -> None:
    chunk = LoopHarness().chunk(a_created("bob", T0 + 5), a_created("ada", T0), a_reply("ada", T0 + 100))
    assert [(one.key, decoded(one).action) for one in chunk.to("lead-recycled")] == [
        (b"ada", "RECYCLE"),
        (b"bob", "RECYCLE"),
        (b"ada", "REVOKE"),
    ]


def test_outputs_carry_the_trace_of_the_fact_that_caused_them_and_none_if_a_deadline_did() -> None:
    harness = LoopHarness()
    sales = harness.chunk(a_created("ada"), a_stall("ada", T0 + 1), headers=[("traceparent", TRACE)])
    assert dict(sales.to("lead-recycled")[0].headers)["traceparent"] == TRACE
    time = harness.chunk(a_created("bob", T0 + 1), a_created("eve", T0 + 99), headers=[("traceparent", TRACE)])
    assert "traceparent" not in dict(time.to("lead-recycled")[0].headers)


def test_a_duplicate_sends_nothing_and_stores_nothing() -> None:
    harness, fact = LoopHarness(), a_created("ada")
    harness.chunk(fact)
    again = harness.chunk(fact)
    assert (again.sent, again.changes) == ([], {})


# -- what is no fact of this partition -------------------------------------------------------------


def _of(partition: int) -> str:
    return next(f"lead-{n}" for n in range(100) if partition_of(f"lead-{n}".encode(), 4) == partition)


def test_a_record_of_another_partition_is_republished_there_unchanged() -> None:
    harness, record = LoopHarness(of=4), a_created(_of(2))
    chunk = harness.chunk(record, headers=[("a", b"b")])
    assert chunk.sent == [
        Sent("lead-created", record.lead_id.encode(), CODEC.encode(record), partition=2, headers=[("a", b"b")])
    ]
    assert (set(chunk.changes), harness.stats.rerouted) == ({NOW}, 1)  # it moves time, and no lead


def test_a_fact_under_another_key_is_republished_under_the_key_of_its_lead() -> None:
    harness, record = LoopHarness(of=4), a_created(_of(2))
    chunk = harness.raw(a_fetched_record("lead-created", b"somebody", CODEC.encode(record)))
    assert [(one.key, one.partition) for one in chunk.sent] == [(record.lead_id.encode(), 2)]
    assert harness.loop.clock.now == 0


def test_an_invalid_record_is_a_dead_letter_and_the_next_one_is_processed() -> None:
    harness = LoopHarness()
    broken = a_fetched_record("lead-created", b"ada", b"{}", offset=7, headers=[("a", b"b")])
    chunk = harness.raw(broken, a_record(a_created("ada")))
    assert topics(chunk) == ["lead-dead-letters", "lead-snapshots"]
    letter, headers = chunk.sent[0], dict(chunk.sent[0].headers)
    assert (letter.key, letter.value) == (b"ada", b"{}")
    assert (headers["a"], headers["dl_reason"], headers["dl_offset"]) == (b"b", b"not_avro", b"7")
    assert harness.stats.rejected == {"not_avro": 1}
