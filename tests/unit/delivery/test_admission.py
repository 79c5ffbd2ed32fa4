"""What becomes of a parcel before any try."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.events import DeliveryResult, LeadRecycled
from tests.unit.delivery.builders import NOW, a_pending, a_recycle
from workers.delivery.core.admission import Attempt, Decision, Drop, GiveUp, Settle, Wait, admit
from workers.delivery.core.index import DeliveryIndex
from workers.delivery.core.model import Availability, is_known
from workers.delivery.core.outcomes import ended
from workers.delivery.core.partition import Pending
from workers.delivery.core.schedule import Schedule

SCHEDULE = Schedule()
DAY = 86_400_000


def verdict(
    pending: Pending, ledger: DeliveryIndex | None = None, standing: Availability = Availability.ACTIVE, at: int = NOW
) -> Decision:
    return admit(pending, ledger or DeliveryIndex(), standing, at, SCHEDULE)


def knowing(outcome: Any, action: Any = "RECYCLE", attempts: int = 1, at: int = NOW) -> DeliveryIndex:
    ledger = DeliveryIndex()
    ledger.result(
        DeliveryResult(
            endpoint="nurture", recycle_id="r1", action=action, outcome=outcome, attempts=attempts, occurred_at=at
        )
    )
    return ledger


def test_a_new_parcel_goes() -> None:
    assert verdict(a_pending()) == Attempt()


@pytest.mark.parametrize("action", ["RECYCLE", "REVOKE"])
def test_that_it_is_known_to_have_come_keeps_no_parcel_from_going(action: str) -> None:
    ledger, pending = DeliveryIndex(), a_pending(action)
    ledger.comes(pending.event, pending.note)
    assert verdict(pending, ledger) == Attempt()


@pytest.mark.parametrize(
    ("event", "is_right"),
    [(a_recycle(), True), (a_recycle("REVOKE"), True), (a_recycle("PAUSE"), False), (a_recycle(recycle_id=""), False)],
)
def test_an_event_is_known_by_its_action_and_names_a_recycle(event: LeadRecycled, is_right: bool) -> None:
    assert is_known(event) is is_right


def test_a_finished_one_is_dropped() -> None:
    assert verdict(a_pending(), knowing("accepted")) == Drop()


def test_a_recycle_whose_revoke_is_there_is_not_sent() -> None:
    ledger = DeliveryIndex()
    ledger.comes(a_recycle("REVOKE"), a_pending().note)
    found = verdict(a_pending(), ledger)
    assert isinstance(found, Settle)
    assert found.attempts == 0
    assert found.outcome.detail == "taken back before it was sent"


def test_a_recycle_that_may_have_been_sent_and_is_taken_back_says_so() -> None:
    ledger = DeliveryIndex()
    ledger.comes(a_recycle("REVOKE"), a_pending().note)
    found = verdict(a_pending(may_have_arrived=True), ledger)
    assert isinstance(found, Settle)
    assert found.attempts == 1


def test_a_recycle_that_has_come_and_was_never_tried_is_taken_back_untried() -> None:
    ledger = DeliveryIndex()
    ledger.comes(a_recycle(), a_pending().note)
    ledger.comes(a_recycle("REVOKE"), a_pending().note)
    found = verdict(a_pending(), ledger)
    assert isinstance(found, Settle)
    assert (found.attempts, found.outcome.detail) == (0, "taken back before it was sent")


def test_a_recycle_that_another_chain_tried_is_taken_back_with_all_tries() -> None:
    ledger = knowing("retry", attempts=3)
    ledger.comes(a_recycle("REVOKE"), a_pending().note)
    found = verdict(a_pending(attempts=1), ledger)
    assert isinstance(found, Settle)
    assert (found.attempts, found.outcome.detail) == (3, "taken back before it was sent again")


def test_a_revoke_of_what_was_never_sent_is_not_sent() -> None:
    ledger = DeliveryIndex()
    ledger.comes(a_recycle(), a_pending().note)
    assert isinstance(verdict(a_pending("REVOKE"), ledger), Settle)


@pytest.mark.parametrize("outcome", ["accepted", "unverified", "retry", "refused", "dead"])
def test_a_revoke_of_what_was_tried_is_sent(outcome: str) -> None:
    assert verdict(a_pending("REVOKE"), knowing(outcome)) == Attempt()


def test_a_revoke_of_what_nobody_remembers_is_sent() -> None:
    assert verdict(a_pending("REVOKE")) == Attempt()


def test_a_recycle_waits_for_the_revoke_of_the_one_before_it_and_uses_no_attempt() -> None:
    ledger, before = DeliveryIndex(), a_pending("REVOKE", {"recycle_id": "r0"})
    ledger.comes(before.event, before.note)
    found = verdict(a_pending(), ledger)
    assert isinstance(found, Wait)
    assert (found.note.attempts, found.note.waits, found.note.why) == (0, 1, "revoke")
    assert NOW < found.note.due_at <= NOW + 2_000
    assert verdict(a_pending(event={"lead_id": "lead-2"}), ledger) == Attempt()
    assert verdict(a_pending(endpoint="other"), ledger) == Attempt()


@pytest.mark.parametrize("outcome", ["accepted", "unverified", "no_op", "refused", "dead"])
def test_it_goes_once_that_revoke_has_ended_however(outcome: str) -> None:
    ledger, before = DeliveryIndex(), a_pending("REVOKE", {"recycle_id": "r0"})
    ledger.comes(before.event, before.note)
    for each in ("retry", outcome):
        assert isinstance(verdict(a_pending(), ledger), Wait)
        told: Any = {"endpoint": "nurture", "recycle_id": "r0", "action": "REVOKE", "outcome": each, "attempts": 1}
        ledger.result(DeliveryResult(**told))
    assert verdict(a_pending(), ledger) == Attempt()


def test_not_before_is_kept() -> None:
    found = verdict(a_pending(event={"not_before": NOW + 5 * DAY}))
    assert isinstance(found, Wait)
    assert found.note.due_at == NOW + 5 * DAY
    assert (found.note.attempts, found.note.waits) == (0, 0)


def test_a_parcel_that_wakes_too_early_waits_on() -> None:
    found = verdict(a_pending(due_at=NOW + 1, why="retry", attempts=2))
    assert isinstance(found, Wait)
    assert (found.note.due_at, found.note.why, found.note.attempts) == (NOW + 1, "retry", 2)


def test_of_two_chains_of_one_parcel_the_one_that_is_behind_waits_for_the_other() -> None:
    found = verdict(a_pending(attempts=1), knowing("retry", attempts=3))
    assert isinstance(found, Wait)
    assert found.note.attempts == 3
    assert found.note.due_at == SCHEDULE.next_due(3, NOW, None, a_pending().seed)


def test_a_chain_that_is_behind_one_that_is_used_up_gives_up() -> None:
    assert isinstance(verdict(a_pending(attempts=1), knowing("retry", attempts=10)), GiveUp)


@pytest.mark.parametrize(
    "standing", [Availability.PAUSED, Availability.DISABLED, Availability.OPEN, Availability.MISSING]
)
def test_a_parcel_waits_for_an_endpoint_that_is_away_and_uses_no_attempt(standing: Availability) -> None:
    found = verdict(a_pending(attempts=2), standing=standing)
    assert isinstance(found, Wait)
    assert (found.note.attempts, found.note.waits, found.note.why) == (2, 1, standing.value)
    assert 8_000 <= found.note.due_at - NOW <= 12_000


def test_parcels_do_not_come_back_to_an_endpoint_all_at_once() -> None:
    found = [
        verdict(a_pending(event={"recycle_id": name}), standing=Availability.PAUSED) for name in ("r1", "r2", "r3")
    ]
    assert len({one.note.due_at for one in found if isinstance(one, Wait)}) == 3


def test_the_longer_an_endpoint_is_away_the_rarer_it_is_looked_for_up_to_ten_minutes() -> None:
    found = verdict(a_pending(waits=30), standing=Availability.PAUSED)
    assert isinstance(found, Wait)
    assert 500_000 <= found.note.due_at - NOW <= 700_000


@pytest.mark.parametrize("standing", [Availability.DISABLED, Availability.OPEN, Availability.MISSING])
def test_an_endpoint_that_is_away_for_longer_than_the_schedule_is_given_up(standing: Availability) -> None:
    late = NOW + SCHEDULE.span_ms + 1
    assert isinstance(verdict(a_pending(), standing=standing, at=late), GiveUp)
    assert isinstance(verdict(a_pending(), standing=standing, at=late - 1), Wait)


def test_a_paused_endpoint_is_never_given_up() -> None:
    assert isinstance(verdict(a_pending(), standing=Availability.PAUSED, at=NOW + 300 * DAY), Wait)


def test_what_is_taken_back_ends_even_while_its_endpoint_is_paused() -> None:
    ledger = DeliveryIndex()
    ledger.comes(a_recycle("REVOKE"), a_pending().note)
    assert isinstance(verdict(a_pending(), ledger, Availability.PAUSED), Settle)


def test_a_message_id_is_the_same_on_every_try_and_has_no_dots() -> None:
    first, second = a_pending(event={"recycle_id": "a.b"}), a_pending(event={"recycle_id": "a.b"}, attempts=3)
    assert first.message_id == second.message_id == "a-b_recycle"
    assert replace(first, event=a_recycle("REVOKE")).message_id == "r1_revoke"


def test_what_the_filter_leaves_out_ends_untried_so_that_its_revoke_is_not_sent() -> None:
    left_out = replace(a_pending(), is_left_out=True)
    found = verdict(left_out)
    assert isinstance(found, Settle)
    ledger = DeliveryIndex()
    ledger.result(ended(left_out, found.outcome, found.attempts, NOW).result)
    assert verdict(left_out, ledger) == Drop()
    assert isinstance(verdict(a_pending("REVOKE"), ledger), Settle)
