"""Durations as ranges that can be counted: each is a quarter of an octave wide, so that a quantile is within 19%."""

from collections.abc import Mapping
from math import ceil, log2

UNKNOWN = -1
"""The range of a duration that is not known."""
_PER_OCTAVE = 4
_SHORTEST_MS = 60_000
_LAST = 120


def range_of(ms: int) -> int:
    """The range of a duration: the smallest whose bound is not below it."""
    if ms <= _SHORTEST_MS:
        return 0
    return min(ceil(round(log2(ms / _SHORTEST_MS) * _PER_OCTAVE, 9)), _LAST)


def bound_ms(number: int) -> int:
    """The longest duration of a range."""
    return round(_SHORTEST_MS * 2 ** (number / _PER_OCTAVE))


def quantile(counts: Mapping[int, int], total: int, share: float) -> int | None:
    """How long this share of all took at most, in ms.

    Args:
        counts: By range; those of UNKNOWN are left out of the total.
        total: All, those included that have not got there yet: they count as longer.
        share: Between 0 and 1.

    Returns:
        The bound of a range; None: fewer than this share have got there.
    """
    known = {number: count for number, count in counts.items() if number != UNKNOWN and count > 0}
    wanted, below = share * (total - counts.get(UNKNOWN, 0)), 0
    for number in sorted(known):
        below += known[number]
        if below >= wanted:
            return bound_ms(number)
    return None
