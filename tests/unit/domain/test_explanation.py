"""Why a lead is where it is: what is explained is what decides, and what is foreseen is what then happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.decisions import Escalate, Hold, Recycle
from streams.domain.explanation import ExplainedPromise, Explanation, ForecastStep, explain
from streams.domain.facts import Fact, Stalled
from streams.domain.lead_fold import Emission, LeadFold
from streams.domain.lead_history import LeadHistory
from streams.domain.policy import Action, PlainTime, Policy, PolicyLimits, Rule
from tests.builders_domain import (
    a_policy,
    contacted,
    created,
    lost,
    progressed,
    revoked,
    stalled,
    updated,
    verdict,
    within,
    won,
)

from .histories import END, LEAD_ID, examples, histories, in_order, policies

PROMISED = within(10, 20, 30, 2, 3)


def at_time(facts: list[Fact], policy: Policy, now: int) -> LeadFold:
    """The lead at `now`, as if every fact had come at its own time."""
    ledger = LeadFold(LEAD_ID)
    for fact in in_order(fact for fact in facts if fact.at <= now):
        go_on(ledger, policy, fact.at)
        ledger.add(fact, policy, fact.at)
    go_on(ledger, policy, now)
    ledger.emissions.clear()
    return ledger


def go_on(ledger: LeadFold, policy: Policy, until: int) -> list[Emission]:
    """Let time go on, as a partition does that wakes up just after each deadline; return what is emitted."""
    before = len(ledger.emissions)
    while (deadline := ledger.deadline(policy)) is not None and deadline.due < until:
        ledger.tick(policy, deadline.due + 1)
    return ledger.emissions[before:]


def of(*facts: Fact, policy: Policy, now: int) -> Explanation:
    history = LeadHistory()
    for fact in facts:
        history.add(fact)
    return explain(LEAD_ID, history, policy, now)


def promises(explained: Explanation) -> list[ExplainedPromise]:
    """Those that PROMISED has, in its order."""
    return [one for one in explained.promises if one.name not in ("never_assigned", "no_next_step")]


@examples(1_000)
@given(histories(), policies, st.integers(0, 400))
def test_what_is_foreseen_is_what_then_happens(facts: list[Fact], policy: Policy, now: int) -> None:
    ledger = at_time(facts, policy, now)
    explained = explain(LEAD_ID, ledger.history, policy, now)
    assert [(step.at, step.what) for step in explained.following] == [
        (emission.now, emission.what) for emission in go_on(ledger, policy, END)
    ]


@examples(300)
@given(histories(), policies, st.integers(0, 400))
def test_explaining_changes_nothing(facts: list[Fact], policy: Policy, now: int) -> None:
    ledger = at_time(facts, policy, now)
    before = ledger.history.encode()
    explain(LEAD_ID, ledger.history, policy, now)
    assert ledger.history.encode() == before


@examples(300)
@given(histories(), policies, st.integers(0, 400))
def test_the_promise_that_breaks_next_is_the_running_one_that_is_due_first(
    facts: list[Fact], policy: Policy, now: int
) -> None:
    explained = explain(LEAD_ID, at_time(facts, policy, now).history, policy, now)
    stalls = [step for step in explained.following if isinstance(step.what, Stalled)]
    running = [one for one in explained.promises if one.state == "running"]
    attempts = [one for one in running if one.name == "attempts_exhausted"]
    dated = [(one.due, one.name, one.since) for one in running if one.due is not None]
    assert not stalls or (bool(running) and explained.lead.stall is None)
    if stalls and not attempts:
        (step,) = stalls
        assert isinstance(step.what, Stalled)
        assert min(dated) == (step.at, step.what.reason, step.what.idle_since)


@examples(300)
@given(histories(), policies, st.integers(0, 400))
def test_an_open_stall_at_a_lasting_gate_that_is_closed_is_suppressed_or_waits_for_its_date_and_no_other_is_suppressed(
    facts: list[Fact], policy: Policy, now: int
) -> None:
    explained = explain(LEAD_ID, at_time(facts, policy, now).history, policy, now)
    stall = explained.lead.stall
    if stall is None or not stall.is_open:
        return
    is_closed = any(not gate.is_open for gate in explained.gates if gate.name != "cooldown")
    if not is_closed:
        assert stall.decided != "suppress"
    elif stall.decided != "suppress":  # the gate closed after the decision: it counts at the date
        assert stall.decided in ("hold", "escalate")


@pytest.mark.parametrize(("own", "until"), [(None, 101), (PlainTime(60), 61)])
def test_a_stall_on_hold_names_the_end_of_its_cooldown(own: PlainTime | None, until: int) -> None:
    limits = PolicyLimits(max_recycles=None, max_age=None, cooldown=PlainTime(100))
    policy = a_policy(limits=limits, reasons={"price": Action("offer", cooldown=own)})
    facts: list[Fact] = [created(0), stalled(1), progressed(20), lost(30)]
    explained = explain(LEAD_ID, at_time(facts, policy, 40).history, policy, 40)
    (cooldown,) = (gate for gate in explained.gates if gate.name == "cooldown")
    assert (cooldown.is_open, cooldown.until) == (False, until)
    assert [(step.at, type(step.what)) for step in explained.following] == [(until, Recycle)]


def test_a_new_lead_has_a_promise_with_its_start_and_its_end() -> None:
    explained = of(created(100), policy=a_policy(PROMISED), now=105)
    contact, follow_up, progress, attempts = promises(explained)
    assert (contact.state, contact.since, contact.due) == ("running", 100, 110)
    assert (follow_up.state, follow_up.due) == ("waiting", None)
    assert (progress.state, progress.due) == ("running", 130)
    assert (attempts.state, attempts.at_most) == ("waiting", 3)


def test_a_promise_says_that_it_depends_on_the_agreed_next_step() -> None:
    facts = created(100), contacted(105, next_step_at=150)
    contact, follow_up, progress, _ = promises(of(*facts, policy=a_policy(PROMISED), now=106))
    assert contact.state == "kept"
    assert (follow_up.due, follow_up.next_step_at, follow_up.grace) == (152, 150, PlainTime(2))
    assert (progress.due, progress.next_step_at) == (152, 150)


def test_the_promise_that_was_broken_is_named_and_no_other_clock_runs() -> None:
    ledger = at_time([created(100)], a_policy(PROMISED), 115)
    explained = explain(LEAD_ID, ledger.history, a_policy(PROMISED), 115)
    broken, *others = promises(explained)
    assert [one.state for one in others] == ["stopped", "stopped", "stopped"]
    assert (broken.state, broken.since, broken.due) == ("broken", 100, 110)


@pytest.mark.parametrize("end", [won(110), lost(110)])
def test_no_clock_runs_once_the_deal_is_closed(end: Fact) -> None:
    explained = of(created(100), end, policy=a_policy(PROMISED), now=120)
    assert {one.state for one in promises(explained)} == {"stopped"}


def test_a_promise_that_the_policy_leaves_out_is_off() -> None:
    explained = of(created(100), policy=a_policy(within(10)), now=105)
    assert [one.state for one in promises(explained)] == ["running", "off", "off", "off"]


def test_the_rule_that_applies_is_the_first_that_matches() -> None:
    rules = tuple(Rule(name, PROMISED, {"origin": (name,)}) for name in ("fair", "web"))
    policy = Policy(rules=rules)
    assert of(created(100, origin="web"), policy=policy, now=105).rule == rules[1]
    assert of(created(100, origin="phone"), policy=policy, now=105).rule is None


def test_the_consent_is_compared_with_the_time_when_marketing_may_start_to_write() -> None:
    policy = a_policy(reasons={"price": Action("offer", PlainTime(50))})
    gates = {
        gate.name: gate for gate in of(created(100, consent_expires_at=140), lost(110), policy=policy, now=111).gates
    }
    assert (gates["consent"].is_open, gates["consent"].until, gates["consent"].needed_at) == (False, 140, 160)


def test_each_gate_is_open_or_closed() -> None:
    policy = a_policy(limits=PolicyLimits(max_recycles=None, max_age=None, cooldown=PlainTime(40)))
    facts = created(100), stalled(110), verdict(110, "r"), progressed(120), revoked(120, "r")
    cases: list[tuple[tuple[Fact, ...], set[str]]] = [
        ((), {"cooldown"}),
        ((updated(121, do_not_contact=True),), {"cooldown", "do_not_contact"}),
        ((updated(121, has_consent=True, consent_expires_at=0),), {"cooldown", "consent"}),
        ((won(121),), {"cooldown", "customer"}),
    ]
    for extra, closed in cases:
        explained = of(*facts, *extra, policy=policy, now=125)
        assert {gate.name for gate in explained.gates if not gate.is_open} == closed
    assert all(gate.is_open for gate in of(*facts, policy=policy, now=150).gates)


def test_neglect_that_is_escalated_is_foreseen_to_its_end() -> None:
    limits = PolicyLimits(max_recycles=None, max_age=None, cooldown=PlainTime(100))
    reasons: dict[str, Action | None] = {"never_contacted": Action("again", PlainTime(7), escalate=PlainTime(5))}
    policy = a_policy(PROMISED, limits, reasons)
    facts = created(0), stalled(1), verdict(1, "r"), created(50, "again"), revoked(50, "r", cause="requalified")
    following = of(*facts, policy=policy, now=55).following
    assert [(step.at, type(step.what)) for step in following] == [
        (60, Stalled),
        (60, Escalate),
        (65, Hold),
        (101, Recycle),
    ]


def test_what_was_not_decided_yet_is_decided_now() -> None:
    following = of(created(0), stalled(10, reason="price"), policy=a_policy(), now=12).following
    assert following == (ForecastStep(12, following[0].what),)
    assert isinstance(following[0].what, Recycle)


def test_a_stall_with_a_date_of_a_lead_whose_creation_was_retracted_waits_for_a_creation() -> None:
    reasons: dict[str, Action | None] = {"never_contacted": Action("again", escalate=PlainTime(5))}
    policy = a_policy(PROMISED, reasons=reasons)
    ledger = at_time([created(0, "c"), updated(12, retracts="c")], policy, 40)
    explained = explain(LEAD_ID, ledger.history, policy, 40)
    assert explained.lead.stall is not None
    assert explained.lead.stall.decided == "escalate"
    assert explained.following == ()
    assert go_on(ledger, policy, END) == []


def test_a_promise_that_is_overdue_breaks_now() -> None:
    following = of(created(0), policy=a_policy(PROMISED), now=500).following
    assert [step.at for step in following] == [500, 500]


def test_without_a_policy_only_the_lead_and_its_own_gates_are_explained() -> None:
    history = LeadHistory()
    history.add(created(0, do_not_contact=True))
    explained = explain(LEAD_ID, history, None, 5)
    assert (explained.promises, explained.following, explained.rule) == ((), (), None)
    assert [gate.name for gate in explained.gates] == ["customer", "do_not_contact", "consent"]
    assert not explained.gates[1].is_open
