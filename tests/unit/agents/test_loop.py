"""The loop of one partition: what it tells, and in what order, for which facts."""

import asyncio
from typing import Any

import pytest

from schemas.events import AnyRecord, Heartbeat, LeadRecycled
from schemas.topics import INPUTS, partition_of
from streams.agents.inbound import Inbound
from streams.agents.leads import Leads
from streams.agents.loop import NOW, PartitionLoop, Rules
from streams.agents.outbound import Outbound
from streams.agents.tally import Tally
from streams.domain.facts import Created
from streams.domain.funnel import Funnel
from streams.domain.history import UnknownFormat
from streams.domain.policy import Policy
from streams.engine import Clock, Item, MemoryStore
from tests.builders import T0, a_contact, a_created, a_loss, a_reply, a_stall, a_win
from tests.builders_domain import a_policy, within
from tests.fakes import FakeChunk, FakeRecord, Sent

from .driven import CODEC, TOPIC_OF, Crash, Driven

THIRTY_MS = a_policy(within(never_contacted=30))
ALL_CLOCKS = a_policy(within(20, 30, 60, 5, 3))
WALL = T0 + 1_000_000
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Looped:
    """One loop that is fed chunks directly, with a wall clock to set."""

    def __init__(self, policy: Policy = THIRTY_MS, *, cached: int = 1000, is_live: bool = False, of: int = 1) -> None:
        self.wall_at = WALL
        self.store = MemoryStore(0)
        self.funnel = Funnel()
        self._inbound = Inbound(CODEC, "", lambda: self.wall_at)
        rules = Rules(policy, of, is_live=is_live, grace_ms=10, wall_ms=lambda: self.wall_at)
        leads = Leads(policy, 64, self.funnel, cached=cached)
        out = Outbound(CODEC, "", 0, set(TOPIC_OF.values()), policy.version)
        self.loop = PartitionLoop(0, rules, Clock(), leads, self.funnel, out)
        self.tally = Tally()

    def chunk(self, *records: AnyRecord, complete_until: int = 0, headers: Any = ()) -> FakeChunk:
        """Do one chunk and keep its changes."""
        return self.raw(*(_raw(record, headers) for record in records), complete_until=complete_until)

    def raw(self, *records: FakeRecord, complete_until: int = 0) -> FakeChunk:
        items = [Item(*self._inbound(record), record) for record in records]
        chunk = FakeChunk(items, self.store, complete_until=complete_until)
        self.tally = asyncio.run(self.loop.run(chunk))
        self.store.apply(chunk.changes, 0)
        return chunk


def _raw(record: AnyRecord, headers: Any = ()) -> FakeRecord:
    key = None if isinstance(record, Heartbeat) else record.lead_id.encode()
    return FakeRecord(TOPIC_OF[type(record)], key, CODEC.encode(record), headers=headers)


def complete(at: int) -> Heartbeat:
    return Heartbeat(occurred_at=at, recorded_at=at, source="test", says="complete")


def alive(at: int) -> Heartbeat:
    return Heartbeat(occurred_at=at, recorded_at=at, source="test", says="alive")


def topics(chunk: FakeChunk) -> list[str]:
    return [one.topic for one in chunk.sent]


def said(one: Sent) -> Any:
    return CODEC.decode(one.value, next(record for record, topic in TOPIC_OF.items() if topic == one.topic))


def recycles(chunk: FakeChunk) -> list[LeadRecycled]:
    return [said(one) for one in chunk.to("lead-recycled")]


# -- what follows from what ------------------------------------------------------------------------


def test_a_broken_promise_is_told_as_a_stall_a_recycle_its_decision_and_a_snapshot() -> None:
    chunk = Looped().chunk(a_created("ada"), complete(T0 + 31))
    assert topics(chunk) == ["lead-stalled", "lead-recycled", "lead-decisions", "lead-snapshots"]
    stalled, recycled, decided, snapshot = map(said, chunk.sent)
    assert (stalled.reason, stalled.occurred_at, stalled.idle_since) == ("never_contacted", T0 + 30, T0)
    assert (recycled.action, recycled.stall_id, recycled.recycle_id) == ("RECYCLE", stalled.event_id, decided.event_id)
    assert (decided.decision, decided.why, decided.policy_version) == ("RECYCLE", "never_contacted", "test")
    assert (snapshot.stage, snapshot.stall_id, snapshot.recycle_id) == ("nurture", stalled.event_id, decided.event_id)


def test_a_promise_is_kept_up_to_the_very_instant_it_is_due() -> None:
    looped = Looped()
    assert topics(looped.chunk(a_created("ada"), complete(T0 + 30))) == ["lead-snapshots"]
    assert "lead-stalled" in topics(looped.chunk(complete(T0 + 31)))


