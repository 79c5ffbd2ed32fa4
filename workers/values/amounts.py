"""Amounts as people, spreadsheets and systems write them: signs, groups and currencies of many countries."""

import re
from dataclasses import dataclass
from unicodedata import category

from .currencies import CODES, DEFAULT_DIGITS, minor_digits
from .numbers import MAX_LONG, whole

_WORDS = frozenset(("kr", "kr.", "zł", "Kč", "Ft", "lei", "Fr.", "Fr", "Rs", "Rs."))
_WITHOUT_DIGITS = frozenset("¥￥₩₫₲")  # symbols of currencies without minor digits; the first is also one with two
_MAX_LETTERS = 3  # beside a symbol: US$, CA$
_ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", "-"),
        **dict.fromkeys("\u00a0\u2007\u2009\u202f", " "),
        **dict.fromkeys("\u2019\u066c", "'"),
    }
)
_ARABIC_DECIMAL = "\u066b"
_AROUND = " +-()"
_SHAPE = re.compile(r"(\D*?)((?:(?<!\w)[.,])?\d(?:[\d.,' ]*\d)?[.,]?)(\D*)")
_GROUP = 3  # digits


class NotAnAmount(ValueError):
    """The text is no amount, or not one without doubt. `reason` is for counting, `advice` says what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}: {advice}")
        self.reason = reason
        self.advice = advice


@dataclass(frozen=True, slots=True)
class _Written:
    number: str
    currency: str
    is_negative: bool


class AmountReader:
    """Reads amounts in major units as minor units.

    Args:
        decimal: The decimal sign, "." or ",".
        digits: The number of minor digits; None for that of the currency.
        is_grouped: Whether digits may be grouped. Then `1.250` is doubtful, and refused.
    """

    def __init__(self, decimal: str, digits: int | None, *, is_grouped: bool = True) -> None:
        self._decimal = decimal
        self._digits = digits
        self._is_grouped = is_grouped
        sign, other = re.escape(decimal), "," if decimal == "." else "."
        fraction = rf"(?:{sign}\d*)?"
        self._other = other
        self._plain_groups = re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:{re.escape(other)}\d{{3}})+{sign}\d{{1,2}}", re.ASCII)
        self._plain = re.compile(rf"[+-]?\d+(?:{sign}\d{{1,2}})?", re.ASCII)
        self._ungrouped = re.compile(rf"\d+{fraction}|{sign}\d+")
        self._grouped = re.compile(
            rf"(?!0)\d{{1,3}}([{other}' ])\d{{3}}(?:\1\d{{3}})*{fraction}|(?!0)\d{{1,2}}(?:,\d{{2}})+,\d{{3}}{fraction}"
        )

    def minor(self, text: str, currency: str = "") -> int:
        """Read an amount.

        Args:
            text: Without blanks at its ends.
            currency: That of the row; empty if it is unknown.

        Raises:
            NotAnAmount: it cannot be read, or not without doubt.
        """
        if self._plain.fullmatch(text):
            return to_minor(text.replace(",", "."), self.digits_of(currency))
        if self._is_grouped and self._plain_groups.fullmatch(text):
            return to_minor(text.replace(self._other, "").replace(",", "."), self.digits_of(currency))
        written = self._written(text)
        if written.currency in CODES and currency and written.currency != currency:
            raise NotAnAmount("not_a_number", f"the amount is in {written.currency}, the row in {currency}")
        if not currency and self._digits is None and written.currency in _WITHOUT_DIGITS:
            raise NotAnAmount(
                "not_a_number", f"which currency is {written.currency}? Map `currency:`, or write `digits:`"
            )
        digits = self.digits_of(currency or (written.currency if written.currency in CODES else ""))
        minor = to_minor(self._number(written.number, digits), digits)
        return -minor if written.is_negative else minor

    def digits_of(self, currency: str) -> int:
        """Return the number of minor digits of amounts in this currency; empty is unknown."""
        if self._digits is not None:
            return self._digits
        return minor_digits(currency) if currency else DEFAULT_DIGITS

    def _written(self, text: str) -> _Written:
        if not text.isascii():
            seen = "".join(c for c in text.translate(_ALIKE) if category(c) != "Cf")
            text = seen.replace(_ARABIC_DECIMAL, self._decimal)
        found = _SHAPE.fullmatch(text)
        if found is None:
            raise self._not_a_number()
        before, number, after = found.groups()
        names = [name for part in (before, after) if (name := part.strip(_AROUND))]
        signs = [c for c in before + after if c in "+-"]
        in_brackets = "(" in before and ")" in after
        if len(names) > 1 or not all(map(_is_currency, names)) or len(signs) + in_brackets > 1:
            raise self._not_a_number()
        return _Written(number, "".join(names), in_brackets or signs == ["-"])

    def _number(self, text: str, digits: int) -> str:
        """Return the number as digits with a point. Three digits that may be a group or decimals are refused."""
        whole_part, _, decimals = text.partition(self._decimal)
        if self._ungrouped.fullmatch(text):
            if self._is_grouped and len(decimals) == _GROUP > digits and _may_be_first_group(whole_part):
                raise _doubtful(text, self._decimal)
        elif self._is_grouped and self._grouped.fullmatch(text):
            if not decimals and digits >= _GROUP and re.fullmatch(r"\d+[.,]\d{3}", whole_part):
                raise _doubtful(text, self._decimal)
        else:
            raise self._not_a_number()
        return f"{re.sub(r'[^0-9]', '', _ascii(whole_part)) or '0'}.{_ascii(decimals) or '0'}"

    def _not_a_number(self) -> NotAnAmount:
        advice = f"the mapping reads {self._decimal!r} as the decimal sign: change `decimal:`?"
        return NotAnAmount("not_a_number", advice)


def to_minor(number: str, digits: int) -> int:
    """Convert a number of major units to minor units.

    Raises:
        NotAnAmount: it is not a finite number, or does not fit into 64 bits.
    """
    try:
        minor = whole(number, digits)
    except ValueError:
        raise NotAnAmount("not_a_number", "write a number that fits into 64 bits") from None
    if abs(minor) > MAX_LONG:
        raise NotAnAmount("out_of_range", "an amount must fit into 64 bits")
    return minor


def _is_currency(name: str) -> bool:
    letters = "".join(character for character in name if category(character) != "Sc")
    if letters == name:
        return name in CODES or name in _WORDS
    return len(letters) <= _MAX_LETTERS and (not letters or (letters.isascii() and letters.isupper()))


def _may_be_first_group(digits: str) -> bool:
    return 1 <= len(digits) <= _GROUP and digits[0] != "0"


def _doubtful(text: str, decimal: str) -> NotAnAmount:
    other = "," if decimal == "." else "."
    advice = (
        f"is {text!r} a number of thousands? Then write `decimal: {other!r}`; "
        "if thousands are never grouped in this column, write `grouped: false`"
    )
    return NotAnAmount("doubtful_number", advice)


def _ascii(digits: str) -> str:
    """Return digits of any script as those of ASCII."""
    return digits if digits.isascii() else "".join(str(int(c)) if c.isdecimal() else c for c in digits)
