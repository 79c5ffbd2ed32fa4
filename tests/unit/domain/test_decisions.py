"""What becomes of a stall."""

import pytest

from streams.domain.apply import fold
from streams.domain.decisions import (
    Escalate,
    Hold,
    Holdout,
    Recycle,
    Retire,
    Revoke,
    StallDecision,
    Suppress,
    decide,
)
from streams.domain.facts import NO_CONSENT, Fact
from streams.domain.ids import digest
from streams.domain.policy import Action, PlainTime, Policy, PolicyLimits
from tests.builders_domain import a_policy, contacted, created, lost, revoked, stalled, updated, verdict, won


def decision_of(*facts: Fact, policy: Policy | None = None, now: int = 100) -> StallDecision | None:
    return decide("lead", fold(facts), policy or a_policy(), now)


def ground_of(*facts: Fact, limits: PolicyLimits | None = None, now: int = 100) -> tuple[type, str]:
    policy = a_policy(limits=limits, reasons={"poor_fit": None})
    decision = decision_of(*facts, policy=policy, now=now)
    assert isinstance(decision, Holdout | Suppress | Retire | Hold | Escalate)
    return type(decision), decision.why


def test_a_lead_that_is_not_cold_needs_no_decision() -> None:
    assert decision_of(created(1), contacted(2)) is None
    assert decision_of(created(1), stalled(2), verdict(2)) is None


def test_a_stall_is_recycled_on_the_track_of_its_reason() -> None:
    policy = a_policy(reasons={"bad_timing": Action("later", PlainTime(60))})
    decision = decision_of(created(1), stalled(10), policy=policy)
    recycle_id = digest("recycle", "s")
    assert decision == Recycle(recycle_id, "s", 10, "bad_timing", "later", 70, "bad_timing")


def test_not_before_is_the_date_at_which_the_lead_wants_to_be_called() -> None:
    later = stalled(10).__class__(10, "s", "sales", "bad_timing", 0, 500)
    decision = decision_of(created(1), later)
    assert isinstance(decision, Recycle)
    assert decision.not_before == 500


@pytest.mark.parametrize(
    ("facts", "ground"),
    [
        ((created(1), won(2), created(3, "again"), stalled(10)), (Suppress, "customer")),
        ((created(1, do_not_contact=True), stalled(10)), (Suppress, "do_not_contact")),
        ((created(1, consent_expires_at=10), stalled(10)), (Suppress, "consent_expired")),
        ((created(1), lost(10, reason="poor_fit")), (Retire, "never")),
    ],
)
def test_customers_and_leads_without_consent_or_with_a_never_reason_are_not_recycled(
    facts: tuple[Fact, ...], ground: tuple[type, str]
) -> None:
    assert ground_of(*facts) == ground


BEFORE = (
    created(1),
    stalled(10, "s1"),
    verdict(10, "v1", stall_id="s1"),
    created(20, "again"),
    revoked(20, "v1", "s1", "requalified"),
    stalled(30, "s2"),
)


def test_a_lead_at_its_limit_of_recycles_is_retired() -> None:
    assert ground_of(*BEFORE, limits=PolicyLimits(max_recycles=1)) == (Retire, "recycle_limit")


def test_a_stall_that_is_known_too_late_is_retired() -> None:
    limits = PolicyLimits(max_age=PlainTime(50))
    assert ground_of(created(1), stalled(30), limits=limits, now=81) == (Retire, "too_old")
    assert isinstance(decision_of(created(1), stalled(30), policy=a_policy(limits=limits), now=80), Recycle)


def test_in_a_history_no_stall_is_too_old() -> None:
    policy = a_policy(limits=PolicyLimits(max_age=PlainTime(50))).for_history()
    assert isinstance(decision_of(created(1), stalled(30), policy=policy, now=9_999), Recycle)


def test_a_stall_within_the_cooldown_is_held_until_its_end_and_then_recycled() -> None:
    policy = a_policy(limits=PolicyLimits(cooldown=PlainTime(25)))
    hold = decision_of(*BEFORE, policy=policy)
    assert hold == Hold(digest("hold", "s2"), "s2", 30, "bad_timing", "cooldown", 35)
    held = (*BEFORE, verdict(30, "h", "hold", "s2"))
    assert decision_of(*held, policy=policy, now=34) is None
    again = decision_of(*held, policy=policy, now=35)
    assert isinstance(again, Recycle)
    assert (again.at, again.recycle_id) == (35, digest("recycle", "s2"))


