"""The formats of times: each reads a text as a date and time, or as epoch milliseconds."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

from schemas.instants import EARLIEST_MS, LAST_MS, unit_of
from workers.values.numbers import whole
from workers.values.times import format_of_unit

from .errors import RowError
from .field_sources import NAMED_FORMATS

ReadTime: TypeAlias = tuple[datetime | int, bool]
"""A time as it was read, and whether it is a date without a time of day. A plain tuple: there is one for each cell."""

Read = Callable[[str], ReadTime]
Choices = Mapping[datetime, Sequence[str]]
"""What a text is in several patterns: each reading, and the patterns that give it."""

LONGEST_DATE = 10
"""Characters of a date of ISO 8601: 2026-03-02."""

_SPREADSHEET_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  # the zone is applied later
_SECONDS_OF_DAY = 86_400
_TIME_DIRECTIVES = ("%H", "%I", "%M", "%S", "%c", "%X")
_IN_ORDER = ("%Y", "%m", "%d", "%H", "%M", "%S")
_PARTS_OF_A_DATE = 3
_DIGITS = {"%Y": r"(\d{4})", **dict.fromkeys(_IN_ORDER[1:], r"(\d{1,2})")}
_OTHER_UNITS = {"epoch_s": "seconds", "epoch_ms": "milliseconds"}


def readers_of(
    formats: Sequence[str], evident: Collection[str], is_plausible: Callable[[datetime], bool]
) -> list[Read]:
    """Return the readers of these formats. Each raises ValueError or OverflowError if a text is not in its format.

    Several patterns of strptime have one reader, because a text may fit more than one of them.

    Args:
        formats: Of a mapping.
        evident: The patterns that alone fit other cells of the column.
        is_plausible: Whether a fact may have this time.
    """
    patterns = [name for name in formats if name not in NAMED_FORMATS]
    if len(patterns) < 2:  # noqa: PLR2004  # nothing to choose
        return [_reader(name) for name in formats]
    several = _by_patterns(PatternChoice(patterns, is_plausible), frozenset(evident))
    named: list[Read] = [_reader(name) for name in formats if name in NAMED_FORMATS]
    return [*named, several] if formats[0] in NAMED_FORMATS else [several, *named]


def _reader(name: str) -> Read:
    match name:
        case "iso":
            return _iso
        case "epoch_s":
            return _epoch(name, places=3)
        case "epoch_ms":
            return _epoch(name, places=0)
        case "excel":
            return _excel
        case _:
            return _by_pattern(name)


def _iso(text: str) -> ReadTime:
    return datetime.fromisoformat(text), len(text) <= LONGEST_DATE


def _epoch(name: str, places: int) -> Read:
    def read(text: str) -> ReadTime:
        ms = whole(text, places)
        if not EARLIEST_MS <= ms <= LAST_MS or unit_of(float(text)) not in (None, _OTHER_UNITS[name]):
            _refuse_other_unit(text)
        if ms > LAST_MS:
            raise RowError("after_9999", "is it in a smaller unit? `epoch_s` counts seconds, `epoch_ms` milliseconds")
        return ms, False

    return read


def _refuse_other_unit(text: str) -> None:
    if advice := format_of_unit(float(text)):
        raise RowError("other_unit", advice)


def _excel(text: str) -> ReadTime:
    days = float(text.replace(",", "."))
    if unit_of(days) is None or not days:
        raise ValueError(text)
    return _SPREADSHEET_EPOCH + timedelta(seconds=round(days * _SECONDS_OF_DAY)), days.is_integer()


def _by_pattern(pattern: str) -> Read:
    is_date = not any(directive in pattern for directive in _TIME_DIRECTIVES)
    parse = _parser(pattern)

    @lru_cache(maxsize=16_384)
    def read(text: str) -> ReadTime:
        return parse(text), is_date

    return read


def _parser(pattern: str) -> Callable[[str], datetime]:
    """Return strptime for a pattern; for one of numbers with signs between them a faster function with its results."""

    def slow(text: str) -> datetime:
        return datetime.strptime(text, pattern)  # noqa: DTZ007  # the zone is applied later

    parts = re.split(r"(%[YmdHMS])", pattern)
    if not _is_of_numbers(parts):
        return slow
    found = parts[1::2]
    places = [found.index(name) + 1 for name in _IN_ORDER[: len(found)]]
    match = re.compile("".join(_DIGITS.get(part) or re.escape(part) for part in parts)).fullmatch

    def fast(text: str) -> datetime:
        if (numbers := match(text)) is None:
            return slow(text)
        return datetime(*[int(numbers[place]) for place in places])  # type: ignore[arg-type]  # noqa: DTZ001

    return fast


def _is_of_numbers(parts: Sequence[str]) -> bool:
    """Whether the split pattern has a year, month, day and what follows them, each once, with signs between them."""
    found, signs = parts[1::2], parts[2:-1:2]
    if len(found) < _PARTS_OF_A_DATE or sorted(found) != sorted(_IN_ORDER[: len(found)]) or parts[0] or parts[-1]:
        return False
    return all(sign and "%" not in sign and not any(c.isalnum() for c in sign) for sign in signs)


class PatternChoice:
    """What a text can mean in several patterns.

    Args:
        patterns: Of strptime.
        is_plausible: An implausible reading counts only if there is no plausible one.
    """

    def __init__(self, patterns: Sequence[str], is_plausible: Callable[[datetime], bool]) -> None:
        self._readers = [(pattern, _by_pattern(pattern)) for pattern in patterns]
        self._is_plausible = is_plausible
        self.of = lru_cache(maxsize=16_384)(self._of)

    def _of(self, text: str) -> Mapping[ReadTime, tuple[str, ...]]:
        found: dict[ReadTime, tuple[str, ...]] = {}
        for pattern, read in self._readers:
            try:
                time = read(text)
            except (ValueError, OverflowError):
                continue
            found[time] = (*found.get(time, ()), pattern)
        plausible = {
            time: by for time, by in found.items() if isinstance(time[0], datetime) and self._is_plausible(time[0])
        }
        return plausible or found


def _by_patterns(choice: PatternChoice, evident: frozenset[str]) -> Read:
    def read(text: str) -> ReadTime:
        found = choice.of(text)
        if not found:
            raise ValueError(text)
        if len(found) > 1:
            found = {time: by for time, by in found.items() if not evident.isdisjoint(by)} or found
        if len(found) > 1:
            by = " and ".join(pattern for patterns in found.values() for pattern in patterns)
            raise RowError("ambiguous_time", f"{by} read it as different times: keep the right one in `formats:`")
        return next(iter(found))

    return read
