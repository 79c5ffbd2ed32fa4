"""Ranges of durations and cohorts: what a quantile may say, and where a cohort begins."""

from collections import Counter
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from workers.read_model.cohorts import cohorts_between, hour_of, month_of, week_of
from workers.read_model.durations import UNKNOWN, bound_ms, quantile, range_of

DURATIONS = st.lists(st.integers(0, 400 * 86_400_000), min_size=1, max_size=60)
WIDTH = 2**0.25


@given(st.integers(0, 2 * 365 * 86_400_000))
def test_a_duration_is_within_its_range(ms: int) -> None:
    bound = bound_ms(range_of(ms))
    assert ms <= bound
    assert bound <= max(60_000, ms * WIDTH) + 1


@given(DURATIONS, st.integers(0, 60), st.sampled_from([0.5, 0.9]))
def test_a_quantile_counts_those_who_waited_longer(durations: list[int], waiting: int, share: float) -> None:
    found = quantile(Counter(map(range_of, durations)), len(durations) + waiting, share)
    rank = share * (len(durations) + waiting)
    exact = next((ms for place, ms in enumerate(sorted(durations), 1) if place >= rank), None)
    if exact is None:
        assert found is None
    else:
        assert found is not None
        assert exact <= found <= max(60_000, exact * WIDTH) + 1


def test_unknown_durations_are_left_out_and_nobody_has_no_quantile() -> None:
    assert quantile({UNKNOWN: 5, 0: 1}, 6, 0.9) == 60_000
    assert quantile({}, 0, 0.5) is None


def test_a_cohort_begins_in_utc() -> None:
    at = int(datetime(2026, 3, 1, 0, 0, tzinfo=UTC).timestamp() * 1000)  # a Sunday
    assert (month_of(at), week_of(at), hour_of(at)) == ("2026-03", "2026-02-23", "2026-03-01T00")
    assert (month_of(at - 1), hour_of(at - 1)) == ("2026-02", "2026-02-28T23")


def test_cohorts_between_two_days_include_both() -> None:
    assert list(cohorts_between("month", date(2025, 11, 30), date(2026, 1, 1))) == ["2025-11", "2025-12", "2026-01"]
    assert list(cohorts_between("week", date(2026, 3, 1), date(2026, 3, 9))) == [
        "2026-02-23",
        "2026-03-02",
        "2026-03-09",
    ]
