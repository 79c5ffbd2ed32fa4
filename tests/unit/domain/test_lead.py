"""What a lead is, after one fact or a few."""

import pytest

from streams.domain.apply import fold
from streams.domain.facts import Fact
from streams.domain.lead import MAX_PASSES, Lead, stage
from tests.builders_domain import (
    contacted,
    created,
    detected,
    lost,
    progressed,
    revoked,
    stalled,
    updated,
    verdict,
    won,
)


def lead_of(*facts: Fact) -> Lead:
    return fold(facts)


def test_the_stage_of_a_lead_follows_from_its_facts() -> None:
    assert stage(lead_of()) == "unknown"
    assert stage(lead_of(created(1))) == "new"
    assert stage(lead_of(created(1), contacted(2))) == "working"
    assert stage(lead_of(created(1), stalled(2))) == "stalled"
    assert stage(lead_of(created(1), stalled(2), verdict(2))) == "nurture"
    assert stage(lead_of(created(1), lost(2), verdict(2, decided="retire", stall_id="l"))) == "lost"
    assert stage(lead_of(created(1), lost(2), verdict(2, stall_id="l"))) == "nurture"
    assert stage(lead_of(created(1), won(2))) == "won"


def test_a_contact_by_marketing_is_no_touch() -> None:
    lead = lead_of(created(1), contacted(2, is_no_touch=True))
    assert (stage(lead), lead.touches, lead.newest_at) == ("new", 0, 2)


def test_a_touch_sets_the_owner_and_the_next_step() -> None:
    lead = lead_of(created(1, owner_id="ann"), contacted(2, owner_id="bob", next_step_at=9), contacted(3, "u"))
    assert (lead.owner_id, lead.next_step_at, lead.touches, lead.attempts) == ("bob", 9, 2, 2)


def test_progress_resets_attempts_but_not_touches() -> None:
    lead = lead_of(created(1), contacted(2), progressed(3))
    assert (lead.attempts, lead.touches, lead.is_progressed, lead.last_progress_at) == (0, 2, True, 3)


def test_a_creation_during_an_open_pass_only_updates_the_description() -> None:
    lead = lead_of(created(1, origin="web", owner_id="ann"), created(5, "again", origin="fair"))
    assert (lead.pass_no, lead.created_at, lead.origin, lead.owner_id) == (1, 1, "fair", "ann")


def test_a_creation_of_a_cold_lead_starts_the_next_pass() -> None:
    lead = lead_of(created(1, origin="web"), contacted(2), stalled(3), verdict(3), created(9, "again", origin="fair"))
    assert (lead.pass_no, lead.created_at, lead.touches, lead.recycles) == (2, 9, 0, 1)
    assert (lead.stall, lead.recycle) == (None, None)
    assert [(pending.recycle_id, pending.cause) for pending in lead.to_revoke] == [("v", "requalified")]
    assert [(old.pass_no, old.origin, old.created_at) for old in lead.passes] == [(1, "web", 1)]


def test_only_the_newest_passes_have_a_summary() -> None:
    passes = [fact for n in range(1, 100, 2) for fact in (created(n, f"c{n}"), stalled(n + 1, f"s{n}"))]
    lead = lead_of(*passes)
    assert (lead.pass_no, len(lead.passes), lead.passes[-1].pass_no) == (50, MAX_PASSES, 49)


def test_facts_before_the_creation_belong_to_the_first_pass() -> None:
    lead = lead_of(contacted(1, owner_id="ann"), created(2))
    assert (lead.pass_no, lead.touches, lead.owner_id, lead.first_touch_at) == (1, 1, "ann", 1)


def test_a_touch_voids_the_recycle_for_never_contacted() -> None:
    cold = (created(1), detected(5, "s", "never_contacted", 1), verdict(5))
    lead = lead_of(*cold, contacted(6))
    assert stage(lead) == "working"
    assert [(doubt.recycle_id, doubt.stall_id, doubt.cause) for doubt in lead.to_revoke] == [("v", "s", "moved")]


def test_an_attempt_does_not_reopen_a_lead_that_sales_reported_as_stalled() -> None:
    assert stage(lead_of(created(1), stalled(5), verdict(5), contacted(6))) == "nurture"


