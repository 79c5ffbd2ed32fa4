"""What follows from a try."""

import pytest

from tests.unit.delivery.builders import NOW, a_delivery
from workers.delivery.attempts import Accepted, Gone, NoOp, Outcome, Rejected, Retry, Unverified
from workers.delivery.core.outcomes import MAX_DETAIL, Expired, Resolution, after_attempt, without_attempt
from workers.delivery.core.owned_partition import Delivery
from workers.delivery.core.schedule import Schedule

SCHEDULE = Schedule()


def after(outcome: Outcome, delivery: Delivery | None = None, at: int = NOW) -> Resolution:
    return after_attempt(delivery or a_delivery(), outcome, at, SCHEDULE)


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Accepted(200), "accepted"),
        (NoOp(200, "so already"), "no_op"),
        (Unverified(200, "yes, it says"), "unverified"),
        (Rejected(404, "no such lead"), "refused"),
    ],
)
def test_a_final_response_finishes_a_delivery(outcome: Outcome, name: str) -> None:
    found = after(outcome, a_delivery(attempts=2))
    assert (found.result.outcome, found.result.attempts, found.retry, found.is_dead) == (name, 3, None, False)


def test_a_failure_uses_an_attempt_and_waits_by_the_schedule() -> None:
    found = after(Retry("down", 503))
    assert (found.result.outcome, found.result.status, found.result.attempts) == ("retry", 503, 1)
    assert found.retry is not None
    assert (found.retry.attempts, found.retry.may_have_arrived) == (1, True)
    assert 4_000 <= found.retry.due_at - NOW <= 6_000


def test_retry_after_is_kept() -> None:
    found = after(Retry("down", 503, after_seconds=120))
    assert found.retry is not None
    assert found.retry.due_at == NOW + 120_000


def test_the_last_failure_makes_a_delivery_dead() -> None:
    found = after(Retry("down"), a_delivery(attempts=9))
    assert (found.result.outcome, found.result.attempts, found.retry, found.is_dead) == ("dead", 10, None, True)


def test_429_uses_no_attempt() -> None:
    found = after(Retry("slow down", 429, after_seconds=30, throttled=True), a_delivery(attempts=2))
    assert found.retry is not None
    assert (found.result.outcome, found.result.attempts, found.retry.attempts) == ("retry", 2, 2)
    assert 30_000 <= found.retry.due_at - NOW <= 32_000


def test_429_for_longer_than_the_schedule_makes_a_delivery_dead() -> None:
    found = after(Retry("slow down", 429, throttled=True), at=NOW + SCHEDULE.span_ms + 1)
    assert found.is_dead


def test_after_410_a_delivery_waits_until_its_endpoint_is_resumed() -> None:
    found = after(Gone(410, "gone"), a_delivery(attempts=2))
    assert found.retry is not None
    assert (found.result.outcome, found.retry.attempts, found.retry.why) == ("retry", 2, "gone")


def test_a_long_detail_is_cut() -> None:
    assert len(after(Rejected(400, "x" * 10_000)).result.detail) == MAX_DETAIL


def test_an_expired_delivery_has_an_outcome_of_its_own_and_the_reason() -> None:
    found = without_attempt(a_delivery(), Expired("the consent has ended"), 2, NOW)
    assert (found.result.outcome, found.result.attempts, found.result.status) == ("expired", 2, None)
    assert (found.result.detail, found.retry, found.is_dead) == ("the consent has ended", None, False)


def test_the_result_of_an_escalation_has_its_id_and_its_action_and_no_recycle() -> None:
    result = after(Accepted(200), a_delivery("AT_RISK")).result
    assert (result.escalation_id, result.escalation) == ("x1", "AT_RISK")
    assert (result.recycle_id, result.action) == ("", "UNKNOWN")