def test_a_lead_that_moves_again_is_taken_back_from_marketing() -> None:
    looped = Looped()
    given = looped.chunk(a_created("ada"), complete(T0 + 31))
    taken = looped.chunk(a_reply("ada", T0 + 40))
    (recycle,), (revoke,) = recycles(given), recycles(taken)
    assert (revoke.action, revoke.recycle_id, revoke.cause) == ("REVOKE", recycle.recycle_id, "moved")
    assert [said(one).stage for one in taken.to("lead-snapshots")] == ["working"]


def test_a_stall_and_what_disproves_it_in_one_chunk_are_both_told_and_one_snapshot_is_written() -> None:
    chunk = Looped().chunk(a_created("ada"), a_win("ada", T0 + 40))
    assert [each.action for each in recycles(chunk)] == ["RECYCLE", "REVOKE"]
    assert [said(one).stage for one in chunk.to("lead-snapshots")] == ["won"]


def test_what_is_due_fires_in_its_order_before_the_record_that_moved_time() -> None:
    chunk = Looped().chunk(a_created("bob", T0 + 5), a_created("ada", T0), a_reply("ada", T0 + 100))
    assert [(one.key, said(one).action) for one in chunk.to("lead-recycled")] == [
        (b"ada", "RECYCLE"),
        (b"bob", "RECYCLE"),
        (b"ada", "REVOKE"),
    ]


def test_the_trace_of_a_fact_goes_on_with_what_it_caused_and_not_with_what_time_caused() -> None:
    looped = Looped()
    sales = looped.chunk(a_created("ada"), a_stall("ada", T0 + 1), headers=[("traceparent", TRACE)])
    assert dict(sales.to("lead-recycled")[0].headers)["traceparent"] == TRACE
    time = looped.chunk(a_created("bob", T0 + 1), a_created("eve", T0 + 99), headers=[("traceparent", TRACE)])
    assert "traceparent" not in dict(time.to("lead-recycled")[0].headers)


def test_nothing_is_sent_and_nothing_stored_for_a_repeat() -> None:
    looped, fact = Looped(), a_created("ada")
    looped.chunk(fact)
    again = looped.chunk(fact)
    assert (again.sent, again.changes) == ([], {})


# -- again, after a crash --------------------------------------------------------------------------


def story() -> list[AnyRecord]:
    return [
        a_created("ada", T0),
        a_created("bob", T0 + 1),
        a_contact("bob", T0 + 10),
        a_reply("ada", T0 + 50),
        a_loss("bob", T0 + 60),
        a_created("bob", T0 + 70),
        complete(T0 + 500),
    ]


def test_the_same_chunk_from_the_same_state_sends_the_same_bytes() -> None:
    driven = Driven(ALL_CLOCKS).add(*story()[:3]).run().add(*story()[3:])
    driven.run(crashes=[Crash(topics=())])
    lost, repeated = driven.attempts[1:3]
    assert len(lost) > 5
    assert lost == repeated


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_from_nothing_with_all_that_was_told_at_hand_nothing_new_is_told(size: int) -> None:
    first = Driven(ALL_CLOCKS).add(*story()).run()
    again = Driven(ALL_CLOCKS)
    again.log = first.log
    again.run([size] * 50)
    told = first.decided()
    assert all(told[name] == values for name, values in again.decided().items())
    assert again.stages() == first.stages()


def test_a_recycle_that_comes_back_before_its_stall_is_neither_doubted_nor_given_another_id() -> None:
    """It was delivered and its stall was not; or the stall is behind later ones in its own topic."""
    told = Looped().chunk(a_created("ada"), complete(T0 + 31))
    (recycle,) = recycles(told)
    chunk = Looped().chunk(a_created("ada"), recycle, complete(T0 + 99))
    assert [one[:3] for one in chunk.to("lead-recycled")] == [one[:3] for one in told.to("lead-recycled")]
    assert [one[:3] for one in chunk.to("lead-stalled")] == [one[:3] for one in told.to("lead-stalled")]


# -- the cache of leads ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 50])
def test_leads_that_were_forgotten_meanwhile_come_to_the_same(size: int) -> None:
    facts: list[AnyRecord] = []
    for n in range(20):
        facts += [a_created(f"lead-{n}", T0 + n), *(a_contact(f"lead-{n}", T0 + 15 * k + n) for k in range(n % 5))]
        facts += [a_reply(f"lead-{n}", T0 + 150 + n)] * (n % 3 == 0)
    facts.sort(key=lambda fact: fact.occurred_at)
    facts.append(complete(T0 + 1000))
    outputs, funnels = [], []
    for cached in (0, 3, 1000):
        looped = Looped(ALL_CLOCKS, cached=cached)
        chunks = [looped.chunk(*facts[n : n + size]) for n in range(0, len(facts), size)]
        outputs.append(([chunk.sent for chunk in chunks], [chunk.changes for chunk in chunks]))
        funnels.append((looped.funnel.steps, looped.funnel.stages, looped.funnel.overdue))
    assert outputs[0] == outputs[1] == outputs[2]
    assert funnels[0] == funnels[1] == funnels[2]


