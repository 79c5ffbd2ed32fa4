"""How long a promise is: plain time, or the open hours and days of a calendar."""

from dataclasses import dataclass

from .calendars import Calendar

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class PlainTime:
    """So many milliseconds, day and night."""

    ms: int

    def after(self, at: int) -> int:
        """The instant at which this much time has passed since `at`."""
        return at + self.ms

    def before(self, at: int) -> int:
        """The instant from which this much time passes until `at`."""
        return at - self.ms


@dataclass(frozen=True, slots=True)
class BusinessTime:
    """So many milliseconds of a calendar's open hours."""

    ms: int
    calendar: Calendar

    def after(self, at: int) -> int:
        """The instant at which this much open time has passed since `at`."""
        return self.calendar.open_time_after(at, self.ms)

    def before(self, at: int) -> int:
        """The last instant of open hours from which this much open time passes until `at`."""
        return self.calendar.open_time_before(at, self.ms)


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """So many open days of a calendar."""

    count: int
    calendar: Calendar

    def after(self, at: int) -> int:
        """The instant that many open days later that is as far into its working day as `at` was."""
        return self.calendar.open_days_after(at, self.count)

    def before(self, at: int) -> int:
        """The instant that many open days earlier that is as far into its working day as `at` is."""
        return self.calendar.open_days_before(at, self.count)


Span = PlainTime | BusinessTime | BusinessDays


def calendar_of(span: Span | None) -> Calendar | None:
    """The calendar of a span; None for plain time."""
    return span.calendar if isinstance(span, BusinessTime | BusinessDays) else None


def days(count: int) -> PlainTime:
    """So many times 24 hours."""
    return PlainTime(count * DAY_MS)
