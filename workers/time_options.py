"""Instants, spans and time zones as they are written on a command line."""

import re
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.errors import UserError

_AGO = re.compile(r"(\d{1,6})\s*(m|h|d)")
_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def instant(text: str, option: str) -> int:
    """Parse an ISO 8601 text, or an age such as 30m, 6h, 2d, to epoch ms.

    Args:
        text: What was written; without an offset it is UTC.
        option: The option it was given for, for the message.

    Raises:
        UserError: it is neither.
    """
    if ago := _AGO.fullmatch(text.strip()):
        return int(time.time() * 1000) - int(ago[1]) * _MS[ago[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} {text} is not a time: write 2026-03-16T09:30:00Z, or an age: 30m, 6h, 2d") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def span_seconds(text: str, option: str) -> float:
    """Parse a span such as 30m, 6h, 2d to seconds.

    Args:
        text: What was written.
        option: The option it was given for, for the message.

    Raises:
        UserError: it is none, or shorter than a minute.
    """
    span = _AGO.fullmatch(text.strip())
    if span is None or not int(span[1]):
        raise UserError(f"{option} {text} is not a span: write 30m, 6h, 2d")
    return int(span[1]) * _MS[span[2]] / 1000


def time_zone(text: str, option: str) -> ZoneInfo:
    """Return the time zone of a name such as Europe/Berlin.

    Raises:
        UserError: there is none of this name.
    """
    from workers.explaining.words import zone_named  # noqa: PLC0415  # each command loads what it needs

    zone = zone_named(text)
    if zone is None:
        raise UserError(f"{option} {text} is no time zone: write for example Europe/Berlin")
    return zone
