"""What the log says of an endpoint: when something begins, changes or ends."""

import logging
from typing import Any

import pytest

from schemas.events import DeliveryResult, EndpointState
from workers.delivery.core.breaker import Circuit
from workers.delivery.core.model import Availability
from workers.delivery.runtime.endpoint_log import EndpointLog


class Seen:
    """A log of an endpoint on a clock of its own, and what it said."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "leadloop.deliver")
        self._caplog = caplog
        self.seconds = 0.0
        self.log = EndpointLog("nurture", lambda: self.seconds)

    def ends(self, outcome: Any, status: int | None = None, detail: str = "", attempts: int = 1) -> None:
        about = {"endpoint": "nurture", "lead_id": "lead-1", "attempts": attempts}
        self.log.settled(DeliveryResult(outcome=outcome, status=status, detail=detail, **about), "")  # type: ignore[arg-type]

    def stands(self, availability: Any = Availability.ACTIVE, circuit: Circuit = Circuit.CLOSED) -> None:
        said = EndpointState(endpoint="nurture", state="paused", by="ana", why="new list")
        self.log.stands(availability, circuit, said, 7)

    @property
    def told(self) -> list[tuple[str, dict[str, Any]]]:
        found = [(one.message, one.__dict__["fields"]) for one in self._caplog.records]
        self._caplog.clear()
        return found


@pytest.fixture
def seen(caplog: pytest.LogCaptureFixture) -> Seen:
    return Seen(caplog)


def test_normal_deliveries_are_not_logged(seen: Seen) -> None:
    seen.ends("accepted", 200)
    seen.ends("no_op", detail="taken back before it was sent", attempts=0)
    seen.stands()
    assert seen.told == []


def test_the_first_failure_has_its_cause_and_the_recovery_how_long_and_how_many(seen: Seen) -> None:
    for _ in range(3):
        seen.ends("retry", None, "connection refused")
        seen.seconds += 10
    seen.ends("accepted", 200)
    (first, begin), (last, end) = seen.told
    assert (first, begin["cause"], begin["lead"]) == ("deliveries fail", "connection refused", "lead-1")
    assert (last, end["after"], end["failures"]) == ("deliveries arrive again", "30s", 3)


def test_the_text_of_a_response_is_never_logged(seen: Seen) -> None:
    seen.ends("retry", 503, "rejects our credentials: 503: no such user ana@example.org")
    seen.ends("dead", None, "the mail server refuses ana@example.org")
    assert "ana" not in str(seen.told)


def test_a_circuit_is_told_when_it_opens_and_when_it_closes_not_with_every_probe(seen: Seen) -> None:
    for circuit in (Circuit.OPEN, Circuit.HALF_OPEN, Circuit.OPEN, Circuit.HALF_OPEN):
        seen.stands(circuit=circuit)
        seen.seconds += 30
    seen.stands()
    (first, _), (last, end) = seen.told
    assert (first, last, end["after"]) == ("the circuit is open", "the circuit is closed", "2m")


def test_a_pause_is_told_with_who_and_why(seen: Seen) -> None:
    seen.stands(Availability.PAUSED)
    seen.stands(Availability.PAUSED)
    ((message, fields),) = seen.told
    assert (message, fields["by"], fields["why"], fields["waiting"]) == ("the endpoint is paused", "ana", "new list", 7)


def test_refusals_are_counted_and_told_once_a_minute(seen: Seen) -> None:
    for _ in range(50):
        seen.ends("refused", 404, "404: unknown lead")
        seen.seconds += 2
    counts = [fields["count"] for message, fields in seen.told if message == "the endpoint refuses events"]
    assert counts == [1, 30]


def test_deliveries_that_are_given_up_are_counted_and_told_once_a_minute(seen: Seen) -> None:
    for _ in range(50):
        seen.ends("dead", 500, "500: no")
        seen.seconds += 2
    counts = [fields["count"] for message, fields in seen.told if message == "deliveries are given up"]
    assert counts == [1, 30]
