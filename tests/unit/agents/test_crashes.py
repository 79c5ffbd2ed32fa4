"""For any division into chunks and any crash, the same records are published: the same ids with the same bytes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.events import FactRecord, LeadCreated, LeadRecycled, LeadUpdated
from streams.domain.fact_of_record import fact_of
from streams.domain.policy import Policy
from tests.unit.domain.histories import examples, policies
from tests.unit.domain.reference_model import MODEL, policy_to_model, to_model

from .agent_harness import AgentHarness, Crash
from .histories import BOUNDLESS, END, Histories, histories, merged

EVERYTHING = Crash()
sizes = st.lists(st.integers(1, 6), max_size=30)
crashes = st.lists(st.none() | st.just(EVERYTHING), max_size=20)
torn = st.lists(st.none() | st.builds(lambda n: Crash(changes=n), st.integers(0, 4)), max_size=20)
some = st.sets(st.sampled_from(("lead-decisions", "lead-snapshots", "lead-stalled", "lead-recycled")))
partly = st.lists(st.none() | st.builds(Crash, some), max_size=20)


def without_retractions(history: Histories) -> Histories:
    """A RECYCLE that followed from a retraction bears the time of its stall, so a replay reads it first."""
    return {
        lead_id: [each for each in records if not (isinstance(each, LeadUpdated) and each.retracts)]
        for lead_id, records in history.items()
    }


def agent_with(history: Histories, policy: Policy = BOUNDLESS) -> AgentHarness:
    return AgentHarness(policy).add(*merged(history)).until(END)


def by_the_model(history: Histories, policy: Policy) -> dict[str, Any]:
    """The ledger of each lead, as if every fact had come at its own time."""
    theirs = policy_to_model(policy.for_history())
    return {
        lead_id: MODEL.run(lead_id, [to_model(fact_of(record)) for record in records], theirs, END)
        for lead_id, records in history.items()
    }


def assert_published_the_same(one: AgentHarness, other: AgentHarness) -> None:
    assert one.decided() == other.decided()
    assert all(len(bytes_) == 1 for bytes_ in one.decided().values())


@examples(150)
@given(histories(), policies, sizes)
def test_chunks_of_any_size_publish_what_the_reference_model_publishes(
    history: Histories, policy: Policy, limits: list[int]
) -> None:
    ours, theirs = agent_with(history, policy).run(limits), by_the_model(history, policy)
    assert ours.stages() == {lead_id: MODEL.stage(ledger.lead) for lead_id, ledger in theirs.items()}
    emitted = {fact.event_id for ledger in theirs.values() for fact in ledger.emitted}
    assert {event_id for _, event_id, _ in ours.decided()} == emitted


@examples(150)
@given(histories().map(without_retractions), policies, sizes, crashes)
def test_a_crash_after_the_outputs_repeats_the_same_bytes(
    history: Histories, policy: Policy, limits: list[int], ends: list[Crash | None]
) -> None:
    undisturbed, crashing = agent_with(history, policy).run(), agent_with(history, policy).run(limits, ends)
    assert_published_the_same(crashing, undisturbed)
    assert crashing.stages() == undisturbed.stages()


@examples(150)
@given(histories().map(without_retractions), policies, sizes, torn)
def test_a_crash_during_the_state_changes_repeats_the_same_bytes(
    history: Histories, policy: Policy, limits: list[int], ends: list[Crash | None]
) -> None:
    undisturbed, crashing = agent_with(history, policy).run(), agent_with(history, policy).run(limits, ends)
    assert_published_the_same(crashing, undisturbed)
    assert crashing.stages() == undisturbed.stages()


@examples(150)
@given(histories().map(without_retractions), policies, sizes, partly)
def test_a_crash_during_the_outputs_repeats_the_same_bytes(
    history: Histories, policy: Policy, limits: list[int], ends: list[Crash | None]
) -> None:
    undisturbed, crashing = agent_with(history, policy).run(), agent_with(history, policy).run(limits, ends)
    assert_published_the_same(crashing, undisturbed)
    assert crashing.stages() == undisturbed.stages()


@examples(100)
@given(histories().map(without_retractions), policies, sizes)
def test_rebuilding_the_state_from_all_inputs_and_own_records_publishes_nothing_new(
    history: Histories, policy: Policy, limits: list[int]
) -> None:
    first, again = agent_with(history, policy).run(), AgentHarness(policy)
    again.log = first.log
    again.run(limits)
    known = first.decided()
    new = {name for name, values in again.decided().items() if known.get(name) != values}
    assert not new
    assert again.stages() == first.stages()


def plain(history: Histories) -> Histories:
    """One pass each, and no consent that ends: which stall it still covers depends on what was known when.

    Nor is a creation taken back after which the detector declares a stall: what came first depends on the order, and
    the stall stands, in the reference model too.
    """
    return {lead_id: [_without_end(each) for each in _of_one_pass(records)] for lead_id, records in history.items()}


def _of_one_pass(records: list[FactRecord]) -> list[FactRecord]:
    of_pass = [each for n, each in enumerate(records) if n == 0 or not isinstance(each, LeadCreated)]
    stands = [each for each in of_pass if not _takes_back(each, records[0])]
    return stands if len(stands) < len(of_pass) and _has_stall_of_the_detector(stands) else of_pass


def _takes_back(record: FactRecord, creation: FactRecord) -> bool:
    is_about = isinstance(record, LeadUpdated) and record.retracts == creation.event_id
    return is_about and isinstance(creation, LeadCreated)


def _has_stall_of_the_detector(records: list[FactRecord]) -> bool:
    (ledger,) = by_the_model({"": records}, BOUNDLESS).values()
    return any(fact.kind == "stalled" for fact in ledger.emitted)


def _without_end(record: FactRecord) -> FactRecord:
    if isinstance(record, LeadUpdated) and record.consent != "unchanged":
        return replace(record, consent="unchanged", consent_expires_at=None)
    return replace(record, consent_expires_at=None) if isinstance(record, LeadCreated) else record


@examples(150)
@given(histories().map(plain), sizes, crashes | partly, st.data())
def test_late_facts_and_crashes_end_in_the_same_stages_and_every_void_recycle_is_revoked(
    history: Histories, limits: list[int], ends: list[Crash | None], data: st.DataObject
) -> None:
    ours = AgentHarness(BOUNDLESS).add(*data.draw(st.permutations(merged(history)))).until(END).run(limits, ends)
    theirs = by_the_model(history, BOUNDLESS)
    assert ours.stages() == {lead_id: MODEL.stage(ledger.lead) for lead_id, ledger in theirs.items()}
    sent: list[LeadRecycled] = ours.published_to("lead-recycled")
    recycled = {each.recycle_id for each in sent if each.action == "RECYCLE"}
    revoked = {each.recycle_id for each in sent if each.action == "REVOKE"}
    assert recycled - revoked == ours.standing()