def test_a_stall_after_the_cooldown_is_recycled() -> None:
    assert isinstance(decision_of(*BEFORE, policy=a_policy(limits=PolicyLimits(cooldown=PlainTime(20)))), Recycle)


def test_a_reason_may_have_a_cooldown_of_its_own() -> None:
    own = {"bad_timing": Action("later", cooldown=PlainTime(20))}
    policy = a_policy(limits=PolicyLimits(cooldown=PlainTime(1_000)), reasons={**own})
    assert isinstance(decision_of(*BEFORE, policy=policy), Recycle)


ESCALATES = a_policy(reasons={"bad_timing": Action("later", PlainTime(7), escalate=PlainTime(15))})


def test_a_stall_is_escalated_once_and_recycled_if_sales_does_not_act() -> None:
    cold = (created(1), stalled(10))
    assert decision_of(*cold, policy=ESCALATES) == Escalate(
        digest("escalate", "s"), "s", 10, "bad_timing", "bad_timing", 25
    )
    told = (*cold, verdict(10, "x", "escalate"))
    assert decision_of(*told, policy=ESCALATES, now=24) is None
    recycle = decision_of(*told, policy=ESCALATES, now=25)
    assert isinstance(recycle, Recycle)
    assert (recycle.at, recycle.not_before) == (25, 32)


def test_an_opt_out_suppresses_a_stall_until_it_is_lifted() -> None:
    opted_out = (created(1), stalled(10), updated(11, "u", do_not_contact=True))
    assert ground_of(*opted_out) == (Suppress, "do_not_contact")
    suppressed = (*opted_out, verdict(11, "x", "suppress"))
    assert decision_of(*suppressed) is None
    lifted = decision_of(*suppressed, updated(40, "v", do_not_contact=False))
    assert isinstance(lifted, Recycle)
    assert (lifted.at, lifted.recycle_id) == (40, digest("recycle", "s"))


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (updated(20, "u", do_not_contact=True), "do_not_contact"),
        (updated(20, "u", has_consent=True, consent_expires_at=NO_CONSENT), "consent_expired"),
    ],
)
def test_an_opt_out_and_a_withdrawn_consent_revoke_the_recycle_that_stands(change: Fact, cause: str) -> None:
    decision = decision_of(created(1), stalled(10), verdict(10), change)
    assert isinstance(decision, Revoke)
    assert (decision.recycle_id, decision.cause) == ("v", cause)


def test_consent_is_compared_with_the_time_at_which_marketing_may_start() -> None:
    policy = a_policy(reasons={"bad_timing": Action("later", PlainTime(60))})
    ends = created(1, consent_expires_at=70)
    assert isinstance(decision_of(ends, stalled(10), policy=policy), Suppress)
    decision = decision_of(ends, stalled(9), policy=policy)
    assert isinstance(decision, Recycle)
    assert (decision.not_before, decision.expires_at) == (69, 70)


def test_a_recycle_that_a_gate_took_back_counts_for_no_limit() -> None:
    facts = (created(1), stalled(10), verdict(10), updated(20, "u", do_not_contact=True))
    back = (*facts, revoked(20, "v", cause="do_not_contact"), updated(30, "w", do_not_contact=False))
    lead = fold(back)
    assert (lead.recycles, lead.recycled_at) == (0, None)
    assert isinstance(decision_of(*back, policy=a_policy(limits=PolicyLimits(max_recycles=1))), Recycle)


def test_the_holdout_has_about_the_configured_share_and_is_stable() -> None:
    policy = a_policy(limits=PolicyLimits(holdout_percent=10, holdout_salt="x"))
    lead = fold([created(1), stalled(10)])
    held_out = [n for n in range(2_000) if isinstance(decide(f"lead {n}", lead, policy, 10), Holdout)]
    assert 140 < len(held_out) < 260
    assert held_out == [n for n in range(2_000) if isinstance(decide(f"lead {n}", lead, policy, 99), Holdout)]


def test_a_void_recycle_is_revoked_first() -> None:
    decision = decision_of(created(1), stalled(10), verdict(10), won(12))
    assert decision == Revoke(digest("revoke", "v"), "v", "s", 12, "won")


def test_a_stall_that_holds_again_after_its_revoke_gets_a_new_recycle() -> None:
    decision = decision_of(created(1), stalled(10), verdict(10), revoked(11, "v"))
    assert isinstance(decision, Recycle)
    assert decision.recycle_id == digest("recycle", "s", 1)
