"""What holds for every lead, however its facts come."""

from hypothesis import given
from hypothesis import strategies as st

from streams.domain.deadlines import HELD, evaluated_at
from streams.domain.decisions import Suppress, decide
from streams.domain.facts import Closed, Contacted, Created, Decided, Fact, Revoked, Stalled, Updated
from streams.domain.funnel import Funnel
from streams.domain.lead import Stall, stage
from streams.domain.lead_fold import Emission, LeadFold
from streams.domain.lead_history import LeadHistory
from streams.domain.policy import PlainTime, Policy, PolicyLimits
from tests.builders_domain import a_policy, created, progressed, stalled, updated

from .histories import BOUNDLESS, END, LEAD_ID, examples, histories, in_order, live, policies


def run(facts: list[Fact]) -> LeadFold:
    return live(in_order(facts))


def fact_of_emission(emission: Emission) -> Fact:
    return emission.fact


def one_pass(facts: list[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.event_id == "e0" or not isinstance(fact, Created)]


def without_end_of_consent(facts: list[Fact]) -> list[Fact]:
    """What asks for the very instant of a stall may differ with the order: nobody invents a stall afterwards."""
    return [fact for fact in facts if getattr(fact, "consent_expires_at", None) is None]


@examples(200)
@given(histories(8).map(one_pass).map(without_end_of_consent), st.data())
def test_the_final_stage_is_independent_of_the_order_of_facts(facts: list[Fact], data: st.DataObject) -> None:
    assert stage(live(data.draw(st.permutations(facts))).lead) == stage(run(facts).lead)


@examples(200)
@given(histories(), policies, st.data())
def test_duplicate_facts_change_nothing(facts: list[Fact], policy: Policy, data: st.DataObject) -> None:
    policy, order = policy.for_history(), data.draw(st.permutations(facts))  # how old a stall is depends on the instant
    once, twice = live(order, policy), live(order, policy, repeats=2)
    assert once.lead == twice.lead
    assert once.emissions == twice.emissions


@examples(200)
@given(histories(), policies, st.data())
def test_no_recycle_of_a_won_or_progressing_lead_remains_unrevoked(
    facts: list[Fact], policy: Policy, data: st.DataObject
) -> None:
    lead = live(data.draw(st.permutations(facts)), policy).lead
    assert lead.to_revoke == ()
    assert lead.recycle is None or lead.stall is not None


@examples(150)
@given(histories(8).map(one_pass).map(without_end_of_consent), st.data())
def test_a_replay_with_its_own_stalls_gives_the_same_decisions(facts: list[Fact], data: st.DataObject) -> None:
    first, again = live(data.draw(st.permutations(facts))), LeadFold(LEAD_ID)
    log = [fact for fact in first.history.facts if isinstance(fact, Created | Contacted | Closed | Stalled | Updated)]
    for fact in in_order(log):
        again.add(fact, BOUNDLESS, fact.at)
    again.tick(BOUNDLESS, END)
    assert stage(again.lead) == stage(first.lead)


@examples(150)
@given(histories(8).map(one_pass), st.data())
def test_emissions_read_back_after_a_crash_are_recognised_and_revoked_if_void(
    facts: list[Fact], data: st.DataObject
) -> None:
    """A crash after the outputs and before the state: the emissions are read back after the facts that caused them."""
    known = data.draw(st.integers(1, len(facts)))
    before, after = facts[:known], facts[known:]
    emitted = [fact_of_emission(each) for each in live(before).emissions]
    read = [*data.draw(st.permutations(before)), *emitted, *data.draw(st.permutations(after))]
    again, now = LeadFold(LEAD_ID), 0
    for fact in read:
        now = max(now, fact.at)
        again.add(fact, BOUNDLESS, now)
    again.tick(BOUNDLESS, END)
    sent = [*emitted, *(fact_of_emission(each) for each in again.emissions)]
    recycles = {fact.event_id for fact in sent if isinstance(fact, Decided) and fact.decided == "recycle"}
    taken_back = {fact.recycle_id for fact in sent if isinstance(fact, Revoked)}
    assert recycles - taken_back == ({again.lead.recycle.recycle_id} if again.lead.recycle else set())


@examples(150)
@given(histories(), policies, st.integers(1, 60))
def test_additional_ticks_give_the_same_emissions(facts: list[Fact], policy: Policy, step: int) -> None:
    policy, ledger, now = policy.for_history(), LeadFold(LEAD_ID), 0  # how old a stall is depends on the instant
    for fact in in_order(facts):
        for instant in [*range(now, fact.at, step), fact.at]:
            ledger.tick(policy, instant)
        ledger.add(fact, policy, fact.at)
        now = fact.at
    ledger.tick(policy, END)
    assert ledger.emissions == live(in_order(facts), policy).emissions


@examples(150)
@given(histories(), policies)
def test_no_past_deadline_remains_unfired(facts: list[Fact], policy: Policy) -> None:
    deadline = live(facts, policy).deadline(policy)
    assert deadline is None or deadline.due >= END


@examples(150)
@given(histories(), policies, st.data())
def test_the_incremental_funnel_equals_a_final_count(facts: list[Fact], policy: Policy, data: st.DataObject) -> None:
    counted_live, now = Funnel(), 0
    ledger = LeadFold(LEAD_ID, LeadHistory(kept=4))
    for fact in data.draw(st.permutations(facts)):
        now, before = max(now, fact.at), ledger.lead
        ledger.tick(policy, now)
        ledger.add(fact, policy, now)
        counted_live.replace(before if counted_live.stages else None, ledger.lead)
    counted_at_the_end = Funnel()
    counted_at_the_end.replace(None, ledger.lead)
    assert counted_live.steps == counted_at_the_end.steps
    assert counted_live.stages == counted_at_the_end.stages
    assert counted_live.overdue == counted_at_the_end.overdue


@examples(200)
@given(histories(), policies, st.data())
def test_every_stall_has_an_end_a_date_or_a_closed_gate(facts: list[Fact], policy: Policy, data: st.DataObject) -> None:
    ledger = live(data.draw(st.permutations(facts)), policy)
    lead, stall = ledger.lead, ledger.lead.stall
    if stall is None:
        return
    assert stall.decided is not None
    if stall.decided in ("hold", "escalate"):
        deadline = ledger.deadline(policy)
        has_date = deadline is not None and deadline.reason == HELD and deadline.due >= END
        assert lead.pass_no == 0 or has_date or (deadline is None and _is_suppressed_as_before(ledger, stall, policy))
    if stall.decided == "suppress":
        expires_at = lead.consent_expires_at
        assert lead.won_ever or lead.do_not_contact or (expires_at is not None and expires_at <= END)


def _is_suppressed_as_before(ledger: LeadFold, stall: Stall, policy: Policy) -> bool:
    """Whether a hold is over, and what is decided now is a SUPPRESS that was emitted before: a closed gate."""
    decision = decide(LEAD_ID, ledger.lead, policy, evaluated_at(ledger.lead, stall, policy))
    return isinstance(decision, Suppress) and any(one.event_id == decision.event_id for one in ledger.history.facts)


def test_a_hold_that_is_over_at_a_closed_gate_waits_for_the_gate() -> None:
    """As in the reference: its SUPPRESS has the id of the first one, since the recycle of the cooldown never was."""
    policy = a_policy(limits=PolicyLimits(max_recycles=None, max_age=None, cooldown=PlainTime(200)))
    facts: list[Fact] = [
        created(0),
        stalled(10, "first"),
        progressed(20),
        updated(25, "u25", do_not_contact=True),
        stalled(30, "second", "no_budget"),
        updated(40, "u40", do_not_contact=False),
        updated(50, "u50", do_not_contact=True),
        updated(60, "u60", retracts="first"),
    ]
    ledger = live(facts, policy)
    stall = ledger.lead.stall
    assert stall is not None
    assert (stall.decided, ledger.deadline(policy)) == ("hold", None)
    assert _is_suppressed_as_before(ledger, stall, policy)
    opened = live([*facts, updated(300, "u300", do_not_contact=False)], policy)
    assert opened.lead.recycle is not None
    assert opened.lead.recycle.stall_id == "second"


@examples(200)
@given(histories(), policies, st.data())
def test_nobody_who_may_not_be_contacted_is_with_marketing(
    facts: list[Fact], policy: Policy, data: st.DataObject
) -> None:
    lead = live(data.draw(st.permutations(facts)), policy).lead
    if lead.recycle is not None:
        assert not lead.do_not_contact
        assert not lead.won_ever
        assert lead.consent_expires_at is None or lead.consent_expires_at > lead.recycle.not_before


@examples(200)
@given(histories(), policies, st.data())
def test_marketing_has_the_plan_for_the_newest_word_of_sales(
    facts: list[Fact], policy: Policy, data: st.DataObject
) -> None:
    lead = live(data.draw(st.permutations(facts)), policy).lead
    if lead.recycle is not None:
        assert lead.stall is not None
        assert lead.recycle.stall_id == lead.stall.stall_id
        assert policy.action_of(lead.stall.reason) is not None
    retracted = {fact.retracts for fact in facts if isinstance(fact, Updated)}
    stand = in_order(fact for fact in facts if fact.event_id not in retracted)
    newest = stand[-1] if stand else None
    is_word = isinstance(newest, Stalled) or (isinstance(newest, Closed) and not newest.is_won)
    if is_word and lead.stall is not None and lead.closed != "won":
        assert lead.stall.reason == newest.reason  # type: ignore[union-attr]  # it is one of the two
