"""Avro's `long`: zigzag, seven bits a byte, least first (Avro specification, "Binary Encoding").

Instants take six bytes. Those go through tables of byte pairs: about a third of the time of a loop in Python.
"""

from struct import Struct, error
from typing import Final

THREE_PAIRS: Final = Struct("<HHH").unpack_from
_SEVEN_BITS: Final = range(128)
# Two bytes as one little-endian number -> the 14 bits they carry, shifted to their place.
LOW: Final = {a | 128 | (b | 128) << 8: a | b << 7 for a in _SEVEN_BITS for b in _SEVEN_BITS}
MIDDLE: Final = {pair: bits << 14 for pair, bits in LOW.items()}
LAST: Final = {a | 128 | b << 8: (a | b << 7) << 28 for a in _SEVEN_BITS for b in _SEVEN_BITS}
# 14 bits -> the two bytes that carry them: more follow, or they are the last.
_MORE: Final = [bytes((bits & 127 | 128, bits >> 7 | 128)) for bits in range(1 << 14)]
_END: Final = [bytes((bits & 127 | 128, bits >> 7)) for bits in range(1 << 14)]

NOT_SIX: Final = (KeyError, error)
"""What reading three pairs raises where a number takes more or fewer bytes, or the data end."""

_ONE: Final = [bytes((bits,)) for bits in _SEVEN_BITS]  # lengths of most texts
_FIVE_BYTES: Final = 1 << 35
_SIX_BYTES: Final = 1 << 42
_LONGEST: Final = 10


class MalformedVarint(ValueError):
    """The bytes are not what the schema says."""


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at a position, and the position after it.

    Raises:
        IndexError: the data end within the number.
        MalformedVarint: It has more than 64 bits.
    """
    try:
        low, middle, last = THREE_PAIRS(data, at)
        zigzag = LOW[low] + MIDDLE[middle] + LAST[last]
    except NOT_SIX:
        return _read_any_long(data, at)
    return zigzag >> 1 ^ -(zigzag & 1), at + 6


def _read_any_long(data: bytes, at: int) -> tuple[int, int]:
    zigzag = 0
    for n in range(_LONGEST):
        byte = data[at + n]
        zigzag |= (byte & 127) << 7 * n
        if byte < 128:  # noqa: PLR2004 - the bit that says more follow
            if zigzag >> 64:
                break
            return zigzag >> 1 ^ -(zigzag & 1), at + n + 1
    raise MalformedVarint("a number of more than 64 bits")


def read_length(data: bytes, at: int) -> tuple[int, int]:
    """The length that begins at a position, and the position after it. It may well exceed the data.

    Raises:
        IndexError: the data end within the number.
        MalformedVarint: it is negative, or has more than 64 bits.
    """
    length, after = _read_any_long(data, at)
    if length < 0:
        raise MalformedVarint("a negative length")
    return length, after


def write_long(number: int) -> bytes:
    """The bytes of a number.

    Raises:
        OverflowError: It has more than 64 bits.
    """
    zigzag = number << 1 ^ number >> 63
    if _FIVE_BYTES <= zigzag < _SIX_BYTES:
        return _MORE[zigzag & 0x3FFF] + _MORE[zigzag >> 14 & 0x3FFF] + _END[zigzag >> 28]
    if 0 <= zigzag < len(_ONE):
        return _ONE[zigzag]
    return _write_any_long(zigzag)


def _write_any_long(zigzag: int) -> bytes:
    if not 0 <= zigzag < 1 << 64:
        raise OverflowError("a number of more than 64 bits")
    out = bytearray()
    while zigzag > 127:  # noqa: PLR2004 - what one byte holds
        out.append(zigzag & 127 | 128)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)