# -- snapshots -------------------------------------------------------------------------------------

NO_CLOCK = a_policy()


def test_a_snapshot_is_written_when_a_milestone_moved_and_not_for_every_fact() -> None:
    looped = Looped(NO_CLOCK)
    facts: list[tuple[AnyRecord, int]] = [
        (a_created("ada"), 1),
        (a_contact("ada", T0 + 1), 1),  # new → working
        (a_contact("ada", T0 + 2), 0),
        (a_contact("ada", T0 + 3, by="marketing"), 0),
        (a_contact("ada", T0 + 4, owner_id="kim"), 1),
        (a_stall("ada", T0 + 5), 1),
        (a_contact("ada", T0 + 6), 0),
        (a_created("ada", T0 + 7), 1),  # the next pass
    ]
    assert [len(looped.chunk(fact).to("lead-snapshots")) for fact, _ in facts] == [count for _, count in facts]


def test_a_lead_that_went_there_and_back_within_a_chunk_has_moved() -> None:
    """Before a crash this may have been two chunks, and the newest snapshot the one between them."""
    facts: list[AnyRecord] = [
        a_created("ada"),
        a_contact("ada", T0 + 1),
        a_stall("ada", T0 + 2),
        a_reply("ada", T0 + 3),
    ]
    driven = Driven(NO_CLOCK).add(*facts).run([2, 1], [None, Crash()])
    assert [each.stage for each in driven.told_to("lead-snapshots")] == ["working", "nurture", "working"]


def test_a_touch_that_moves_a_deadline_is_a_milestone() -> None:
    looped = Looped(ALL_CLOCKS)
    looped.chunk(a_created("ada"), a_contact("ada", T0 + 1))
    (snapshot,) = looped.chunk(a_contact("ada", T0 + 2)).to("lead-snapshots")
    assert (said(snapshot).due_at, said(snapshot).due_reason) == (T0 + 32, "no_follow_up")


def test_the_state_is_stored_for_a_fact_that_is_no_milestone() -> None:
    looped = Looped(NO_CLOCK)
    looped.chunk(a_created("ada"))
    assert set(looped.chunk(a_contact("ada", T0 + 3, by="marketing")).changes) == {b"ada", NOW}


# -- time ------------------------------------------------------------------------------------------


def test_stream_time_is_stored_last_and_only_when_facts_or_importers_moved_it() -> None:
    looped = Looped()
    assert list(looped.chunk(a_created("ada")).changes) == [b"ada", NOW]
    assert looped.chunk(complete(T0 + 5)).changes == {NOW: b"%d" % (T0 + 5)}
    assert looped.chunk(complete(T0 + 5)).changes == {}
    assert looped.chunk(alive(T0 + 9)).changes == {}


def test_stream_time_never_goes_beyond_the_wall_clock() -> None:
    looped = Looped()
    looped.wall_at = T0 + 25
    chunk = looped.chunk(a_created("ada"), a_created("bob", T0 + 60))
    assert chunk.to("lead-stalled") == []
    assert looped.loop.clock.now == T0 + 25


def test_an_idle_partition_is_moved_by_the_wall_clock_less_a_grace() -> None:
    looped = Looped(is_live=True)
    looped.chunk(a_created("ada"), complete_until=T0 + 1)
    assert looped.chunk(complete_until=T0 + 40).to("lead-stalled") == []
    assert [said(one).occurred_at for one in looped.chunk(complete_until=T0 + 41).to("lead-stalled")] == [T0 + 30]


def test_while_more_is_to_be_taken_the_wall_clock_does_not_speak() -> None:
    looped = Looped(is_live=True)
    assert looped.chunk(a_created("ada"), complete_until=0).to("lead-stalled") == []
    assert looped.loop.clock.now == T0


def test_a_live_loop_sends_a_heartbeat_a_tick_and_none_beside_facts() -> None:
    looped = Looped(is_live=True)
    (beat,) = looped.chunk().to("stream-heartbeats")
    assert (said(beat).says, said(beat).occurred_at, beat.partition) == ("alive", WALL, 0)
    assert looped.chunk(a_created("ada")).to("stream-heartbeats") == []


def test_a_loop_of_history_sends_no_heartbeats_and_the_wall_clock_does_not_speak() -> None:
    looped = Looped()
    looped.chunk(a_created("ada"))
    assert looped.chunk(complete_until=WALL).sent == []


