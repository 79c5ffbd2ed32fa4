"""The leads of a partition: kept in memory, evicted, read again, with a snapshot when a milestone changed."""

from itertools import count

import pytest

from schemas.events import AnyRecord
from schemas.topics import MAX_LEAD_ID, changelog_of
from streams.agents.loop import NOW
from streams.domain.facts import MAX_TEXT, Created, Fact, Stalled
from streams.domain.lead import MAX_PASSES
from streams.domain.lead_fold import LeadFold
from streams.domain.lead_history import LeadHistory
from streams.runtime.environment import SettingsError
from streams.runtime.settings import Settings
from tests.builders import T0, a_contact, a_created, a_loss, a_reply, a_stall

from .agent_harness import AgentHarness, Crash
from .loop_harness import ALL_CLOCKS, NO_CLOCK, LoopHarness, complete, decoded, recycles

# -- within bounds ---------------------------------------------------------------------------------


def test_the_largest_state_of_a_lead_fits_into_a_changelog_record() -> None:
    most = 128  # more than that the environment may not ask for
    with pytest.raises(SettingsError, match="not between 4 and 128"):
        Settings.from_env({"LEADLOOP_MEMORY_FACTS": str(most + 1)})
    longest, ids = "🦊" * MAX_TEXT, (f"{n:🦊>{MAX_TEXT}}" for n in count())
    ledger, at = LeadFold("🦊" * MAX_LEAD_ID, LeadHistory(most)), count(1)
    passes: list[type[Fact]] = [Created, Stalled] * (MAX_PASSES + 1)
    for kind in [*passes, *[Created] * (most + 1)]:
        texts = ("sales", longest) if kind is Stalled else [longest] * 5
        ledger.add(kind(next(at), next(ids), *texts), NO_CLOCK, 0)
        ledger.emissions.clear()
    assert len(ledger.lead.passes) == MAX_PASSES
    size, allowed = len(ledger.history.encode()), changelog_of("leadloop").max_message_bytes
    assert allowed * 0.8 < size < allowed * 0.95  # framing and the parts of the state that vary little


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
    harness = AgentHarness(ALL_CLOCKS).add(*story()[:3]).run().add(*story()[3:])
    harness.run(crashes=[Crash(topics=())])
    lost, repeated = harness.attempts[1:3]
    assert len(lost) > 5
    assert lost == repeated


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_rebuilding_the_state_from_all_inputs_and_own_records_publishes_nothing_new(size: int) -> None:
    first = AgentHarness(ALL_CLOCKS).add(*story()).run()
    again = AgentHarness(ALL_CLOCKS)
    again.log = first.log
    again.run([size] * 50)
    published = first.decided()
    assert all(published[name] == values for name, values in again.decided().items())
    assert again.stages() == first.stages()


def test_a_recycle_read_back_before_its_stall_keeps_its_id_and_is_not_revoked() -> None:
    """It was delivered and its stall was not; or the stall is behind later ones in its own topic."""
    published = LoopHarness().chunk(a_created("ada"), complete(T0 + 31))
    (recycle,) = recycles(published)
    chunk = LoopHarness().chunk(a_created("ada"), recycle, complete(T0 + 99))
    assert [one[:3] for one in chunk.to("lead-recycled")] == [one[:3] for one in published.to("lead-recycled")]
    assert [one[:3] for one in chunk.to("lead-stalled")] == [one[:3] for one in published.to("lead-stalled")]


# -- the cache of leads ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 50])
def test_leads_evicted_from_memory_give_the_same_outputs(size: int) -> None:
    facts: list[AnyRecord] = []
    for n in range(20):
        facts += [a_created(f"lead-{n}", T0 + n), *(a_contact(f"lead-{n}", T0 + 15 * k + n) for k in range(n % 5))]
        facts += [a_reply(f"lead-{n}", T0 + 150 + n)] * (n % 3 == 0)
    facts.sort(key=lambda fact: fact.occurred_at)
    facts.append(complete(T0 + 1000))
    outputs, funnels = [], []
    for cached in (0, 3, 1000):
        harness = LoopHarness(ALL_CLOCKS, cached=cached)
        chunks = [harness.chunk(*facts[n : n + size]) for n in range(0, len(facts), size)]
        outputs.append(([chunk.sent for chunk in chunks], [chunk.changes for chunk in chunks]))
        funnels.append((harness.funnel.steps, harness.funnel.stages, harness.funnel.overdue))
    assert outputs[0] == outputs[1] == outputs[2]
    assert funnels[0] == funnels[1] == funnels[2]


# -- snapshots -------------------------------------------------------------------------------------


def test_a_snapshot_is_published_for_a_changed_milestone_and_not_for_every_fact() -> None:
    harness = LoopHarness(NO_CLOCK)
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
    assert [len(harness.chunk(fact).to("lead-snapshots")) for fact, _ in facts] == [count for _, count in facts]


def test_a_lead_that_returns_to_its_stage_within_a_chunk_gets_a_snapshot() -> None:
    """Before a crash this may have been two chunks, and the newest snapshot the one between them."""
    facts: list[AnyRecord] = [
        a_created("ada"),
        a_contact("ada", T0 + 1),
        a_stall("ada", T0 + 2),
        a_reply("ada", T0 + 3),
    ]
    harness = AgentHarness(NO_CLOCK).add(*facts).run([2, 1], [None, Crash()])
    assert [each.stage for each in harness.published_to("lead-snapshots")] == ["working", "nurture", "working"]


def test_a_touch_that_moves_a_deadline_is_a_milestone() -> None:
    harness = LoopHarness(ALL_CLOCKS)
    harness.chunk(a_created("ada"), a_contact("ada", T0 + 1))
    (snapshot,) = harness.chunk(a_contact("ada", T0 + 2)).to("lead-snapshots")
    assert (decoded(snapshot).due_at, decoded(snapshot).due_reason) == (T0 + 32, "no_follow_up")


def test_the_state_is_stored_for_a_fact_that_is_no_milestone() -> None:
    harness = LoopHarness(NO_CLOCK)
    harness.chunk(a_created("ada"))
    assert set(harness.chunk(a_contact("ada", T0 + 3, by="marketing")).changes) == {b"ada", NOW}
