"""Deliveries against the events: what is lost, sent wrongly or not taken back is named; what cannot be known is not."""

from pathlib import Path

import pytest

from tests.builders import T0
from workers.audit.delivery_checks import SENDING_MS
from workers.audit.render import text
from workers.audit.retention import SLACK_MS
from workers.audit.stored import is_rejection, note_of
from workers.delivery.core.outcomes import TAKEN_BACK
from workers.read_model.generation import PartitionId

from .delivered import DeliveredLog, a_recycle, a_revoke, an_escalation

ADA, TAKE_ADA_BACK, BOB = a_recycle("ada"), a_revoke("ada"), a_recycle("bob")
LOST = "lost: no result, and it does not wait"
ONLY_FAIRS = "endpoints: {crm: {kind: kafka, topic: crm, only: {origins: [fair]}}}"
TASKS = "endpoints: {tasks: {kind: hubspot-task, token: {env: ABSENT}}}"


def given() -> DeliveredLog:
    """A log in which the endpoint was given a RECYCLE before."""
    first = a_recycle("first")
    return DeliveredLog().event(first).result(first)


def test_outcomes_and_deliveries_that_wait_are_counted(tmp_path: Path) -> None:
    log = given().event(ADA).event(BOB).result(ADA, "retry").wait(ADA, T0 + 7).result(BOB, "refused")
    found = log.audit(tmp_path)
    assert found.named == []
    assert found.states == {("crm", "accepted"): 1, ("crm", "waiting"): 1, ("crm", "refused"): 1}
    assert found.result.first_due_at == T0 + 7


def test_an_event_that_left_no_trace_at_an_endpoint_is_lost(tmp_path: Path) -> None:
    found = given().event(ADA).audit(tmp_path)
    assert found.named == [("undelivered", "RECYCLE r ada to crm", LOST)]


def test_a_delivery_that_waits_no_longer_and_has_no_outcome_is_lost(tmp_path: Path) -> None:
    found = given().event(ADA).result(ADA, "retry", attempts=3).wait(ADA, is_over=True).audit(tmp_path, None)
    assert found.named == [
        ("undelivered", "RECYCLE r ada to crm", "lost after attempt 3 (retry): it does not wait"),
    ]


def test_an_event_that_deliver_has_not_consumed_is_in_progress(tmp_path: Path) -> None:
    log = given().event(ADA)
    log.log.delivered[PartitionId("lead-recycled", 0)] = 1
    found = log.audit(tmp_path)
    assert (found.named, found.states[("crm", "in_progress")]) == ([], 1)


def test_an_event_that_the_filter_keeps_away_is_not_owed(tmp_path: Path) -> None:
    assert given().event(ADA).audit(tmp_path, ONLY_FAIRS).named == []


def test_an_endpoint_that_was_given_nothing_like_it_before_may_be_newer_than_the_event(tmp_path: Path) -> None:
    log = DeliveredLog().event(ADA).event(BOB).result(BOB)
    found = log.audit(tmp_path)
    assert (found.named, found.result.not_judged) == ([], {"before_endpoint": 1})
    found = log.event(of_a_fair := a_recycle("cyd", origin="fair")).audit(tmp_path)
    assert (found.named, found.result.not_judged) == ([], {"before_endpoint": 2})
    found = log.result(of_a_fair).event(a_recycle("dan", origin="fair")).audit(tmp_path)
    assert found.named == [("undelivered", "RECYCLE r dan to crm", LOST)]


def test_escalations_are_owed_to_endpoints_that_subscribe(tmp_path: Path) -> None:
    first, second = an_escalation("first"), an_escalation("second")
    log = DeliveredLog().event(first).event(second).result(first, endpoint="tasks")
    assert log.audit(tmp_path).named == []
    assert log.audit(tmp_path, TASKS).named == [("undelivered", "ESCALATE e second to tasks", LOST)]


def test_a_lost_delivery_is_named_although_streams_is_behind(tmp_path: Path) -> None:
    log = given().event(ADA)
    log.log.unconsumed = {PartitionId("lead-recycled", 0)}
    assert log.audit(tmp_path).named == [("undelivered", "RECYCLE r ada to crm", LOST)]


# -- REVOKE ----------------------------------------------------------------------------------------


def test_a_revoke_goes_where_its_recycle_arrived(tmp_path: Path) -> None:
    log = DeliveredLog().event(ADA).result(ADA).event(TAKE_ADA_BACK)
    assert log.audit(tmp_path).named == [("undelivered", "REVOKE r ada to crm", LOST)]
    assert log.result(TAKE_ADA_BACK).audit(tmp_path).named == []


def test_without_an_endpoints_file_a_revoke_is_owed_by_an_endpoint_that_took_one_before(tmp_path: Path) -> None:
    log = DeliveredLog().event(ADA).result(ADA).event(TAKE_ADA_BACK)
    assert log.audit(tmp_path, None).result.not_judged == {"before_endpoint": 1}
    log = DeliveredLog().event(BOB).event(back := a_revoke("bob")).result(BOB).result(back)
    log.event(ADA).result(ADA).event(TAKE_ADA_BACK)
    assert log.audit(tmp_path, None).named == [("undelivered", "REVOKE r ada to crm", LOST)]


