"""Converts cells to instants: epoch milliseconds, from several formats and time zones."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.instants import DISTANT_MS, EARLIEST_MS, LAST_MS, NO_DATE_MS
from workers.values.times import format_of_unit, is_zero_date

from .errors import RowError
from .field_sources import EdgeOfDay, LocalTime
from .time_readers import LONGEST_DATE, readers_of
from .values import Cell, Convert, EmptyCells, FieldValue, text_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # for times without zone
_MS = timedelta(milliseconds=1)
_LAST_OF_DAY = {"hour": 23, "minute": 59, "second": 59, "microsecond": 999_000}
_WIDEST_OFFSET_MS = 14 * 3_600_000
_LAST_ORDINAL = date.max.toordinal() - 2
_NEVER_MS = 50 * DISTANT_MS  # 500 years: 9999-12-31, 2999-12-31


@dataclass(slots=True)
class UncertainTimes:
    """The number of local times that were ambiguous, or skipped, when clocks changed."""

    count: int = 0


@dataclass(frozen=True, kw_only=True)
class TimeReading:
    """How the times of a column are read.

    Attributes:
        formats: `iso`, `epoch_s`, `epoch_ms`, `excel`, or patterns of strptime.
        zone: The time zone of times without an offset.
        local_time: Which instant an ambiguous local time means.
        day: The instant of its day that a date without a time means.
        latest: A later instant is rejected; epoch ms. The end of a day may be later.
        is_required: A placeholder for "none" is rejected; otherwise it is an empty cell.
        evident: The patterns that alone fit other cells of the column.
    """

    formats: Sequence[str] = ("iso",)
    zone: str = "UTC"
    local_time: LocalTime = "first"
    day: EdgeOfDay = "start"
    latest: int | None = None
    is_required: bool = False
    evident: Collection[str] = field(default=frozenset())

    def is_plausible(self, time: datetime) -> bool:
        """Whether the column may contain this time, give or take its offset."""
        ms = (time.replace(tzinfo=None) - _NAIVE_EPOCH) // _MS
        return ms >= EARLIEST_MS and (self.latest is None or ms <= self.latest + _WIDEST_OFFSET_MS)


def to_instant(empties: EmptyCells, reading: TimeReading, uncertain_times: UncertainTimes) -> Convert:
    """Make a converter that reads an instant by the first format that fits and gives a plausible one."""
    readers = readers_of(reading.formats, reading.evident, reading.is_plausible)
    clock = _LocalClock(reading.zone, reading.local_time, uncertain_times)
    instants = _Instants(reading, clock)
    ms_of, latest, is_end = instants.ms_of, instants.latest, reading.day == "end"

    def convert(cell: Cell) -> FieldValue | None:
        text = text_of(cell)
        if text in empties:
            return empties.value()
        doubt = None
        for read in readers:
            try:
                at, is_date = read(text)
                ms = ms_of(at)
                if EARLIEST_MS <= ms <= latest and not (is_date and is_end):
                    return ms
                unusual = instants.unusual(at, ms, is_date=is_date)
            except (ValueError, OverflowError):
                continue
            except RowError as error:
                doubt = doubt or error
                continue
            return empties.value() if unusual is None else unusual
        if not reading.is_required and is_zero_date(text):
            return empties.value()
        raise doubt or _not_a_time(text, reading.formats)

    is_iso_first = reading.formats[0] == "iso" and not empties.has_numbers
    return _iso_first(convert, clock, latest) if is_iso_first else convert


def _iso_first(convert: Convert, clock: "_LocalClock", latest: int) -> Convert:
    """Make a converter with the same results, which takes a shorter way for plain times of ISO 8601."""

    def convert_plain(cell: Cell) -> FieldValue | None:
        if type(cell) is str and len(cell) > LONGEST_DATE:
            try:
                ms = clock.certain_ms(datetime.fromisoformat(cell))
            except (ValueError, OverflowError):
                return convert(cell)
            if ms is not None and EARLIEST_MS <= ms <= latest:
                return ms
        return convert(cell)

    return convert_plain


def _not_a_time(text: str, formats: Sequence[str]) -> RowError:
    try:
        advice = format_of_unit(float(text.replace(",", ".")))
    except ValueError:
        advice = ""
    return RowError("not_a_time", advice or f"read as {', '.join(formats)}: add its format to `formats:`")


class _Instants:
    """Converts what was read to plausible instants."""

    def __init__(self, reading: TimeReading, clock: "_LocalClock") -> None:
        self.latest = LAST_MS if reading.latest is None else reading.latest
        self._reading = reading
        self._clock = clock

    def ms_of(self, at: datetime | int) -> int:
        return at if isinstance(at, int) else self._clock.ms(at)

    def unusual(self, at: datetime | int, ms: int, *, is_date: bool) -> int | None:
        """Return the end of a day, or what an implausible time stands for; None if for no time.

        Raises:
            RowError: the time is implausible.
        """
        if EARLIEST_MS <= ms <= self.latest:
            is_end = is_date and isinstance(at, datetime)
            return self._clock.ms(at.replace(**_LAST_OF_DAY)) if is_end else ms  # type: ignore[union-attr,arg-type]
        is_placeholder = ms < NO_DATE_MS or ms > self.latest + _NEVER_MS
        if is_placeholder and not self._reading.is_required:
            return None
        if ms < EARLIEST_MS:
            advice = "is the format or the unit right? If it stands for no time, add it to `empty_values:`"
            raise RowError("before_1990", f"no fact is that old: {advice}")
        if self._reading.latest is None:
            return LAST_MS
        raise RowError("in_the_future", "it has not happened yet: is the zone, the format or the unit right?")


class _LocalClock:
    """Converts local times to instants."""

    def __init__(self, zone: str, local_time: LocalTime, uncertain_times: UncertainTimes) -> None:
        self._zone = None if zone == "UTC" else ZoneInfo(zone)
        self._local_time = local_time
        self._guesses = uncertain_times
        self._offset_of_day = lru_cache(maxsize=4_096)(self._constant_offset)

    def ms(self, time: datetime) -> int:
        certain = self.certain_ms(time)
        if certain is not None:
            return certain
        assert self._zone is not None  # noqa: S101  # times of UTC are certain
        return (time - _NAIVE_EPOCH - self._offset(time, self._zone)) // _MS

    def certain_ms(self, time: datetime) -> int | None:
        """Return the instant; None for a local time of a day on which clocks may change."""
        if time.tzinfo is not None:
            return (time - _EPOCH) // _MS
        if self._zone is None:
            return (time - _NAIVE_EPOCH) // _MS
        offset = self._offset_of_day(time.toordinal())
        return None if offset is None else (time - _NAIVE_EPOCH - offset) // _MS

    def _constant_offset(self, ordinal: int) -> timedelta | None:
        """Return the offset of a day; None if clocks change on it, or the day before or after."""
        if not 1 < ordinal < _LAST_ORDINAL:
            return None
        start = datetime.fromordinal(ordinal).replace(tzinfo=self._zone)
        offsets = {(start + timedelta(hours=hours)).utcoffset() for hours in range(-24, 49, 6)}
        return offsets.pop() if len(offsets) == 1 else None

    def _offset(self, time: datetime, zone: ZoneInfo) -> timedelta:
        # The zone is asked directly: making an aware time of each one would cost as much again.
        first, second = zone.utcoffset(time), zone.utcoffset(time.replace(fold=1))
        if first is None or second is None:  # pragma: no cover  # a ZoneInfo always has one
            raise TypeError(f"{zone} has no offset")
        if first == second:
            return first
        if self._local_time == "reject":
            raise RowError(
                "uncertain_time", "clocks changed: write `local_time: first` or `second`, or write an offset"
            )
        self._guesses.count += 1
        return first if self._local_time == "first" else second
