"""One lead, live."""

from streams.domain.deadlines import Deadline
from streams.domain.decisions import Recycle, Revoke
from streams.domain.facts import Decided, Revoked, Stalled
from streams.domain.ids import digest
from streams.domain.lead import stage
from streams.domain.lead_fold import LeadFold
from streams.domain.lead_history import LeadHistory
from tests.builders_domain import a_policy, contacted, created, stalled, within

POLICY = a_policy(within(never_contacted=20))


def test_a_deadline_fires_only_after_stream_time_has_passed_it() -> None:
    ledger = LeadFold("lead")
    ledger.add(created(1), POLICY, 1)
    ledger.tick(POLICY, 21)
    assert ledger.emissions == []
    ledger.tick(POLICY, 22)
    stall, recycle = ledger.emissions
    stall_id = digest("stall", "lead", 1, "never_contacted", 1)
    assert stall.what == Stalled(21, stall_id, "detector", "never_contacted", 1)
    assert (stage(stall.lead), stall.now) == ("stalled", 21)
    assert isinstance(recycle.what, Recycle)
    assert (stage(recycle.lead), recycle.now) == ("nurture", 21)


def test_a_late_touch_revokes_the_recycle() -> None:
    ledger = LeadFold("lead")
    ledger.add(created(1), POLICY, 1)
    ledger.tick(POLICY, 50)
    ledger.emissions.clear()
    assert ledger.add(contacted(15), POLICY, 50) == "new"
    [emission] = ledger.emissions
    assert isinstance(emission.what, Revoke)
    assert emission.what.cause == "void"
    assert stage(ledger.lead) == "working"


def test_a_duplicate_causes_no_new_decision() -> None:
    ledger = LeadFold("lead")
    ledger.add(stalled(1), POLICY, 1)
    ledger.emissions.clear()
    assert ledger.add(stalled(1), POLICY, 1) == "repeat"
    assert ledger.emissions == []


def test_the_next_deadline_follows_the_lead() -> None:
    ledger = LeadFold("lead")
    assert ledger.deadline(POLICY) is None
    ledger.add(created(1), POLICY, 1)
    assert ledger.deadline(POLICY) == Deadline(21, "never_contacted", 1)
    ledger.tick(POLICY, 22)
    assert ledger.deadline(POLICY) is None


def test_a_deadline_whose_stall_was_emitted_does_not_fire_again() -> None:
    ledger = LeadFold("lead")
    stall_id = digest("stall", "lead", 1, "never_contacted", 7)
    # It belongs to a deadline of another lead: it has no effect, and causes no further emissions.
    ledger.add(Stalled(5, stall_id, "detector", "never_contacted", 7), POLICY, 5)
    ledger.add(contacted(6), POLICY, 6)
    ledger.add(created(7), POLICY, 7)
    ledger.emissions.clear()
    ledger.tick(POLICY, 1_000)
    assert ledger.deadline(POLICY) is None
    assert ledger.emissions == []


def test_the_history_of_a_lead_is_always_bounded() -> None:
    ledger = LeadFold("lead", LeadHistory(kept=5))
    for n in range(1, 500):
        ledger.add(contacted(n * 7, f"t{n}"), POLICY, n * 7)
        ledger.tick(POLICY, n * 7)
    assert len(ledger.history.facts) == 5
    assert ledger.lead.touches == 499


def test_a_forged_record_with_an_own_id_does_not_cause_endless_emissions() -> None:
    ledger = LeadFold("lead")
    ledger.add(contacted(1, digest("recycle", "s")), POLICY, 1)
    ledger.add(stalled(5), POLICY, 5)
    assert stage(ledger.lead) == "stalled"
    assert ledger.emissions == []


def test_a_recycle_dated_before_its_stall_is_revoked_and_replaced() -> None:
    ledger = LeadFold("lead")
    ledger.add(Decided(1, digest("recycle", "s"), "recycle", "s"), POLICY, 1)
    ledger.add(stalled(5), POLICY, 5)
    assert [type(emission.what) for emission in ledger.emissions] == [Revoke, Recycle]
    assert stage(ledger.lead) == "nurture"


def test_recycles_read_back_out_of_order_do_not_block_the_next_one() -> None:
    ledger = LeadFold("lead")
    again = digest("recycle", "s", 1)
    for fact in (Decided(5, again, "recycle", "s"), Revoked(6, "x", again, "s"), stalled(5)):
        ledger.add(fact, POLICY, 6)
    assert stage(ledger.lead) == "nurture"
    assert ledger.lead.recycle is not None
    assert ledger.lead.recycle.recycle_id not in (again, digest("recycle", "s"))
