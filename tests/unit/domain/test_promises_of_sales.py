"""Whose clock runs: promises until a lead has an owner, from its assignment on, and until a next step is agreed."""

from streams.domain.apply import fold
from streams.domain.deadlines import Deadline, next_deadline
from streams.domain.decisions import AtRisk
from streams.domain.facts import Contacted, Fact, Stalled
from streams.domain.lead import stage
from streams.domain.lead_fold import LeadFold
from streams.domain.policy import PlainTime, Policy, Promises
from streams.domain.policy.counts import Counting
from tests.builders_domain import a_policy, contacted, created, progressed, updated

ASSIGNED = a_policy(Promises(never_contacted=PlainTime(20), never_assigned=PlainTime(10), contact_from="assigned"))
NEXT_STEP = a_policy(Promises(no_next_step=PlainTime(10)))
WARNED = a_policy(
    Promises(never_contacted=PlainTime(20), no_follow_up=PlainTime(30), warn={"never_contacted": PlainTime(5)})
)


def deadline(*facts: Fact, policy: Policy = ASSIGNED) -> tuple[int, str, int] | None:
    found = next_deadline(fold(facts), policy)
    return found and (found.due, found.reason, found.idle_since)


def run(policy: Policy, *facts: Fact, until: int = 1_000) -> LeadFold:
    ledger = LeadFold("L")
    for fact in facts:
        ledger.tick(policy, fact.at)
        ledger.add(fact, policy, fact.at)
    ledger.tick(policy, until)
    return ledger


def stalls(ledger: LeadFold) -> list[tuple[int, str]]:
    return [(each.what.at, each.what.reason) for each in ledger.emissions if isinstance(each.what, Stalled)]


def test_until_a_lead_has_an_owner_the_clock_of_assignment_runs() -> None:
    assert deadline(created(1)) == (11, "never_assigned", 1)
    assert stalls(run(ASSIGNED, created(1))) == [(11, "never_assigned")]


def test_from_its_assignment_on_the_clock_of_contact_runs() -> None:
    assert deadline(created(1), updated(6, owner_id="ann")) == (26, "never_contacted", 6)
    assert deadline(created(1, owner_id="ann")) == (21, "never_contacted", 1)


def test_another_owner_inherits_the_promise() -> None:
    assert deadline(created(1, owner_id="ann"), updated(9, owner_id="bob")) == (21, "never_contacted", 1)


def test_a_lead_that_loses_its_owner_waits_for_assignment_again() -> None:
    assert deadline(created(1, owner_id="ann"), updated(9, owner_id="")) == (11, "never_assigned", 1)
    back = (created(1, owner_id="ann"), updated(5, owner_id=""), updated(9, "v", owner_id="bob"))
    assert deadline(*back) == (29, "never_contacted", 9)


def test_an_owner_settles_a_lead_that_was_never_assigned() -> None:
    ledger = run(ASSIGNED, created(1), updated(30, owner_id="ann"), until=40)
    assert stage(ledger.lead) == "new"
    assert stalls(ledger) == [(11, "never_assigned")]
    assert ledger.deadline(ASSIGNED) == Deadline(50, "never_contacted", 30)


def test_a_stall_of_assignment_is_void_if_a_late_fact_names_the_owner() -> None:
    ledger = run(ASSIGNED, created(1), until=30)
    ledger.add(updated(5, owner_id="ann"), ASSIGNED, 30)
    assert (stage(ledger.lead), ledger.lead.recycle) == ("new", None)


def test_after_progress_a_next_step_must_be_agreed() -> None:
    assert deadline(created(1), progressed(5), policy=NEXT_STEP) == (15, "no_next_step", 5)
    assert deadline(created(1), contacted(5), policy=NEXT_STEP) is None
    agreed = contacted(5, is_progress=True, next_step_at=50)
    assert deadline(created(1), agreed, policy=NEXT_STEP) is None
    missed = contacted(9, "n", loses_step=True)
    assert deadline(created(1), agreed, missed, policy=NEXT_STEP) == (15, "no_next_step", 5)


def test_a_stall_without_a_next_step_is_void_if_a_late_fact_agrees_on_one() -> None:
    ledger = run(NEXT_STEP, created(1), progressed(5), until=30)
    assert stage(ledger.lead) == "nurture"
    ledger.add(contacted(6, next_step_at=90), NEXT_STEP, 30)
    assert stage(ledger.lead) == "working"


def warnings(ledger: LeadFold) -> list[tuple[int, str, int]]:
    return [
        (each.what.at, each.what.reason, each.what.until) for each in ledger.emissions if isinstance(each.what, AtRisk)
    ]


def test_sales_is_warned_once_before_a_promise_breaks() -> None:
    assert warnings(run(WARNED, created(1), until=16)) == []
    ledger = run(WARNED, created(1), until=17)
    assert warnings(ledger) == [(16, "never_contacted", 21)]
    ledger.tick(WARNED, 1_000)
    assert len(warnings(ledger)) == 1
    assert stalls(ledger) == [(21, "never_contacted")]


def test_a_clock_that_starts_anew_warns_anew() -> None:
    policy = a_policy(Promises(no_follow_up=PlainTime(20), warn={"no_follow_up": PlainTime(5)}))
    ledger = run(policy, created(1), contacted(2, "t1"), contacted(20, "t2"), until=36)
    assert warnings(ledger) == [(17, "no_follow_up", 22), (35, "no_follow_up", 40)]


def test_a_touch_in_time_needs_no_warning() -> None:
    assert warnings(run(WARNED, created(1), contacted(10))) == []


def test_a_warning_is_no_touch_and_survives_being_stored() -> None:
    ledger = run(WARNED, created(1), until=17)
    again = LeadFold("L", ledger.history.decode(ledger.history.encode()))
    assert (stage(again.lead), again.lead.warned) == ("new", (("never_contacted", 1),))
    assert again.deadline(WARNED) == Deadline(21, "never_contacted", 1)


def test_a_contact_counts_as_the_policy_says() -> None:
    policy = Policy(counts=Counting(by=frozenset({"sales", "lead", "agent"}), ignored=frozenset({"voicemail"})))
    how = ("agent", "email", "outbound", "sent")
    assert run(policy, created(1), Contacted(2, "t", is_no_touch=True, how=how), until=3).lead.touches == 1
    left = ("sales", "call", "outbound", "voicemail")
    ledger = run(policy, created(1), Contacted(2, "t", how=left), until=3)
    assert (ledger.lead.touches, ledger.history.facts[-1]) == (0, Contacted(2, "t", is_no_touch=True))
