"""One suite on every store: what the engine may expect of local state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rocksdict import Rdict

from streams.engine import MemoryStore, RocksStore, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEYS = st.sampled_from([b"a", b"b", b"\0now", b"\0offset", b"offset", b"", b"lead-1"])
CHANGES = st.lists(st.dictionaries(KEYS, st.none() | st.binary(max_size=4)), max_size=8)


@pytest.fixture(params=["memory", "rocks"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], Store]:
    return MemoryStore if request.param == "memory" else lambda number: RocksStore(tmp_path, number)


@pytest.fixture
def store(make: Callable[[int], Store]) -> Iterator[Store]:
    store = make(0)
    yield store
    store.close()


def test_a_new_store_is_empty_and_starts_at_the_changelogs_first_offset(store: Store) -> None:
    assert (store.offset, len(store), list(store.items()), store.get(b"a")) == (0, 0, [], None)


def test_values_and_offset_change_together(store: Store) -> None:
    store.apply({b"a": b"1", b"b": b"2"}, 2)
    store.apply({b"a": None, b"c": b"3"}, 4)
    assert (store.offset, dict(store.items())) == (4, {b"b": b"2", b"c": b"3"})


def test_deleting_a_missing_key_is_no_error(store: Store) -> None:
    store.apply({b"a": None}, 1)
    assert (store.offset, store.get(b"a")) == (1, None)


def test_an_empty_value_is_not_a_deletion(store: Store) -> None:
    store.apply({b"a": b""}, 1)
    assert store.get(b"a") == b""


def test_a_wiped_store_is_empty_and_usable(store: Store) -> None:
    store.apply({b"a": b"1"}, 9)
    store.wipe()
    assert (store.offset, list(store.items())) == (0, [])
    store.apply({b"b": b"2"}, 1)
    assert dict(store.items()) == {b"b": b"2"}


def test_the_stores_of_partitions_are_independent(make: Callable[[int], Store]) -> None:
    one, other = make(1), make(2)
    one.apply({b"a": b"1"}, 1)
    assert (other.offset, other.get(b"a")) == (0, None)
    one.close()
    other.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(CHANGES)
def test_a_store_behaves_as_a_dictionary(store: Store, changes: list[dict[bytes, bytes | None]]) -> None:
    store.wipe()
    expected: dict[bytes, bytes | None] = {}
    for offset, change in enumerate(changes, 1):
        store.apply(change, offset)
        expected |= change
    assert dict(store.items()) == {key: value for key, value in expected.items() if value is not None}
    assert store.offset == len(changes)


def test_rocksdb_keeps_state_and_offset_over_a_restart(tmp_path: Path) -> None:
    first = RocksStore(tmp_path, 3)
    first.apply({b"a": b"1"}, 7)
    first.close()
    again = RocksStore(tmp_path, 3)
    assert (again.offset, dict(again.items())) == (7, {b"a": b"1"})
    again.close()


def test_a_rocksdb_store_older_than_the_retention_of_tombstones_is_discarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RocksStore(tmp_path, 3, max_age=60)
    store.apply({b"a": b"1"}, 7)
    store.close()
    later = time.time() + 62
    monkeypatch.setattr(time, "time", lambda: later)
    again = RocksStore(tmp_path, 3, max_age=60)
    assert (again.offset, again.get(b"a")) == (0, None)
    again.close()


def test_the_path_of_a_rocksdb_store_contains_its_format_version(tmp_path: Path) -> None:
    RocksStore(tmp_path, 3).close()
    assert [path.name for path in tmp_path.iterdir()] == ["p3-v2"]


def test_only_one_process_can_open_a_rocksdb_store(tmp_path: Path) -> None:
    store = RocksStore(tmp_path, 3)
    with pytest.raises(Exception, match=r"(?i)lock"):
        Rdict(str(tmp_path / "p3-v2"))
    store.close()


def test_values_are_given_in_the_order_of_keys_from_behind_a_key_on(store: Store) -> None:
    store.wipe()
    store.apply({b"c": b"3", b"a": b"1", b"b": b"2", b"a\0": b"x"}, 4)
    assert list(store.items()) == [(b"a", b"1"), (b"a\0", b"x"), (b"b", b"2"), (b"c", b"3")]
    assert [key for key, _ in store.items(b"a")] == [b"a\0", b"b", b"c"]
    assert [key for key, _ in store.items(b"b")] == [b"c"]
    assert list(store.items(b"c")) == []
