"""The next deadline of a lead."""

from streams.domain.apply import fold
from streams.domain.deadlines import Deadline, next_deadline
from streams.domain.facts import Fact
from streams.domain.policy import ALL_OFF, Promises
from tests.builders_domain import a_policy, contacted, created, lost, progressed, stalled, verdict, within


def deadline_of(promises: Promises, *facts: Fact) -> Deadline | None:
    return next_deadline(fold(facts), a_policy(promises))


def test_a_new_lead_has_the_deadline_of_never_contacted() -> None:
    assert deadline_of(within(never_contacted=20), created(1)) == Deadline(21, "never_contacted", 1)


def test_a_touched_lead_has_the_deadline_of_no_follow_up() -> None:
    promises = within(never_contacted=20, no_follow_up=30)
    assert deadline_of(promises, created(1), contacted(5)) == Deadline(35, "no_follow_up", 5)


def test_an_agreed_next_step_replaces_the_deadline_of_no_follow_up() -> None:
    promises = within(no_follow_up=30, grace=5)
    assert deadline_of(promises, created(1), contacted(2, next_step_at=100)) == Deadline(105, "no_follow_up", 2)


def test_a_past_next_step_has_no_effect() -> None:
    promises = within(no_follow_up=30, grace=5)
    facts = (created(1), contacted(2, next_step_at=10), contacted(11, "u"))
    assert deadline_of(promises, *facts) == Deadline(41, "no_follow_up", 11)


def test_with_grace_off_a_next_step_does_not_move_the_deadline() -> None:
    promises = within(no_follow_up=30, no_progress=60)
    assert deadline_of(promises, created(1), contacted(2, next_step_at=900)) == Deadline(32, "no_follow_up", 2)


def test_touches_without_progress_do_not_restart_no_progress() -> None:
    assert deadline_of(within(no_progress=60), created(1), contacted(50)) == Deadline(61, "no_progress", 1)
    assert deadline_of(within(no_progress=60), created(1), progressed(50)) == Deadline(110, "no_progress", 50)


def test_an_agreed_next_step_postpones_no_progress() -> None:
    promises = within(no_progress=60, grace=5)
    assert deadline_of(promises, created(1), contacted(2, next_step_at=100)) == Deadline(105, "no_progress", 1)


def test_attempts_exhausted_is_due_at_the_last_attempt() -> None:
    facts = (created(1), contacted(2, "a"), contacted(3, "b"))
    assert deadline_of(within(max_attempts=2), *facts) == Deadline(3, "attempts_exhausted", 1)


def test_the_earliest_deadline_applies() -> None:
    promises = within(never_contacted=70, no_progress=60)
    assert deadline_of(promises, created(1)) == Deadline(61, "no_progress", 1)


def test_a_lead_that_is_cold_closed_unknown_or_without_promises_has_no_deadline() -> None:
    promises = within(20, 20, 20, 20, 1)
    assert deadline_of(promises, created(1), stalled(2), verdict(2)) is None
    assert deadline_of(promises, created(1), lost(2), verdict(2, stall_id="l")) is None
    assert deadline_of(promises, contacted(2)) is None
    assert deadline_of(ALL_OFF, created(1), contacted(2)) is None
