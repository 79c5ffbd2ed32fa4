from hypothesis import given
from hypothesis import strategies as st

from workers.delivery.core.breaker import Breaker, Circuit

CLOSED, HALF_OPEN, OPEN = Circuit.CLOSED, Circuit.HALF_OPEN, Circuit.OPEN


def after(outcomes: str, at: float = 0.0) -> Breaker:
    """A breaker that has seen successes (+), failures (-) and what says nothing (.), all at one moment."""
    breaker = Breaker()
    for outcome in outcomes:
        breaker.begun(at)
        breaker.ended(at, {"+": True, "-": False, ".": None}[outcome])
    return breaker


def probe(breaker: Breaker, at: float, is_success: bool | None) -> None:
    breaker.begun(at)
    breaker.ended(at, is_success)


def test_nine_failures_do_not_open_the_circuit() -> None:
    assert after("-" * 9).state(0) is CLOSED


def test_ten_failures_open_the_circuit() -> None:
    assert after("-" * 10).state(0) is OPEN


def test_the_circuit_opens_at_seven_failures_of_ten_and_not_at_six() -> None:
    assert after("+++" + "-" * 7).state(0) is OPEN
    assert after("++++" + "-" * 6).state(0) is CLOSED


def test_outcomes_that_say_nothing_about_the_endpoint_do_not_count() -> None:
    assert after("." * 50).state(0) is CLOSED


def test_failures_older_than_the_window_are_forgotten() -> None:
    breaker = after("-" * 9)
    probe(breaker, 301.0, is_success=False)
    assert breaker.state(301.0) is CLOSED


def test_an_open_circuit_allows_nothing_until_its_time_is_over() -> None:
    breaker = after("-" * 10)
    assert breaker.capacity(29.9) == 0
    assert breaker.wait(10.0) == 20.0
    assert breaker.state(30.0) is HALF_OPEN
    assert breaker.capacity(30.0) == 2


def test_a_half_open_circuit_allows_a_few_probes_at_a_time() -> None:
    breaker = after("-" * 10)
    breaker.begun(30.0)
    breaker.begun(30.0)
    assert breaker.capacity(30.0) == 0
    breaker.ended(31.0, is_success=None)
    assert breaker.capacity(31.0) == 1


def test_five_successes_close_the_circuit() -> None:
    breaker = after("-" * 10)
    for at in range(30, 35):
        assert breaker.state(at) is HALF_OPEN
        probe(breaker, at, is_success=True)
    assert breaker.state(35) is CLOSED
    assert breaker.capacity(35) is None


def test_one_failed_probe_opens_the_circuit_again() -> None:
    breaker = after("-" * 10)
    probe(breaker, 30.0, is_success=True)
    probe(breaker, 31.0, is_success=False)
    assert breaker.state(60.9) is OPEN
    assert breaker.state(61.0) is HALF_OPEN


@given(st.lists(st.tuples(st.floats(0, 50), st.sampled_from([True, False, None])), max_size=200))
def test_a_circuit_always_allows_an_attempt_or_has_a_time_for_the_next(steps: list[tuple[float, bool | None]]) -> None:
    breaker, now = Breaker(), 0.0
    for pause, is_success in steps:
        now += pause
        room = breaker.capacity(now)
        assert room is None or 0 <= room <= 2
        if room == 0:
            assert breaker.wait(now) > 0 or breaker.state(now) is HALF_OPEN
        else:
            probe(breaker, now, is_success)
