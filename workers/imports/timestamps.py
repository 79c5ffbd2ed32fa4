"""Converts cells to instants: epoch milliseconds, from several formats and time zones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

from schemas.instants import LAST_MS

from .errors import RowError
from .field_sources import LocalTime
from .values import Cell, Convert, EmptyCells, FieldValue, text_of, whole

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # for times without zone
_MS = timedelta(milliseconds=1)

Read = Callable[[str], datetime | int]


@dataclass(slots=True)
class UncertainTimes:
    """The number of local times that were ambiguous, or skipped, when clocks changed."""

    count: int = 0


def to_instant(
    empties: EmptyCells,
    formats: Sequence[str],
    zone: str,
    local_time: LocalTime,
    uncertain_times: UncertainTimes,
    latest: int | None = None,
) -> Convert:
    """Make a converter that reads an instant by the first format that fits.

    Args:
        empties: Which texts count as empty.
        formats: `iso`, `epoch_s`, `epoch_ms`, or a pattern of strptime.
        zone: The time zone of times without an offset.
        local_time: Which instant an ambiguous local time means.
        uncertain_times: Counts ambiguous local times.
        latest: A later instant is rejected; epoch ms.
    """
    readers = [_reader(name) for name in formats]
    clock = _LocalClock(zone, local_time, uncertain_times)

    def convert(cell: Cell) -> FieldValue | None:
        text = text_of(cell)
        if text in empties:
            return empties.value()
        for read in readers:
            try:
                time = read(text)
            except (ValueError, OverflowError):
                continue
            return _plausible(time if isinstance(time, int) else clock.ms(time), latest)
        raise RowError("not_a_time", f"read as {', '.join(formats)}: add its format to `formats:`")

    return convert


def _reader(name: str) -> Read:
    match name:
        case "iso":
            return datetime.fromisoformat
        case "epoch_s":
            return partial(whole, places=3)
        case "epoch_ms":
            return partial(whole, places=0)
        case _:
            return _by_pattern(name)


def _by_pattern(pattern: str) -> Read:
    # strptime takes 5–10 µs, and most columns repeat the same days.
    @lru_cache(maxsize=16_384)
    def read(text: str) -> datetime:
        return datetime.strptime(text, pattern)  # noqa: DTZ007  # the zone is applied by _LocalClock

    return read


class _LocalClock:
    """Converts local times to instants."""

    def __init__(self, zone: str, local_time: LocalTime, uncertain_times: UncertainTimes) -> None:
        self._zone = None if zone == "UTC" else ZoneInfo(zone)
        self._local_time = local_time
        self._guesses = uncertain_times

    def ms(self, time: datetime) -> int:
        if time.tzinfo is not None:
            return (time - _EPOCH) // _MS
        if self._zone is None:
            return (time - _NAIVE_EPOCH) // _MS
        return (time - _NAIVE_EPOCH - self._offset(time.replace(tzinfo=self._zone))) // _MS

    def _offset(self, time: datetime) -> timedelta:
        first, second = _offset_of(time), _offset_of(time.replace(fold=1))
        if first == second:
            return first
        if self._local_time == "reject":
            raise RowError(
                "uncertain_time", "clocks changed: write `local_time: first` or `second`, or write an offset"
            )
        self._guesses.count += 1
        return first if self._local_time == "first" else second


def _offset_of(time: datetime) -> timedelta:
    offset = time.utcoffset()
    if offset is None:  # pragma: no cover  # a ZoneInfo always has one
        raise TypeError(f"{time.tzinfo} has no offset")
    return offset


def _plausible(ms: int, latest: int | None) -> int:
    if ms <= 0:
        raise RowError("before_1970", "no fact is that old: is the format or the unit right?")
    if ms > LAST_MS:
        raise RowError("after_9999", "is it in a smaller unit? `epoch_s` counts seconds, `epoch_ms` milliseconds")
    if latest is not None and ms > latest:
        raise RowError("in_the_future", "it has not happened yet: is the zone, the format or the unit right?")
    return ms
