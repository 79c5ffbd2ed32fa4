"""What becomes of a parcel before any try."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.events import DeliveryResult
from tests.unit.delivery.builders import NOW, a_delivery, a_recycle, an_escalation
from tests.unit.delivery.decisions import DAY, SCHEDULE, decision, knowing
from workers.delivery.core.admission import Attempt, Drop, GiveUp, Settle, Wait
from workers.delivery.core.delivery_index import DeliveryIndex
from workers.delivery.core.model import Availability
from workers.delivery.core.outcomes import without_attempt
from workers.delivery.events import DeliveredEvent, is_known


def test_a_new_delivery_is_attempted() -> None:
    assert decision(a_delivery()) == Attempt()


@pytest.mark.parametrize("action", ["RECYCLE", "REVOKE"])
def test_a_delivery_that_the_index_lists_as_open_is_attempted(action: str) -> None:
    index, delivery = DeliveryIndex(), a_delivery(action)
    index.comes(delivery.event, delivery.retry)
    assert decision(delivery, index) == Attempt()


@pytest.mark.parametrize(
    ("event", "is_right"),
    [
        (a_recycle(), True),
        (a_recycle("REVOKE"), True),
        (a_recycle("PAUSE"), False),
        (a_recycle(recycle_id=""), False),
        (an_escalation(), True),
        (an_escalation("AT_RISK"), True),
        (an_escalation("UNKNOWN"), False),
        (an_escalation("RECYCLE"), False),
        (an_escalation(escalation_id=""), False),
    ],
)
def test_an_event_must_have_a_known_action_and_an_id(event: DeliveredEvent, is_right: bool) -> None:
    assert is_known(event) is is_right


def test_a_finished_delivery_is_dropped() -> None:
    assert decision(a_delivery(), knowing("accepted")) == Drop()


def test_a_recycle_whose_revoke_is_known_is_not_sent() -> None:
    index = DeliveryIndex()
    index.comes(a_recycle("REVOKE"), a_delivery().retry)
    found = decision(a_delivery(), index)
    assert isinstance(found, Settle)
    assert found.attempts == 0
    assert found.outcome.detail == "taken back before it was sent"


def test_a_revoked_recycle_that_may_have_been_sent_counts_an_attempt() -> None:
    index = DeliveryIndex()
    index.comes(a_recycle("REVOKE"), a_delivery().retry)
    found = decision(a_delivery(may_have_arrived=True), index)
    assert isinstance(found, Settle)
    assert found.attempts == 1


def test_a_recycle_without_an_attempt_is_revoked_without_one() -> None:
    index = DeliveryIndex()
    index.comes(a_recycle(), a_delivery().retry)
    index.comes(a_recycle("REVOKE"), a_delivery().retry)
    found = decision(a_delivery(), index)
    assert isinstance(found, Settle)
    assert (found.attempts, found.outcome.detail) == (0, "taken back before it was sent")


def test_a_recycle_that_its_copy_attempted_is_revoked_with_all_attempts() -> None:
    index = knowing("retry", attempts=3)
    index.comes(a_recycle("REVOKE"), a_delivery().retry)
    found = decision(a_delivery(attempts=1), index)
    assert isinstance(found, Settle)
    assert (found.attempts, found.outcome.detail) == (3, "taken back before it was sent again")


def test_the_revoke_of_a_recycle_that_was_never_sent_is_not_sent() -> None:
    index = DeliveryIndex()
    index.comes(a_recycle(), a_delivery().retry)
    assert isinstance(decision(a_delivery("REVOKE"), index), Settle)


@pytest.mark.parametrize("outcome", ["accepted", "unverified", "retry", "refused", "dead"])
def test_the_revoke_of_an_attempted_recycle_is_sent(outcome: str) -> None:
    assert decision(a_delivery("REVOKE"), knowing(outcome)) == Attempt()


def test_the_revoke_of_an_unknown_recycle_is_sent() -> None:
    assert decision(a_delivery("REVOKE")) == Attempt()


def test_a_recycle_waits_for_the_revoke_of_the_one_before_it_and_uses_no_attempt() -> None:
    index, before = DeliveryIndex(), a_delivery("REVOKE", {"recycle_id": "r0"})
    index.comes(before.event, before.retry)
    found = decision(a_delivery(), index)
    assert isinstance(found, Wait)
    assert (found.retry.attempts, found.retry.waits, found.retry.why) == (0, 1, "revoke")
    assert NOW < found.retry.due_at <= NOW + 2_000
    assert decision(a_delivery(event={"lead_id": "lead-2"}), index) == Attempt()
    assert decision(a_delivery(endpoint="other"), index) == Attempt()


@pytest.mark.parametrize("outcome", ["accepted", "unverified", "no_op", "refused", "dead"])
def test_the_recycle_is_attempted_once_that_revoke_is_finished(outcome: str) -> None:
    index, before = DeliveryIndex(), a_delivery("REVOKE", {"recycle_id": "r0"})
    index.comes(before.event, before.retry)
    for each in ("retry", outcome):
        assert isinstance(decision(a_delivery(), index), Wait)
        fields: Any = {"endpoint": "nurture", "recycle_id": "r0", "action": "REVOKE", "outcome": each, "attempts": 1}
        index.result(DeliveryResult(**fields))
    assert decision(a_delivery(), index) == Attempt()


def test_not_before_is_kept() -> None:
    found = decision(a_delivery(event={"not_before": NOW + 5 * DAY}))
    assert isinstance(found, Wait)
    assert found.retry.due_at == NOW + 5 * DAY
    assert (found.retry.attempts, found.retry.waits) == (0, 0)


def test_a_delivery_that_is_consumed_before_its_due_time_waits_again() -> None:
    found = decision(a_delivery(due_at=NOW + 1, why="retry", attempts=2))
    assert isinstance(found, Wait)
    assert (found.retry.due_at, found.retry.why, found.retry.attempts) == (NOW + 1, "retry", 2)


def test_a_second_copy_of_a_delivery_waits_for_the_first() -> None:
    found = decision(a_delivery(attempts=1), knowing("retry", attempts=3))
    assert isinstance(found, Wait)
    assert found.retry.attempts == 3
    assert found.retry.due_at == SCHEDULE.next_due(3, NOW, None, a_delivery().seed)


def test_a_second_copy_is_given_up_when_the_first_has_no_attempts_left() -> None:
    assert isinstance(decision(a_delivery(attempts=1), knowing("retry", attempts=10)), GiveUp)


@pytest.mark.parametrize(
    "availability", [Availability.PAUSED, Availability.DISABLED, Availability.OPEN, Availability.MISSING]
)
def test_a_delivery_waits_for_an_unavailable_endpoint_and_uses_no_attempt(availability: Availability) -> None:
    found = decision(a_delivery(attempts=2), availability=availability)
    assert isinstance(found, Wait)
    assert (found.retry.attempts, found.retry.waits, found.retry.why) == (2, 1, availability.value)
    assert 8_000 <= found.retry.due_at - NOW <= 12_000


def test_deliveries_do_not_return_to_an_endpoint_all_at_once() -> None:
    found = [
        decision(a_delivery(event={"recycle_id": name}), availability=Availability.PAUSED)
        for name in ("r1", "r2", "r3")
    ]
    assert len({one.retry.due_at for one in found if isinstance(one, Wait)}) == 3


def test_waits_for_an_unavailable_endpoint_grow_up_to_ten_minutes() -> None:
    found = decision(a_delivery(waits=30), availability=Availability.PAUSED)
    assert isinstance(found, Wait)
    assert 500_000 <= found.retry.due_at - NOW <= 700_000


@pytest.mark.parametrize("availability", [Availability.DISABLED, Availability.OPEN, Availability.MISSING])
def test_a_delivery_to_an_endpoint_unavailable_for_longer_than_the_schedule_is_given_up(
    availability: Availability,
) -> None:
    late = NOW + SCHEDULE.span_ms + 1
    assert isinstance(decision(a_delivery(), availability=availability, at=late), GiveUp)
    assert isinstance(decision(a_delivery(), availability=availability, at=late - 1), Wait)


def test_a_paused_endpoint_is_never_given_up() -> None:
    assert isinstance(decision(a_delivery(), availability=Availability.PAUSED, at=NOW + 300 * DAY), Wait)


def test_a_pause_that_is_over_does_not_count_as_time_without_the_endpoint() -> None:
    paused = decision(a_delivery(), availability=Availability.PAUSED, at=NOW + 300 * DAY)
    assert isinstance(paused, Wait)
    resumed = replace(a_delivery(), retry=paused.retry)
    assert isinstance(decision(resumed, availability=Availability.OPEN, at=paused.retry.due_at), Wait)


def test_a_revoked_recycle_is_finished_even_while_its_endpoint_is_paused() -> None:
    index = DeliveryIndex()
    index.comes(a_recycle("REVOKE"), a_delivery().retry)
    assert isinstance(decision(a_delivery(), index, Availability.PAUSED), Settle)


def test_a_message_id_is_the_same_on_every_attempt_and_has_no_dots() -> None:
    first, second = a_delivery(event={"recycle_id": "a.b"}), a_delivery(event={"recycle_id": "a.b"}, attempts=3)
    assert first.message_id == second.message_id == "a-b_recycle"
    assert replace(first, event=a_recycle("REVOKE")).message_id == "r1_revoke"


def test_a_filtered_recycle_is_finished_without_an_attempt_so_that_its_revoke_is_not_sent() -> None:
    left_out = replace(a_delivery(), is_left_out=True)
    found = decision(left_out)
    assert isinstance(found, Settle)
    index = DeliveryIndex()
    index.result(without_attempt(left_out, found.outcome, found.attempts, NOW).result)
    assert decision(left_out, index) == Drop()
    assert isinstance(decision(a_delivery("REVOKE"), index), Settle)
