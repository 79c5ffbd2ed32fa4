"""Facts come out in the order of events, however many there are."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from workers.imports.sorting import SortEntry, Sorter


def an_entry(at: int, rank: int = 0, event_id: str = "") -> SortEntry:
    return (at, rank, event_id or f"e{at}/{rank}", f"L{at}", "test", bytes([at % 256]))


ENTRIES = st.lists(st.builds(an_entry, st.integers(1, 40), st.integers(0, 3)), max_size=60)


@given(ENTRIES, st.integers(1, 9), st.integers(2, 4))
def test_any_entries_are_returned_sorted_and_once(entries: list[SortEntry], run_size: int, fan_in: int) -> None:
    with Sorter(run_size=run_size, fan_in=fan_in) as sorter:
        for entry in entries:
            sorter.add_all([entry])
        merged = list(sorter.merged())
    assert merged == sorted(set(entries))
    assert (sorter.count, sorter.repeated) == (len(entries), len(entries) - len(merged))


def test_sorted_runs_on_disk_are_deleted(tmp_path: Path) -> None:
    with Sorter(tmp_path, run_size=2) as sorter:
        for at in range(9):
            sorter.add_all([an_entry(at)])
        assert list(tmp_path.rglob("*.run"))
    assert not list(tmp_path.iterdir())