def test_a_won_deal_voids_the_recycle() -> None:
    lead = lead_of(created(1), stalled(5), verdict(5), won(6))
    assert (stage(lead), lead.won_ever) == ("won", True)
    assert [doubt.cause for doubt in lead.to_revoke] == ["won"]


def test_progress_reopens_a_lost_deal() -> None:
    assert stage(lead_of(created(1), lost(2), progressed(3))) == "working"


def test_a_stall_is_void_if_a_touch_had_moved_its_deadline() -> None:
    lead = lead_of(created(1), contacted(4), detected(5, "s", "never_contacted", 1), verdict(5))
    assert stage(lead) == "working"
    assert lead.recycles == 0
    assert [doubt.cause for doubt in lead.to_revoke] == ["void"]


def test_a_revoked_recycle_stays_revoked_and_counts_for_the_limits() -> None:
    lead = lead_of(created(1), stalled(5), verdict(5), revoked(6, "v"))
    assert (lead.recycle, lead.to_revoke, lead.recycles, lead.recycled_at) == (None, (), 1, 5)


def test_a_decision_applies_to_its_own_stall_only() -> None:
    lead = lead_of(created(1), stalled(4, "earlier"), verdict(5, stall_id="later"))
    assert lead.stall is not None
    assert (lead.stall.stall_id, lead.stall.decided) == ("earlier", None)
    assert [(pending.recycle_id, pending.cause) for pending in lead.to_revoke] == [("v", "void")]


def test_the_word_of_sales_replaces_the_stall_of_the_detector() -> None:
    cold = (created(1), detected(5, "d", "never_contacted", 1), verdict(5, stall_id="d"))
    lead = lead_of(*cold, stalled(7, reason="invalid"))
    assert lead.stall is not None
    assert (lead.stall.stall_id, lead.stall.reason, lead.recycle) == ("s", "invalid", None)
    assert [(pending.recycle_id, pending.cause) for pending in lead.to_revoke] == [("v", "restated")]


def test_a_lost_deal_replaces_an_older_word_of_sales() -> None:
    lead = lead_of(created(1), stalled(5), verdict(5), lost(9, reason="price"))
    assert lead.stall is not None
    assert (lead.stall.reason, lead.stall.declared_by, stage(lead)) == ("price", "close", "lost")


def test_the_same_word_said_again_changes_nothing() -> None:
    lead = lead_of(created(1), stalled(5), verdict(5), stalled(9, "again"))
    assert lead.stall is not None
    assert (lead.stall.stall_id, lead.to_revoke, stage(lead)) == ("s", (), "nurture")


def test_after_a_lost_deal_an_attempt_reopens_nothing() -> None:
    assert stage(lead_of(created(1), lost(2), contacted(3))) == "lost"


def test_a_change_of_attributes_is_no_touch_and_begins_no_pass() -> None:
    cold = (created(1, owner_id="ann", segment="smb"), stalled(5))
    lead = lead_of(*cold, updated(6, owner_id="", expected_amount=900, do_not_contact=True))
    assert (lead.owner_id, lead.segment, lead.expected_amount, lead.do_not_contact) == ("", "smb", 900, True)
    assert (lead.pass_no, lead.touches, stage(lead)) == (1, 0, "stalled")


def test_a_missed_meeting_ends_the_agreed_next_step() -> None:
    assert lead_of(created(1), contacted(2, next_step_at=9), contacted(9, "n", loses_step=True)).next_step_at is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_retracted_report_never_happened_wherever_its_retraction_stands(place: int) -> None:
    facts: list[Fact] = [created(1), lost(5)]
    facts.insert(place, updated(4, retracts="l"))
    lead = lead_of(*facts)
    assert (stage(lead), lead.stall) == ("new", None)


def test_a_decision_cannot_be_retracted() -> None:
    assert stage(lead_of(created(1), stalled(5), verdict(5), updated(6, retracts="v"))) == "nurture"


def test_a_won_lead_is_final() -> None:
    lead = lead_of(created(1), won(2), contacted(3), lost(4), stalled(5))
    assert (stage(lead), lead.touches, lead.stall, lead.newest_at) == ("won", 0, None, 5)
