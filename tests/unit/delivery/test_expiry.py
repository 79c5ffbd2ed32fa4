"""When a delivery may not be sent any more; and escalations, which all have an end."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import DeliveryResult
from tests.unit.delivery.builders import NOW, a_delivery
from tests.unit.delivery.decisions import DAY, decision, knowing
from workers.delivery.core.admission import Attempt, Drop, Settle, Wait
from workers.delivery.core.delivery_index import DeliveryIndex
from workers.delivery.core.model import Availability
from workers.delivery.core.outcomes import Expired

EXPIRES = NOW + DAY


@pytest.mark.parametrize(("at", "is_sent"), [(EXPIRES - 1, True), (EXPIRES, False), (EXPIRES + 300 * DAY, False)])
def test_a_recycle_is_not_sent_from_the_end_of_its_consent_on(at: int, is_sent: bool) -> None:
    found = decision(a_delivery(event={"expires_at": EXPIRES}), at=at)
    assert (found == Attempt()) is is_sent
    assert is_sent or found == Settle(Expired("the consent ends at 2025-10-10T08:53:20.000Z: not sent"), 0)


def test_an_expired_recycle_that_may_have_been_sent_counts_an_attempt_and_its_revoke_is_sent() -> None:
    delivery = a_delivery(event={"expires_at": NOW}, may_have_arrived=True)
    found = decision(delivery)
    assert isinstance(found, Settle)
    assert (found.attempts, found.outcome.detail) == (1, "the consent ends at 2025-10-09T08:53:20.000Z: not sent again")
    assert decision(a_delivery("REVOKE"), knowing("expired", attempts=1)) == Attempt()


def test_the_revoke_of_an_expired_recycle_that_was_never_sent_is_not_sent() -> None:
    assert isinstance(decision(a_delivery("REVOKE"), knowing("expired", attempts=0)), Settle)


def test_a_recycle_that_its_copy_attempted_expires_with_all_attempts() -> None:
    found = decision(a_delivery(event={"expires_at": NOW}, attempts=1), knowing("retry", attempts=3))
    assert isinstance(found, Settle)
    assert (found.attempts, type(found.outcome)) == (3, Expired)


@pytest.mark.parametrize("field", ["not_before", "due_at"])
def test_nothing_waits_that_could_only_be_sent_after_the_end_of_the_consent(field: str) -> None:
    fields: dict[str, Any] = {"expires_at": EXPIRES} | ({"not_before": EXPIRES} if field == "not_before" else {})
    found = decision(a_delivery(event=fields, due_at=EXPIRES if field == "due_at" else 0))
    assert isinstance(found, Settle)
    assert isinstance(found.outcome, Expired)


def test_a_revoke_does_not_expire() -> None:
    assert decision(a_delivery("REVOKE", {"expires_at": NOW - DAY})) == Attempt()


def test_a_replay_of_an_expired_recycle_expires_again() -> None:
    replay = a_delivery(event={"expires_at": NOW}, replay="again", may_have_arrived=True)
    assert isinstance(decision(replay, knowing("expired", attempts=0)), Settle)


instants = st.integers(NOW - 40 * DAY, NOW + 40 * DAY)


@given(instants, st.none() | instants, instants, st.sampled_from(Availability), st.integers(0, 9))
def test_no_recycle_is_sent_or_waits_for_a_time_beyond_its_consent(
    expires_at: int, not_before: int | None, due_at: int, availability: Availability, attempts: int
) -> None:
    event = {"expires_at": expires_at, "not_before": not_before}
    found = decision(a_delivery(event=event, due_at=due_at, attempts=attempts), availability=availability)
    is_over = max(NOW, due_at, not_before or 0) >= expires_at
    assert (isinstance(found, Settle) and isinstance(found.outcome, Expired)) is is_over


@pytest.mark.parametrize(("action", "said"), [("ESCALATE", "sales had until"), ("AT_RISK", "the promise breaks at")])
@pytest.mark.parametrize(("at", "is_sent"), [(NOW - 1, True), (NOW, False), (NOW + DAY, False)])
def test_an_escalation_is_not_sent_once_its_time_is_over(action: str, said: str, at: int, is_sent: bool) -> None:
    found = decision(a_delivery(action, {"until": NOW}), at=at)
    assert (found == Attempt()) is is_sent
    assert is_sent or (isinstance(found, Settle) and str(found.outcome.detail).startswith(said))


@pytest.mark.parametrize("action", ["ESCALATE", "AT_RISK"])
def test_an_escalation_without_an_end_is_sent(action: str) -> None:
    assert decision(a_delivery(action, {"until": None})) == Attempt()


def test_an_escalation_does_not_wait_for_a_revoke_of_its_lead() -> None:
    index, before = DeliveryIndex(), a_delivery("REVOKE", {"recycle_id": "r0"})
    index.comes(before.event, before.retry)
    assert decision(a_delivery("ESCALATE"), index) == Attempt()


def test_a_recycle_with_the_id_of_an_escalation_is_another_delivery() -> None:
    index = DeliveryIndex()
    index.result(DeliveryResult(endpoint="nurture", escalation_id="r1", escalation="ESCALATE", outcome="accepted"))
    assert decision(a_delivery(), index) == Attempt()
    assert decision(a_delivery("AT_RISK", {"escalation_id": "r1"}), index) == Attempt()
    assert decision(a_delivery("ESCALATE", {"escalation_id": "r1"}), index) == Drop()


@pytest.mark.parametrize(
    "availability", [Availability.PAUSED, Availability.DISABLED, Availability.OPEN, Availability.MISSING]
)
def test_an_escalation_waits_for_an_unavailable_endpoint(availability: Availability) -> None:
    found = decision(a_delivery("ESCALATE", {"until": NOW + DAY}), availability=availability)
    assert isinstance(found, Wait)
    assert found.retry.why == availability.value


def test_the_message_id_of_an_escalation_is_made_of_its_id() -> None:
    assert [a_delivery(action).message_id for action in ("ESCALATE", "AT_RISK")] == ["x1_escalate", "x1_at_risk"]
