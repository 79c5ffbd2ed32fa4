"""How things are written on the page: instants, numbers, shares, reasons, and links to the leads behind a number."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from htpy import Element, Fragment, Node, a, b, bdi, fragment, span, time

from schemas.events import Stage
from workers.report.api_models import DecisionFilter, rfc3339

NONE_WORD = "(none)"
"""Stands for an empty value in an address, where nothing would mean any value."""
PROMISE_WORDS = {
    "never_assigned": "an owner",
    "never_contacted": "first contact",
    "no_follow_up": "follow-up",
    "no_progress": "an answer or a meeting",
    "no_next_step": "an agreed next step",
    "attempts_exhausted": "a result of the attempts",
    "held": "the next evaluation",
}
_REASONS = {"no_follow_up": "no follow-up", "no_next_step": "no next step", "": "never went cold"}


class Clock:
    """Writes instants in the team's time zone, relative to `now`; the script writes them in the reader's."""

    def __init__(self, zone: ZoneInfo, now: datetime) -> None:
        self.zone = zone
        self.now = now

    def when(self, at: datetime | None, form: str = "full", unknown: str = "–") -> Node:
        """`today, 16:42`; `form` date: without the time of the day."""
        if at is None:
            return span(".none")[unknown]
        day = self._day(at)
        words = day if form == "date" else f"{day}, {at.astimezone(self.zone):%H:%M}"
        return time(datetime=rfc3339(at), data_as=form)[words]

    def _day(self, at: datetime) -> str:
        here, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        near = {0: "today", 1: "tomorrow", -1: "yesterday"}.get((here.date() - today.date()).days)
        year = "" if here.year == today.year else f" {here.year}"
        return near or f"{here:%a} {here.day} {here:%b}{year}"

    def age(self, at: datetime) -> int:
        """Seconds since then, at least 0."""
        return max(0, int((self.now - at.astimezone(UTC)).total_seconds()))


def number(value: int) -> str:
    return f"{value:,}"


def share(part: int, whole: int) -> str:
    """`22%`; a dash if there is nothing to divide by."""
    return f"{100 * part / whole:.0f}%" if whole else "–"


def plural(count: int, one: str, many: str = "") -> str:
    return one if count == 1 else many or f"{one}s"


def reason_name(reason: str) -> str:
    """`never contacted`."""
    return _REASONS.get(reason) or reason.replace("_", " ")


def value_name(value: str) -> Node:
    """A value that came from elsewhere; what is empty has a word."""
    return bdi[value] if value else span(".none")["not known"]


def address(path: str, **filters: object) -> str:
    """An address with these filters; None is left out, and an empty text is written as a word."""
    given = {name.rstrip("_"): NONE_WORD if value == "" else value for name, value in filters.items()}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return f"{path}?{query}" if query else path


def of_leads(count: int, **filters: object) -> Node:
    """A number that opens the leads behind it."""
    return of(count, "/leads", **filters)


def of(count: int, path: str, **filters: object) -> Node:
    """A number that opens what it counts; nothing is no link."""
    if not count:
        return span(".none")["–"]
    return a(".c", href=address(path, **filters))[number(count)]


def amount_in_sentence(count: int, path: str = "/leads", **filters: object) -> Node:
    """The same within a sentence, where nothing is `no`."""
    return of(count, path, **filters) if count else b["no"]


def lead_link(lead_id: str) -> Element:
    return a(".id", href=address("/lead", id=lead_id))[bdi[lead_id]]


def joined(parts: Sequence[Node], last: str = " and ") -> Fragment:
    """`a, b and c`."""
    between: list[Node] = []
    for place, part in enumerate(parts):
        if place:
            between.append(last if place == len(parts) - 1 else ", ")
        between.append(part)
    return fragment[between]


def instant_text(at: datetime) -> str:
    """An instant as an address has it."""
    return rfc3339(at)


EPOCH = instant_text(datetime.fromtimestamp(0, UTC))
"""Before all instants: from then on means at any time."""
STAGE_NAMES: Mapping[Stage, str] = {
    "new": "New: sales has not contacted it",
    "working": "Working: sales has contacted it",
    "stalled": "Stalled: it went cold",
    "nurture": "Nurture: handed back to marketing",
    "won": "Won",
    "lost": "Lost",
    "unknown": "Not created yet: only other events are known",
}
DECISION_NAMES: Mapping[DecisionFilter, str] = {
    "ESCALATE": "Promise broken; sales can still answer",
    "HOLD": "On hold until a date",
    "SUPPRESS": "Behind a gate: customer, no consent, do not contact, or no date",
    "RECYCLE": "Handed back to marketing",
    "HOLDOUT": "Left alone, to compare",
    "RETIRE": "Not handed back any more",
}
