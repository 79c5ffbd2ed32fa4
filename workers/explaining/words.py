"""Times, spans, counts and reasons in words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streams.domain.policy import BusinessDays, BusinessTime, Span
from streams.domain.policy.spans import calendar_of

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
_UNITS = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1_000, "second"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TimeWords:
    """Writes instants (epoch ms) in one time zone, relative to `now`. The first instant names the zone."""

    def __init__(self, zone: ZoneInfo, now: int) -> None:
        self.zone = zone
        self.now = now
        self._is_named = False

    def on(self, at: int) -> str:
        """`Monday, 3 March 2026, 09:00`."""
        local = self._local(at)
        zone = "" if self._is_named else f" ({self.zone.key})"
        self._is_named = True
        return f"{local:%A}, {local.day} {local:%B %Y}, {local:%H:%M}{zone}"

    def after(self, at: int, earlier: int) -> str:
        """The same, but `13:00` on the day of an instant that the reader has just read."""
        if self._is_named and self._local(at).date() == self._local(earlier).date():
            return f"{self._local(at):%H:%M}"
        return self.on(at)

    def away(self, at: int) -> str:
        """`in 5 hours`, `2 days ago`."""
        text = about(abs(at - self.now))
        return f"in {text}" if at >= self.now else f"{text} ago"

    def _local(self, at: int) -> datetime:
        return (_EPOCH + timedelta(milliseconds=at)).astimezone(self.zone)


def zone_named(name: str) -> ZoneInfo | None:
    """The time zone of this name in the IANA database; None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of the database
        return None


def about(ms: int) -> str:
    """A length of time, rounded down: `3 days`, `5 hours`, `less than a minute`."""
    for size, unit in _UNITS[:3]:
        if ms >= 2 * size or (ms >= size and unit == "minute"):
            return counted(ms // size, unit)
    return "less than a minute"


def span_words(span: Span) -> str:
    """`4 business hours`, `30 days`."""
    if isinstance(span, BusinessDays):
        return counted(span.count, "business day")
    if isinstance(span, BusinessTime):
        return _size(span.ms, "business ", DAY)
    return _size(span.ms, "", DAY + 1)


def sized(span: Span) -> str:
    """A span with its calendar: `4 business hours (calendar "office")`."""
    calendar = calendar_of(span)
    return span_words(span) + (f" (calendar {quoted(calendar.name)})" if calendar else "")


def _size(ms: int, kind: str, below: int) -> str:
    for size, unit in _UNITS:
        if size < below and ms % size == 0 and ms:
            return counted(ms // size, kind + unit)
    return f"{ms} ms" if ms else "no time"


def counted(count: int, noun: str) -> str:
    """`1 day`, `2 days`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def times(count: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def ordinal(number: int) -> str:
    """`2nd`, `11th`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def quoted(text: str) -> str:
    """A name in quotation marks."""
    return f'"{text}"'


def reason_words(reason: str) -> str:
    """A reason in quotation marks, in words: `"bad timing"`."""
    return quoted(reason.replace("_", " "))


def joined(parts: list[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f" {last} ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)