def test_an_endpoint_that_is_not_in_the_file_any_more_cannot_be_judged(tmp_path: Path) -> None:
    found = DeliveredLog().event(ADA).result(ADA).event(TAKE_ADA_BACK).audit(tmp_path, TASKS)
    assert (found.named, found.result.not_judged) == ([], {"endpoint_gone": 1})


def test_a_revoke_that_was_not_sent_although_its_recycle_arrived(tmp_path: Path) -> None:
    log = DeliveredLog().event(ADA).result(ADA).event(TAKE_ADA_BACK)
    found = log.result(TAKE_ADA_BACK, "no_op", attempts=0).audit(tmp_path)
    assert found.named == [("not_taken_back", "REVOKE r ada to crm", "not sent")]


def test_a_recycle_that_arrived_after_its_revoke(tmp_path: Path) -> None:
    log = DeliveredLog().event(ADA).event(TAKE_ADA_BACK).result(TAKE_ADA_BACK).result(ADA)
    assert log.audit(tmp_path).named == [("sent_wrongly", "RECYCLE r ada to crm", "sent after its REVOKE")]


def test_a_recycle_that_stands_and_was_settled_as_taken_back(tmp_path: Path) -> None:
    log = DeliveredLog().event(ADA).result(ADA, "no_op", attempts=0, detail=TAKEN_BACK)
    assert log.audit(tmp_path).named == [("undelivered", "RECYCLE r ada to crm", TAKEN_BACK)]
    assert log.event(TAKE_ADA_BACK).result(TAKE_ADA_BACK, "no_op", attempts=0).audit(tmp_path).named == []


# -- outcomes and dates ----------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["refused", "dead", "expired"])
def test_outcomes_that_exclude_each_other(tmp_path: Path, other: str) -> None:
    log = DeliveredLog().event(ADA).result(ADA, other).letter(ADA).result(ADA)  # type: ignore[arg-type]
    expected = [("contradiction", "RECYCLE r ada to crm", " and ".join(sorted(["accepted", other])))]
    assert log.audit(tmp_path).named == expected


def test_what_arrived_more_than_once_is_counted_and_is_no_difference(tmp_path: Path) -> None:
    log = DeliveredLog().event(ADA).result(ADA).result(ADA).event(BOB).result(BOB).result(BOB, replay="replay-1")
    found = log.audit(tmp_path)
    assert (found.named, dict(found.result.repeated)) == ([], {"crm": 1})
    assert "          1 arrived more than once at crm: delivery is at least once" in text(found.result).splitlines()


def test_a_replay_may_end_otherwise(tmp_path: Path) -> None:
    log = DeliveredLog().event(ADA).result(ADA, "dead").letter(ADA).result(ADA, replay="replay-1")
    found = log.audit(tmp_path)
    assert (found.named, found.states) == ([], {("crm", "accepted"): 1})


def test_what_was_given_up_is_a_dead_letter(tmp_path: Path) -> None:
    log = DeliveredLog().event(ADA).result(ADA, "dead")
    assert log.audit(tmp_path).named == [("undelivered", "RECYCLE r ada to crm", "given up without a dead letter")]
    assert log.letter(ADA).audit(tmp_path).named == []


def test_nothing_is_sent_before_its_date_or_after_the_consent(tmp_path: Path) -> None:
    event = a_recycle("ada", not_before=T0 + 100, expires_at=T0 + 200)
    for at, found in ((T0 + 99, 1), (T0 + 100, 0), (T0 + 200 + SENDING_MS, 0), (T0 + 201 + SENDING_MS, 1)):
        named = DeliveredLog().event(event).result(event, at=at).audit(tmp_path).named
        assert [kind for kind, _, _ in named] == ["sent_wrongly"] * found


# -- what cannot be judged -------------------------------------------------------------------------


def test_an_event_of_which_the_results_may_have_expired_is_not_judged(tmp_path: Path) -> None:
    log = given().event(ADA, at=SLACK_MS)
    log.log.append("delivery-results", b"other", b"x", at=1)
    log.log.firsts[PartitionId("delivery-results", 0)] = 1
    found = log.audit(tmp_path)
    assert (found.named, found.result.not_judged["expired"]) == ([], 2)
    assert [kind for kind, _, _ in log.event(BOB, at=SLACK_MS + 1).audit(tmp_path).named] == []


def test_the_dead_letter_of_a_delivery_rejects_no_event() -> None:
    headers = [("dl_topic", b"lead-recycled"), ("dl_partition", b"3"), ("dl_offset", b"7")]
    assert is_rejection(note_of("lead-dead-letters", headers, ""))
    assert not is_rejection(note_of("lead-dead-letters", [*headers, ("dl_endpoint", b"crm")], ""))