def test_a_heartbeat_of_our_own_tells_how_old_it_is_and_moves_no_time() -> None:
    looped = Looped(is_live=True)
    looped.chunk(alive(WALL - 1500))
    assert looped.tally.freshness == 1.5
    assert looped.loop.clock.now == 0


# -- what is no fact of this partition -------------------------------------------------------------


def _of(partition: int) -> str:
    return next(f"lead-{n}" for n in range(100) if partition_of(f"lead-{n}".encode(), 4) == partition)


def test_a_lead_of_another_partition_is_published_there_as_it_came() -> None:
    looped, record = Looped(of=4), a_created(_of(2))
    chunk = looped.chunk(record, headers=[("a", b"b")])
    assert chunk.sent == [
        Sent("lead-created", record.lead_id.encode(), CODEC.encode(record), partition=2, headers=[("a", b"b")])
    ]
    assert (chunk.changes, looped.tally.rerouted) == ({}, 1)


def test_a_fact_under_another_key_is_published_under_its_leads_key() -> None:
    looped, record = Looped(of=4), a_created(_of(2))
    chunk = looped.raw(FakeRecord("lead-created", b"somebody", CODEC.encode(record)))
    assert [(one.key, one.partition) for one in chunk.sent] == [(record.lead_id.encode(), 2)]
    assert looped.loop.clock.now == 0


def test_a_broken_record_is_a_dead_letter_and_the_next_one_is_taken() -> None:
    looped = Looped()
    broken = FakeRecord("lead-created", b"ada", b"{}", offset=7, headers=[("a", b"b")])
    chunk = looped.raw(broken, _raw(a_created("ada")))
    assert topics(chunk) == ["lead-dead-letters", "lead-snapshots"]
    letter, headers = chunk.sent[0], dict(chunk.sent[0].headers)
    assert (letter.key, letter.value) == (b"ada", b"{}")
    assert (headers["a"], headers["dl_reason"], headers["dl_offset"]) == (b"b", b"not_avro", b"7")
    assert looped.tally.rejected == {"not_avro": 1}


# -- counting --------------------------------------------------------------------------------------


def test_a_tally_counts_what_one_chunk_did() -> None:
    looped, created = Looped(ALL_CLOCKS), a_created("ada")
    looped.chunk(created, created, a_contact("ada", T0 + 10), a_win("bob", T0 + 12), complete(T0 + 50))
    tally = looped.tally
    assert tally.facts == {"created": 1, "contacted": 1, "closed": 1}
    assert (tally.repeats, tally.late, tally.rerouted) == (1, 0, 0)
    assert tally.stalls == {"no_follow_up": 1}
    assert tally.decisions == {("RECYCLE", "no_follow_up"): 1}
    assert tally.first_contacts == [("webinar", 0.01)]
    assert tally.detection_delays == [0.01]


def test_a_tally_begins_anew_with_each_chunk() -> None:
    looped = Looped()
    looped.chunk(a_created("ada"))
    looped.chunk(a_created("bob"))
    assert looped.tally.facts == {"created": 1}


def test_our_own_word_read_back_is_no_repeat_of_an_upstream() -> None:
    looped = Looped()
    first = looped.chunk(a_created("ada"), a_reply("ada", T0 + 40))
    own = [FakeRecord(one.topic, one.key, one.value) for one in first.sent if one.topic in INPUTS]
    assert len(own) == 3
    looped.raw(*own)
    assert (looped.tally.repeats, looped.tally.facts) == (0, {})


def test_a_fact_older_than_the_memory_is_late() -> None:
    looped = Looped(NO_CLOCK)
    looped.chunk(a_created("ada"), *(a_contact("ada", T0 + 100 + n) for n in range(100)))
    looped.chunk(a_contact("ada", T0 + 1))
    assert (looped.tally.late, looped.tally.facts) == (1, {})


def test_in_live_operation_the_delay_of_a_stall_is_by_the_wall_clock() -> None:
    looped = Looped(is_live=True)
    looped.chunk(a_created("ada"))
    looped.wall_at = T0 + 5_030
    looped.chunk(complete_until=T0 + 5_020)
    assert looped.tally.detection_delays == [5.0]


def test_when_the_loop_fails_the_record_in_work_is_named() -> None:
    looped = Looped()
    looped.store.apply({b"bob": b"written by another version"}, 0)
    items = [Item(T0, Created(T0, name), _raw(a_created(name))) for name in ("ada", "bob", "eve")]
    chunk = FakeChunk(items, looped.store)
    with pytest.raises(UnknownFormat):
        asyncio.run(looped.loop.run(chunk))
    assert chunk.current is items[1]
