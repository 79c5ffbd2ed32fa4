import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.delivery.core.schedule import JITTER, LONGEST_RETRY_AFTER_MS, Schedule, backed_off_ms

SCHEDULE = Schedule()
TIMES = st.integers(0, 2**45)


def test_the_retry_schedule_is_that_of_standard_webhooks() -> None:
    hours = [0, 5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    assert [delay / 3600 for delay in SCHEDULE.delays] == pytest.approx(hours)


@given(st.integers(1, 9), TIMES, st.text(max_size=40))
def test_a_delay_deviates_by_at_most_the_jitter(attempts: int, at: int, seed: str) -> None:
    due_at = SCHEDULE.next_due(attempts, at, None, seed)
    delay = SCHEDULE.delays[attempts] * 1000
    assert due_at is not None
    assert delay * (1 - JITTER) - 1 <= due_at - at <= delay * (1 + JITTER) + 1


def test_the_jitter_is_stable_for_an_attempt_and_differs_between_attempts() -> None:
    due = [SCHEDULE.next_due(4, 0, None, seed) for seed in ("a nurture", "a nurture", "b nurture", "a other")]
    assert due[0] == due[1]
    assert len(set(due)) == 3


@given(st.integers(10, 50), TIMES)
def test_there_is_no_delay_after_the_last_attempt(attempts: int, at: int) -> None:
    assert SCHEDULE.next_due(attempts, at, 60.0, "a") is None


@given(st.integers(1, 9), st.floats(0, 1e9))
def test_retry_after_is_respected_up_to_a_day_and_never_shortens_a_delay(attempts: int, asked: float) -> None:
    due_at = SCHEDULE.next_due(attempts, 0, asked, "a")
    plain = SCHEDULE.next_due(attempts, 0, None, "a")
    assert due_at is not None
    assert plain is not None
    assert due_at == max(plain, min(int(asked * 1000), LONGEST_RETRY_AFTER_MS))


@given(st.integers(0, 1000), st.integers(1, 10_000), st.text(max_size=10))
def test_waits_for_capacity_double_up_to_a_limit(waits: int, shortest: int, seed: str) -> None:
    longest = shortest * 60
    wait = backed_off_ms(waits, (shortest, longest), seed)
    expected = min(shortest * 2 ** min(waits, 20), longest)
    assert expected * (1 - JITTER) - 1 <= wait <= expected * (1 + JITTER)
