import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.delivery.core.offset_tracker import OffsetTracker


def test_no_offset_beyond_an_unfinished_record_is_committed() -> None:
    tracker = OffsetTracker(5)
    for offset in (5, 6, 9):
        tracker.begin(offset)
    tracker.finish(6)
    tracker.finish(9)
    assert tracker.position == 5
    tracker.finish(5)
    assert tracker.position == 10


def test_a_repeated_offset_raises_value_error() -> None:
    tracker = OffsetTracker(0)
    tracker.begin(3)
    with pytest.raises(ValueError, match="was consumed after"):
        tracker.begin(3)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=50), st.randoms(use_true_random=False))
def test_the_position_is_the_first_unfinished_offset(gaps: list[int], random: st.DataObject) -> None:
    tracker, offsets, at = OffsetTracker(0), [], -1
    for gap in gaps:
        at += gap
        tracker.begin(at)
        offsets.append(at)
    order = list(offsets)
    random.shuffle(order)  # type: ignore[attr-defined]
    open_ = set(offsets)
    for offset in order:
        tracker.finish(offset)
        open_.discard(offset)
        assert tracker.position == min(open_, default=at + 1)
        assert tracker.outstanding == len(open_)
