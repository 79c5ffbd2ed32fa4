"""What a partition knows of its deliveries."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as replace_in

from schemas.events import DeliveryResult
from tests.unit.delivery.builders import NOW, a_recycle, a_retry_state
from workers.delivery.core.delivery_index import KEPT_MS, DeliveryIndex, OpenDelivery

RECYCLE, REVOKE = a_recycle(), a_recycle("REVOKE")
NOTE = a_retry_state()


def a_result(outcome: Any, action: Any = "RECYCLE", attempts: int = 1) -> DeliveryResult:
    return DeliveryResult(
        endpoint="nurture", recycle_id="r1", action=action, outcome=outcome, attempts=attempts, occurred_at=7
    )


def index_of(*results: DeliveryResult, replay: str = "") -> DeliveryIndex:
    index = DeliveryIndex()
    for result in results:
        index.result(result, replay)
    return index


@pytest.mark.parametrize("outcome", ["accepted", "unverified", "no_op", "refused", "dead", "expired"])
def test_a_delivery_with_a_final_outcome_is_finished(outcome: str) -> None:
    assert index_of(a_result(outcome)).is_finished(RECYCLE, NOTE)


def test_a_finished_delivery_is_kept_as_long_as_the_retention_of_its_topic() -> None:
    index, other = DeliveryIndex(), a_recycle(recycle_id="r2")

    def ends(recycle_id: str, at: int) -> None:
        index.result(replace_in(a_result("accepted"), recycle_id=recycle_id, occurred_at=at))

    ends("r1", NOW)
    for at in (NOW + KEPT_MS, NOW + KEPT_MS + 1):
        ends("r2", at)
        assert index.is_finished(RECYCLE, NOTE)
    ends("r2", NOW + 2 * KEPT_MS + 2)
    assert not index.is_finished(RECYCLE, NOTE)
    assert index.is_finished(other, NOTE)
    assert index.sizes == (2, 0)


def test_a_retried_delivery_is_open_and_its_attempts_are_known() -> None:
    index = index_of(a_result("retry", attempts=3))
    assert not index.is_finished(RECYCLE, NOTE)
    assert index.under_way(RECYCLE, NOTE) == OpenDelivery(3, 7, may_have_arrived=True)


def test_deliveries_differ_by_endpoint_and_by_action() -> None:
    index = index_of(a_result("accepted"))
    assert not index.is_finished(RECYCLE, replace(NOTE, endpoint="other"))
    assert not index.is_finished(REVOKE, NOTE)


@pytest.mark.parametrize(("outcome", "may_again"), [("accepted", False), ("unverified", False), ("dead", True)])
def test_a_replay_is_sent_again_unless_it_was_accepted(outcome: str, may_again: bool) -> None:
    index = index_of(a_result(outcome))
    assert index.is_finished(RECYCLE, replace(NOTE, replay="again")) is not may_again


def test_a_finished_replay_does_not_finish_the_next_one() -> None:
    index = index_of(a_result("dead"))
    index.result(a_result("refused"), "first")
    assert index.is_finished(RECYCLE, replace(NOTE, replay="first"))
    assert not index.is_finished(RECYCLE, replace(NOTE, replay="second"))


def test_an_accepted_replay_finishes_all_replays() -> None:
    index = index_of(a_result("dead"))
    index.result(a_result("accepted"), "first")
    assert index.is_finished(RECYCLE, NOTE)
    assert index.is_finished(RECYCLE, replace(NOTE, replay="second"))


def test_a_late_result_does_not_undo_an_acceptance() -> None:
    index = index_of(a_result("accepted"), a_result("refused"), a_result("retry"))
    assert index.is_finished(RECYCLE, replace(NOTE, replay="again"))


def test_a_recycle_is_revoked_as_soon_as_its_revoke_is_known() -> None:
    index = DeliveryIndex()
    assert not index.is_taken_back(RECYCLE, "nurture")
    index.comes(REVOKE, NOTE)
    assert index.is_taken_back(RECYCLE, "nurture")
    assert index_of(a_result("no_op", "REVOKE", 0)).is_taken_back(RECYCLE, "nurture")


def test_a_waiting_recycle_without_an_attempt_was_never_sent() -> None:
    index = DeliveryIndex()
    index.comes(RECYCLE, NOTE)
    assert index.was_never_sent(REVOKE, "nurture")


def test_a_recycle_with_a_started_attempt_may_have_arrived() -> None:
    index = DeliveryIndex()
    index.comes(RECYCLE, NOTE)
    index.begun(RECYCLE, NOTE)
    assert not index.was_never_sent(REVOKE, "nurture")


def test_an_unknown_recycle_may_have_been_sent() -> None:
    assert not DeliveryIndex().was_never_sent(REVOKE, "nurture")


def test_a_recycle_that_the_previous_owner_may_have_sent_may_have_arrived() -> None:
    index = DeliveryIndex()
    index.comes(RECYCLE, replace(NOTE, may_have_arrived=True))
    assert not index.was_never_sent(REVOKE, "nurture")


def test_a_finished_recycle_may_have_been_sent_only_if_it_had_an_attempt() -> None:
    assert index_of(a_result("no_op", attempts=0)).was_never_sent(REVOKE, "nurture")
    assert not index_of(a_result("no_op", attempts=1)).was_never_sent(REVOKE, "nurture")
    assert not index_of(a_result("dead", attempts=9)).was_never_sent(REVOKE, "nurture")


def test_an_expired_recycle_may_have_been_sent_only_if_it_had_an_attempt() -> None:
    assert index_of(a_result("expired", attempts=0)).was_never_sent(REVOKE, "nurture")
    assert not index_of(a_result("expired", attempts=1)).was_never_sent(REVOKE, "nurture")


def test_the_revoke_of_an_open_or_attempted_recycle_is_sent() -> None:
    index = DeliveryIndex()
    assert not index.has_recycle_of(REVOKE, "nurture")
    index.comes(RECYCLE, NOTE)
    assert index.has_recycle_of(REVOKE, "nurture")
    assert index_of(a_result("accepted")).has_recycle_of(REVOKE, "nurture")
    assert index_of(a_result("dead", attempts=9)).has_recycle_of(REVOKE, "nurture")


def test_the_revoke_of_a_recycle_that_finished_without_an_attempt_is_not_sent() -> None:
    assert not index_of(a_result("no_op", attempts=0)).has_recycle_of(REVOKE, "nurture")


UNTRIED, ATTEMPTED = a_result("no_op", attempts=0), [a_result(one) for one in ("retry", "accepted", "refused", "dead")]


@given(st.lists(st.sampled_from([UNTRIED, *ATTEMPTED]), max_size=6))
def test_a_recycle_that_anybody_attempted_may_have_arrived_whatever_a_former_owner_says_before_or_after(
    results: list[DeliveryResult],
) -> None:
    was_attempted = any(result in ATTEMPTED for result in results)
    index = index_of(*results)
    assert index.was_never_sent(REVOKE, "nurture") is (bool(results) and not was_attempted)
    assert index.has_recycle_of(REVOKE, "nurture") is was_attempted


def test_a_recycle_that_waits_after_an_attempt_may_have_arrived_although_a_former_owner_ended_it_untried() -> None:
    index = index_of(UNTRIED)
    index.waits_finished(RECYCLE, NOTE)
    assert index.was_never_sent(REVOKE, "nurture")
    index.waits_finished(RECYCLE, replace(NOTE, may_have_arrived=True))
    assert not index.was_never_sent(REVOKE, "nurture")
    assert index.is_finished(RECYCLE, NOTE)


@given(st.lists(st.sampled_from(["retry", "accepted", "no_op", "refused", "dead", "expired"]), max_size=8))
def test_an_accepted_delivery_stays_finished(outcomes: list[str]) -> None:
    index = index_of(*(a_result(outcome) for outcome in outcomes))
    assert index.is_finished(RECYCLE, replace(NOTE, replay="x")) is ("accepted" in outcomes)
