"""What becomes of a lead, end to end: facts are posted, and marketing receives signed messages.

Event times lie in the past, so that dates of days pass at once. Where a date lies ahead, a machine that is too slow to
be there before it tries again with another lead and a later date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from streams.domain.lead import LOST
from tests.component.scenarios.live_loop import DAY, HOUR, MINUTE, SECOND, LiveLoop, ScenarioLead, ago, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.kafka


def dates_ahead(first: int) -> Iterator[int]:
    """Epoch ms: so many seconds from now, and again and again, each time twice as many."""
    return (now() + first * 2**n * SECOND for n in range(7))


# -- while a RECYCLE waits for its date ----------------------------------------------------------------


def overtaken(loop: LiveLoop, name: str, overtake: Callable[[ScenarioLead], None]) -> ScenarioLead:
    """A lead whose RECYCLE was overtaken before its date; deliver has settled both without an attempt."""
    for not_before in dates_ahead(8):
        lead = ScenarioLead(loop, f"{name}-{not_before}")
        lead.post("lead-created", ago(2), segment="promised")
        lead.wait_snapshot(stage="new")
        lead.post("lead-stalled", now(), reason="bad_timing", resume_at=not_before)
        lead.wait_waiting()
        overtake(lead)
        settled = lead.wait_settled("REVOKE")
        if now() < not_before:
            assert lead.wait_settled("RECYCLE") == settled == ["no_op"]
            return lead
    raise AssertionError("this machine is too slow")


def test_a_recycle_that_waits_for_its_date_is_never_sent_once_the_lead_starts_a_new_pass(loop: LiveLoop) -> None:
    lead = overtaken(loop, "created-again", lambda lead: lead.post("lead-created", now(), segment="promised"))
    lead.wait_decided("RECYCLE bad_timing", "REVOKE requalified")
    lead.wait_snapshot(stage="new", pass_no=2, due_reason="never_contacted")
    assert lead.received() == []


def test_a_recycle_that_waits_for_its_date_is_never_sent_after_an_opt_out(loop: LiveLoop) -> None:
    lead = overtaken(loop, "opted-out", lambda lead: lead.post("lead-updated", now(), do_not_contact=True))
    lead.wait_decided("RECYCLE bad_timing", "REVOKE do_not_contact", "SUPPRESS do_not_contact")
    lead.wait_snapshot(stage="stalled", pass_no=1, decision="SUPPRESS", due_at=None, until=None)
    assert lead.received() == []


# -- gates ---------------------------------------------------------------------------------------------


def in_nurture(loop: LiveLoop, name: str) -> ScenarioLead:
    """A lead that sales gave back, and that marketing has received."""
    lead = ScenarioLead(loop, name)
    lead.post("lead-created", ago(4), segment="promised")
    lead.wait_snapshot(stage="new")
    lead.post("lead-stalled", ago(3), reason="bad_timing")
    lead.wait_received("RECYCLE right-time")
    return lead


def test_an_opt_out_takes_a_lead_back_from_marketing_and_promises_it_nothing(loop: LiveLoop) -> None:
    lead = in_nurture(loop, "opted-out-in-nurture")
    lead.post("lead-updated", now(), do_not_contact=True)
    lead.wait_received("RECYCLE right-time", "REVOKE do_not_contact")
    lead.wait_decided("RECYCLE bad_timing", "REVOKE do_not_contact", "SUPPRESS do_not_contact")
    lead.wait_snapshot(stage="stalled", pass_no=1, decision="SUPPRESS", due_at=None, until=None, do_not_contact=True)
    assert lead.stalls_of_the_detector() == []


def test_a_lead_whose_opt_out_is_lifted_is_handed_back_again(loop: LiveLoop) -> None:
    lead = in_nurture(loop, "opted-in-again")
    lead.post("lead-updated", ago(2), do_not_contact=True)
    lead.wait_received("RECYCLE right-time", "REVOKE do_not_contact")
    lifted_at = ago(1)
    lead.post("lead-updated", lifted_at, do_not_contact=False)
    lead.wait_received("RECYCLE right-time", "REVOKE do_not_contact", "RECYCLE right-time")
    lead.wait_snapshot(stage="nurture", pass_no=1, decision="RECYCLE", recycles=1)
    first, _, second = lead.records("lead-recycled")
    assert second.recycle_id != first.recycle_id
    assert second.occurred_at == lifted_at


def test_a_lead_whose_consent_ends_before_marketing_may_write_is_handed_back_once_it_is_granted(loop: LiveLoop) -> None:
    lead = ScenarioLead(loop, "consent-ends")
    lead.post("lead-created", ago(4), consent_expires_at=ago(2))
    lead.wait_snapshot(stage="new")
    lead.post("lead-stalled", ago(3), reason="bad_timing", resume_at=ago(1))
    lead.wait_decided("SUPPRESS consent_expired")
    lead.wait_snapshot(stage="stalled", decision="SUPPRESS", due_at=None, until=None)
    assert lead.records("lead-recycled") == []

    granted_at = now()
    lead.post("lead-updated", granted_at, consent="granted")
    lead.wait_received("RECYCLE right-time")
    lead.wait_decided("SUPPRESS consent_expired", "RECYCLE bad_timing")
    [recycle] = lead.records("lead-recycled")
    assert (recycle.not_before, recycle.expires_at) == (granted_at, None)


# -- dates ---------------------------------------------------------------------------------------------


def test_a_lead_that_is_cold_again_within_its_cooldown_is_handed_back_once_when_it_ends(loop: LiveLoop) -> None:
    lead, handed_back_at = ScenarioLead(loop, "cooldown"), ago(50, SECOND)
    lead.post("lead-created", handed_back_at - HOUR)
    lead.wait_snapshot(stage="new")
    lead.post("lead-stalled", handed_back_at, reason="bad_timing")
    lead.wait_received("RECYCLE right-time")
    lead.post("lead-contacted", handed_back_at + 10 * SECOND, by="lead", direction="inbound", outcome="replied")
    lead.wait_received("RECYCLE right-time", "REVOKE moved")
    lead.post("lead-stalled", handed_back_at + 20 * SECOND, reason="no_budget")
    lead.wait_received("RECYCLE right-time", "REVOKE moved", "RECYCLE value")

    lead.wait_decided("RECYCLE bad_timing", "REVOKE moved", "HOLD cooldown", "RECYCLE no_budget")
    hold, recycle = lead.records("lead-decisions")[2], lead.records("lead-recycled")[2]
    assert hold.until == handed_back_at + MINUTE
    assert recycle.occurred_at == recycle.not_before == hold.until
    assert len(lead.records("lead-recycled")) == 3


class Escalated(NamedTuple):
    """Two leads that were escalated to sales until the same time, which has passed."""

    answered: ScenarioLead
    unanswered: ScenarioLead
    until: int


@pytest.fixture(scope="module")
def escalated(loop: LiveLoop) -> Escalated:
    for until in dates_ahead(15):
        leads = neighbours(loop, f"escalated-{until}")
        loop.post(*(lead.event("lead-created", until - 2 * HOUR, segment="escalated") for lead in leads))
        for lead in leads:
            lead.wait_decided("ESCALATE never_contacted")
        answered, unanswered = leads
        answered.post("lead-contacted", now(), by="sales", activity="call", outcome="no_answer")
        answered.wait_snapshot(stage="working")
        if now() < until:
            unanswered.wait_received("RECYCLE introduce-again")  # time is past the date, for its neighbour as well
            return Escalated(answered, unanswered, until)
    raise AssertionError("this machine is too slow")


def neighbours(loop: LiveLoop, name: str) -> tuple[ScenarioLead, ScenarioLead]:
    """Two leads of one partition: their time is the same."""
    one, *others = (ScenarioLead(loop, f"{name}-{n}") for n in range(20))
    return one, next(lead for lead in others if lead.partition == one.partition)


def test_a_lead_that_sales_touches_in_time_does_not_go_to_marketing(escalated: Escalated) -> None:
    lead = escalated.answered
    [escalation] = lead.records("lead-escalated")
    assert (escalation.action, escalation.until) == ("ESCALATE", escalated.until)
    assert lead.decisions() == ["ESCALATE never_contacted"]
    assert lead.records("lead-recycled") == lead.received() == []
    lead.wait_snapshot(stage="working", stall_id="", decision="UNKNOWN", due_at=None)


def test_a_lead_that_nobody_touches_in_time_is_handed_back_when_the_time_of_sales_is_over(escalated: Escalated) -> None:
    lead = escalated.unanswered
    assert lead.decisions() == ["ESCALATE never_contacted", "RECYCLE never_contacted"]
    [escalation], [recycle] = lead.records("lead-escalated"), lead.records("lead-recycled")
    assert escalation.until == recycle.occurred_at == escalated.until
    assert recycle.stall_id == escalation.stall_id


# -- what a person reports -----------------------------------------------------------------------------


def neglected(loop: LiveLoop, name: str) -> ScenarioLead:
    """A lead that the detector found neglected, and that marketing has received."""
    lead = ScenarioLead(loop, name)
    loop.post(
        lead.event("lead-created", ago(11, DAY), segment="promised"),
        lead.event("lead-contacted", ago(10, DAY), by="sales", outcome="no_answer"),
    )
    lead.wait_received("RECYCLE keep-warm")
    return lead


def test_a_lead_in_nurture_that_sales_reports_as_invalid_is_taken_back_and_retired(loop: LiveLoop) -> None:
    lead = neglected(loop, "invalid")
    lead.post("lead-stalled", now(), reason="invalid")
    lead.wait_received("RECYCLE keep-warm", "REVOKE restated")
    lead.wait_decided("RECYCLE no_follow_up", "REVOKE restated", "RETIRE never")
    lead.wait_snapshot(stage="stalled", decision="RETIRE", stall_reason="invalid", due_at=None, until=None, recycles=0)


def test_a_lead_in_nurture_that_is_lost_on_price_moves_to_the_offer_at_its_date(loop: LiveLoop) -> None:
    lead, lost_at = neglected(loop, "lost-on-price"), ago(2)
    lead.post("deal-closed", lost_at, outcome="lost", reason="price")
    lead.wait_received("RECYCLE keep-warm", "REVOKE restated", "RECYCLE offer")
    lead.wait_decided("RECYCLE no_follow_up", "REVOKE restated", "RECYCLE price")
    offer = lead.records("lead-recycled")[-1]
    assert (offer.occurred_at, offer.not_before) == (lost_at, lost_at + HOUR)
    lead.wait_snapshot(stage="nurture", stall_reason="price", recycles=1)


def test_the_detector_declares_nothing_that_the_same_request_disproves(loop: LiveLoop) -> None:
    leads, at = [ScenarioLead(loop, f"old-{n}") for n in range(150)], ago(12, DAY)
    story: list[tuple[str, dict[str, object]]] = [
        ("lead-created", {"segment": "promised"}),
        ("lead-contacted", {"by": "sales", "outcome": "no_answer"}),
        ("lead-stalled", {"reason": "bad_timing"}),
    ]
    events = [(kind, at + n * HOUR, fields) for n, (kind, fields) in enumerate(story)]
    loop.post(*(lead.event(kind, at, **fields) for lead in leads for kind, at, fields in events))
    for lead in leads:
        lead.wait_received("RECYCLE right-time")
    assert {lead.lead_id: lead.stalls_of_the_detector() for lead in leads} == {lead.lead_id: [] for lead in leads}
    assert {tuple(lead.decisions()) for lead in leads} == {("RECYCLE bad_timing",)}


@pytest.mark.parametrize("first", ["call", "loss"])
def test_a_loss_that_is_dated_by_its_day_stands_against_a_call_on_the_same_day(loop: LiveLoop, first: str) -> None:
    lead, midnight = ScenarioLead(loop, f"lost-by-day-{first}"), now() // DAY * DAY - DAY
    called_at = midnight + 10 * HOUR
    lead.post("lead-created", midnight - DAY)
    lead.wait_snapshot(stage="new")
    for what in ("call", "loss") if first == "call" else ("loss", "call"):
        if what == "call":
            lead.post("lead-contacted", called_at, by="sales", activity="call", outcome="no_answer")
            lead.wait_snapshot(last_touch_at=called_at)
        else:
            lead.post("deal-closed", midnight, outcome="lost", reason="price")
            lead.wait_received("RECYCLE offer")
    lead.wait_decided("RECYCLE price")
    lead.wait_received("RECYCLE offer")
    snapshot = lead.wait_snapshot(stage="nurture", stall_reason="price", due_at=None)
    assert snapshot.reached & LOST


def test_a_lead_whose_loss_is_retracted_is_open_again(loop: LiveLoop) -> None:
    lead, called_at = ScenarioLead(loop, "loss-retracted"), ago(4)
    lead.post("lead-created", ago(5), segment="promised")
    lead.post("lead-contacted", called_at, by="sales", outcome="connected")
    lead.wait_snapshot(stage="working")
    lead.post("deal-closed", ago(3), outcome="lost", reason="price", event_id="loss-1")
    lead.wait_received("RECYCLE offer")
    lead.post("lead-updated", now(), retracts="loss-1")
    lead.wait_received("RECYCLE offer", "REVOKE void")
    lead.wait_decided("RECYCLE price", "REVOKE void")
    lead.wait_snapshot(stage="working", stall_id="", due_at=called_at + 7 * DAY, due_reason="no_follow_up")
