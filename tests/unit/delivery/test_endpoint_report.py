"""How an endpoint stands, by what waits for it and by how its last attempts went."""

from typing import Any

import pytest

from schemas.events import DeliveryOutcome, DeliveryResult, EndpointState
from schemas.instants import short_span
from workers.delivery.backlog import Backlog, BacklogDelivery, EndpointActivity
from workers.delivery.endpoint_report import EndpointReport, report_on
from workers.delivery.endpoints import parse_endpoints
from workers.delivery.target import Endpoint

NOW = 1_780_000_000_000
MINUTE = 60_000


def an_endpoint(per_second: float = 100.0) -> Endpoint:
    section = f"{{kind: kafka, topic: marketing, limits: {{per_second: {per_second}}}}}"
    _, (endpoint,) = parse_endpoints(f"endpoints: {{nurture: {section}}}", "endpoints.yml")
    return endpoint


def waits(number: int = 1, **fields: Any) -> BacklogDelivery:
    values = {
        "endpoint": "nurture",
        "lead_id": f"lead-{number}",
        "event_id": f"recycle{number}",
        "action": "RECYCLE",
        "replay": "",
        "blocked_on": "retry",
        "blocked_since": NOW - MINUTE,
        "due_since": NOW - MINUTE,
        "due_at": NOW + MINUTE,
        "attempts": 1,
        "written_at": NOW - MINUTE,
    }
    return BacklogDelivery(**{**values, **fields})


def report(*waiting: BacklogDelivery, activity: EndpointActivity | None = None, state: Any = None) -> EndpointReport:
    said = state and EndpointState(endpoint="nurture", state=state, occurred_at=NOW - MINUTE)
    return report_on(an_endpoint(), said, Backlog(NOW, waiting, {"nurture": activity} if activity else {}))


def an_activity(*outcomes: DeliveryOutcome) -> EndpointActivity:
    """Of attempts a second apart, the last one just now."""
    activity = EndpointActivity()
    for number, outcome in enumerate(outcomes):
        at = NOW - 1000 * (len(outcomes) - 1 - number)
        result = DeliveryResult(
            endpoint="nurture", occurred_at=at, outcome=outcome, attempts=1, status=503, detail="away"
        )
        activity.add(result, NOW)
    return activity


def test_nothing_waits_for_an_endpoint_of_which_nothing_is_known() -> None:
    one = report()
    assert (one.due, one.later, one.oldest, one.next_attempt, one.done, one.circuit, one.cause) == (
        0,
        0,
        "–",
        "–",
        "–",
        "closed",
        "",
    )


def test_what_may_not_be_sent_yet_is_not_due() -> None:
    one = report(waits(1), waits(2, due_since=NOW + 1, due_at=NOW + 1))
    assert (one.due, one.later, one.overdue) == (1, 1, 0)


def test_what_is_due_for_more_than_five_minutes_is_overdue_unless_the_endpoint_is_paused() -> None:
    late = waits(due_since=NOW - 5 * MINUTE - 1)
    assert report(late, waits(2, due_since=NOW - 5 * MINUTE)).overdue == 1
    assert report(late, state="paused").overdue == 0
    assert report(late, state="paused").next_attempt == "when it is resumed"


def test_a_circuit_is_open_since_the_first_delivery_that_met_it_until_something_is_accepted() -> None:
    met = [
        waits(1, blocked_on="circuit_open", blocked_since=NOW - 2 * MINUTE, written_at=NOW - 2 * MINUTE),
        waits(2, blocked_on="circuit_open", blocked_since=NOW - 3 * MINUTE, written_at=NOW - 5000),
    ]
    assert report(*met).circuit == "open for 3m"
    assert report(*met, activity=EndpointActivity(accepted_at=NOW - 6000)).circuit == "open for 3m"
    assert report(*met, activity=EndpointActivity(accepted_at=NOW - 5000)).circuit == "closed"


def test_as_many_failures_in_a_row_as_open_a_circuit_have_opened_it() -> None:
    failures: list[DeliveryOutcome] = ["retry"] * 10
    assert report(activity=an_activity(*failures[1:])).circuit == "closed"
    assert report(activity=an_activity(*failures)).circuit == "open for 9s"


def test_failures_in_a_row_are_told_with_the_last_cause_and_end_with_an_acceptance() -> None:
    assert report(activity=an_activity("accepted", "retry", "retry", "dead")).cause == (
        "failed 3 times in a row in the last 2s: 503 away"
    )
    assert report(activity=an_activity("retry", "retry", "accepted")).cause == ""
    assert report(activity=an_activity("retry", "refused")).cause == "", "it works: it answers"


@pytest.mark.parametrize(
    ("accepted", "seconds"),
    [(600, 60), (0, 60)],  # two a second by what was accepted; else by the limit of two a second
)
def test_a_backlog_is_gone_by_the_pace_of_late_or_by_the_limit(accepted: int, seconds: int) -> None:
    many = [waits(number, due_at=NOW) for number in range(120)]
    endpoint = an_endpoint(per_second=2)
    activity = EndpointActivity(accepted_at=NOW, recently_accepted=accepted)
    assert report_on(endpoint, None, Backlog(NOW, many, {"nurture": activity})).done_at == NOW + seconds * 1000


def test_no_end_is_foretold_while_an_endpoint_fails_or_is_paused() -> None:
    assert report(waits(), activity=an_activity("retry", "retry", "retry")).done == "when it answers"
    assert report(waits(), state="disabled").done == "when it is resumed"


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0s"),
        (999, "0s"),
        (59_999, "59s"),
        (60_000, "1m"),
        (552_000, "9m 12s"),
        (3_605_000, "1h"),
        (183_600_000, "2d 3h"),
    ],
)
def test_a_span_has_its_two_largest_units(ms: int, words: str) -> None:
    assert short_span(ms) == words


def test_a_failed_first_attempt_of_a_replay_is_no_failure_of_the_endpoint() -> None:
    activity = EndpointActivity()
    for attempts, replay in ((1, "replay-1"), (1, "replay-2"), (1, "replay-3"), (2, "replay-3"), (1, "")):
        result = DeliveryResult(endpoint="nurture", occurred_at=NOW, outcome="retry", attempts=attempts, status=503)
        activity.add(result, NOW, replay)
    assert activity.failures == 2


@pytest.mark.parametrize(
    ("state", "outcomes", "status"),
    [
        (None, ("retry", "retry"), "active"),
        (None, ("retry", "retry", "retry"), "failing"),
        (None, ("retry",) * 10, "circuit open"),
        ("paused", ("retry",) * 10, "paused"),
    ],
)
def test_the_status_says_in_a_word_how_the_endpoint_stands(
    state: Any, outcomes: tuple[DeliveryOutcome, ...], status: str
) -> None:
    one = report(activity=an_activity(*outcomes), state=state)
    assert one.status == status
    assert one.row()["status"] == status
