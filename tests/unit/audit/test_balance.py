"""What streams publishes balances, for any history, division into chunks, order of arrival and crash."""

from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.events import FactRecord, LeadRecycled
from streams.domain.policy import Policy
from tests.unit.agents.agent_harness import AgentHarness, Crash
from tests.unit.domain.histories import examples
from workers.audit.stored import AUDITED, StoredRecord

from .audited import CODEC, audits, found_in, of_agent
from .histories import END, histories, policies

OF_STREAMS = ("lead-decisions", "lead-escalated", "lead-snapshots", "lead-stalled", "lead-recycled")
sizes = st.lists(st.integers(1, 6), max_size=30)
torn = st.builds(lambda n: Crash(changes=n), st.integers(0, 4))
crashes = st.lists(st.none() | torn | st.builds(Crash, st.sets(st.sampled_from(OF_STREAMS))), max_size=20)


@examples(150)
@given(histories(), policies(has_rules=True), sizes)
def test_what_streams_publishes_of_a_history_balances(
    history: list[FactRecord], policy: Policy, limits: list[int]
) -> None:
    agent = AgentHarness(policy).add(*history).until(END).run(limits)
    found = audits(of_agent(agent), policy)
    assert found_in(found) == []
    assert {one.lead_id for one in found} == set(agent.stages())
    assert [one.not_checkable for one in found] == [""] * len(found)


@examples(300)
@given(histories(), policies(has_rules=False), sizes, crashes, st.data())
def test_it_balances_after_crashes_and_late_facts(
    history: list[FactRecord], policy: Policy, limits: list[int], ends: list[Crash | None], data: st.DataObject
) -> None:
    facts = data.draw(st.permutations(history))
    agent = AgentHarness(policy).add(*facts).until(END).run(limits, ends)
    assert found_in(audits(of_agent(agent), policy)) == []


@examples(100)
@given(histories(), policies(has_rules=False), st.data())
def test_no_revoke_can_be_missing(history: list[FactRecord], policy: Policy, data: st.DataObject) -> None:
    records = of_agent(AgentHarness(policy).add(*history).until(END).run())
    revokes = [one for of_lead in records.values() for one in of_lead if is_revoke(one)]
    assume(revokes)
    lost = data.draw(st.sampled_from(revokes))
    records[lost.key] = [one for one in records[lost.key] if one is not lost]
    assert found_in(audits(records, policy)) != []


def is_revoke(one: StoredRecord) -> bool:
    is_event = AUDITED[one.topic] == "lead-recycled"
    return is_event and CODEC.decode(one.value, LeadRecycled).action == "REVOKE"
