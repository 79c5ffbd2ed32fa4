import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.varint import MalformedVarint, read_length, read_long, write_long

LONGS = st.integers(-(2**63), 2**63 - 1)


@given(LONGS, st.binary(max_size=8), st.binary(max_size=8))
def test_what_was_written_is_read_wherever_it_stands(number: int, before: bytes, after: bytes) -> None:
    written = write_long(number)
    assert read_long(before + written + after, len(before)) == (number, len(before) + len(written))


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, "00"), (-1, "01"), (1, "02"), (-64, "7f"), (64, "8001"), (2**63 - 1, "fe" + "ff" * 8 + "01")],
)
def test_numbers_are_written_as_avro_says(number: int, written: str) -> None:
    assert write_long(number).hex() == written


@given(st.integers(2**63) | st.integers(max_value=-(2**63) - 1))
def test_a_number_of_more_than_64_bits_is_not_written(number: int) -> None:
    with pytest.raises(OverflowError):
        write_long(number)


@pytest.mark.parametrize("data", ["ff" * 10 + "01", "ff" * 9 + "02", "80" * 10])
def test_a_number_of_more_than_64_bits_is_not_read(data: str) -> None:
    with pytest.raises(MalformedVarint):
        read_long(bytes.fromhex(data), 0)


@given(LONGS)
def test_a_number_that_is_cut_short_is_not_read(number: int) -> None:
    with pytest.raises(IndexError):
        read_long(write_long(number)[:-1], 0)


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(MalformedVarint):
        read_length(write_long(-1), 0)
