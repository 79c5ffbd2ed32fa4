"""Decimal numbers as whole multiples of a smaller unit."""

from decimal import ROUND_HALF_UP, Decimal

MAX_LONG = 2**63 - 1
LARGEST_EXACT = 2**53
"""Floats beyond it have lost digits."""
_MAX_DIGITS = 20  # a longer number does not fit into 64 bits


def whole(number: str, places: int) -> int:
    """Multiply a decimal number by 10 to the power of `places`, rounded half up.

    Raises:
        ValueError: it is not a number, or far beyond 64 bits.
    """
    try:
        value = Decimal(number)
        if (
            not value.is_finite() or value.adjusted() > _MAX_DIGITS
        ):  # 1e999999999 is a short text, but gigabytes as an int
            raise ValueError(number)
        return int(value.scaleb(places).to_integral_value(ROUND_HALF_UP))
    except ArithmeticError as error:
        raise ValueError(number) from error


def is_exact(number: float) -> bool:
    """Whether this is a whole float that still is what the JSON document contained; False for an integer."""
    return isinstance(number, float) and number.is_integer() and abs(number) <= LARGEST_EXACT
