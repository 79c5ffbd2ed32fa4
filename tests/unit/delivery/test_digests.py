import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.delivery.core import digests
from workers.delivery.core.digests import DIGEST_BYTES, DigestMap


@pytest.fixture(autouse=True)
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed after a few entries, so that tests see packing."""
    monkeypatch.setattr(digests, "_FRESH", 3)


NAMES = st.integers(0, 40).map(lambda number: (number * 2_654_435_761 % 2**64).to_bytes(DIGEST_BYTES, "big"))


@given(st.lists(st.tuples(NAMES, st.integers(0, 255)), max_size=200))
def test_a_digest_map_behaves_as_a_dict(entries: list[tuple[bytes, int]]) -> None:
    found, expected = DigestMap(), dict[bytes, int]()
    for name, value in entries:
        found[name] = value
        expected[name] = value
        assert found.get(name) == value
    for name in (number.to_bytes(DIGEST_BYTES, "big") for number in range(50)):
        assert found.get(name) == expected.get(name)
    assert all(found.get(name) == value for name, value in expected.items())
    assert len(expected) <= len(found)
