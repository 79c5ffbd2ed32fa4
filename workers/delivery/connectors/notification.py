"""What the kinds for people share: escalations in words, and many of them in one message.

The lane collects a batch for `batch_milliseconds`, at most `batch_size` escalations; the batch is one message. With
`every_minutes` an escalation waits in Kafka for the next multiple of so many minutes, but for at most half of the time
that sales has left. What does not fit into a message is counted in it ("and 7 more").

All escalations of a message have its outcome. A crash between the call and the record of its results repeats the
message, perhaps with others in it: a person may read an escalation twice, and never misses one.
"""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from schemas.events import LeadEscalated
from schemas.instants import LAST_MS
from schemas.topics import MAX_LEAD_ID
from streams.policy_file.field_types import TimeZone
from streams.runtime.documents import did_you_mean, violation
from workers.explaining.words import DAY, TimeWords, counted, joined, reason_words
from workers.outbound import InvalidDestination, UrlPolicy, destination_of

from ..attempts import Accepted, DeliveryRequest, Outcome, Rejected, Unverified
from ..events import ESCALATIONS, RECYCLES, DeliveredEvent, DeliveryAction
from ..target import Target

_MINUTE_MS = 60_000
_MAX_WORD = 100
_LINK_FIELDS = ("lead_id", "escalation_id", "owner_id")
_FIELD = re.compile(r"\{([^{}]*)\}")
_UNSAFE_IN_LINK = re.compile(r"[{}<>|\"'`\s]")
_UNPRINTABLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_FAR = 1 << 62


def _link_template(template: str) -> str:
    """Raise a violation unless it is a URL whose fields are known and stand after the host."""
    for name in _FIELD.findall(template):
        if name not in _LINK_FIELDS:
            raise violation(f"{{{name}}} is not a field of a link", did_you_mean(name, _LINK_FIELDS))
    filled, host = _FIELD.sub("x", template), template.partition("://")[2].partition("/")[0]
    if "{" in host or _UNSAFE_IN_LINK.search(filled):
        raise violation("a field in the host, or a character that a URL does not have", "write https://host/…{lead_id}")
    try:
        destination_of(filled, UrlPolicy(allow_http=True, ports=frozenset(range(1, 65_536))))
    except InvalidDestination as error:
        raise violation(error.problem, error.fix) from None
    return template


class NotificationTarget(Target):
    """A message to people. `link`: a URL with {lead_id}; lead_id without `strip_prefix` is the id in it."""

    DEFAULT_ACTIONS: ClassVar[tuple[DeliveryAction, ...]] = ESCALATIONS

    batch_milliseconds: Annotated[int, Field(ge=0, le=60_000)] = 10_000
    batch_size: Annotated[int, Field(ge=1, le=100)] = 20
    every_minutes: Annotated[int, Field(ge=1, le=240)] | None = None
    link: Annotated[str, Field(max_length=500), AfterValidator(_link_template)] | None = None
    strip_prefix: Annotated[str, Field(max_length=100)] = ""
    timezone: TimeZone = ZoneInfo("UTC")

    def unsendable(self, action: DeliveryAction) -> tuple[str, str] | None:
        """People act on escalations; a recycle is for a tool, which does what it says."""
        fix = f"leave {action} out here, and add an endpoint of another kind, such as webhook"
        return ("a message to people is for an escalation only", fix) if action in RECYCLES else None

    def held_until(self, event: DeliveredEvent, now: int) -> int:
        """The next multiple of `every_minutes`, unless until then more than half of sales' time to act would pass."""
        if self.every_minutes is None or not isinstance(event, LeadEscalated):
            return 0
        window = self.every_minutes * _MINUTE_MS
        end = (now // window + 1) * window
        return end if event.until is None or 2 * (end - now) <= event.until - now else 0


@dataclass(frozen=True, slots=True)
class NotificationItem:
    """One escalation in words: `lead` says what to do and links to `link` (empty: none), `text` is the rest."""

    lead: str
    text: str
    link: str


@dataclass(frozen=True, slots=True)
class Notification:
    """A message: the most urgent first. `message_ids` are those of all its deliveries, and do not depend on order."""

    title: str
    items: Sequence[NotificationItem]
    message_ids: Sequence[str]

    def without_last(self, hidden: int) -> "Notification":
        """The same message that lists all but so many."""
        return replace(self, items=self.items[: len(self.items) - hidden])

    @property
    def more(self) -> str:
        """What stands for those that are not listed; empty if there are none."""
        hidden = len(self.message_ids) - len(self.items)
        return f"… and {hidden} more" if hidden else ""


class NotificationConnector(ABC):
    """Sends a batch as one message. `limit`: the most that a message may have, in the unit of `_size`."""

    limit: ClassVar[int]

    def __init__(self, target: NotificationTarget, now: Callable[[], float]) -> None:
        self.batch_size = target.batch_size
        self._target = target
        self._now = now

    async def deliver(self, requests: Sequence[DeliveryRequest]) -> Sequence[Outcome]:
        wrong = Rejected(None, "a message to people is for an escalation only")
        outcomes: list[Outcome] = [wrong] * len(requests)
        listed = by_urgency(requests)
        if not listed:
            return outcomes
        notification = notification_of([requests[index] for index in listed], self._target, int(self._now() * 1000))
        fitted, hidden = self._fitted(notification)
        outcome = await self._send(fitted)
        for place, index in enumerate(listed):
            outcomes[index] = outcome if place < len(listed) - hidden else _counted_only(outcome)
        return outcomes

    async def close(self) -> None:  # noqa: B027  nothing to do is what all of them do
        """Holds no resources."""

    def _fitted(self, notification: Notification) -> tuple[Notification, int]:
        """Shorten it to the limit. Returns it, and how many of the least urgent are only counted."""
        for hidden in range(len(notification.items)):
            shorter = notification.without_last(hidden)
            if self._size(shorter) <= self.limit:
                return shorter, hidden
        return notification.without_last(len(notification.items)), len(notification.items)

    @abstractmethod
    def _size(self, notification: Notification) -> int:
        """Return the size of the message."""

    @abstractmethod
    async def _send(self, notification: Notification) -> Outcome:
        """Send one message."""


def by_urgency(requests: Sequence[DeliveryRequest]) -> list[int]:
    """The indexes of the escalations, in the order in which the time to act ends."""
    escalations = {n: one.event for n, one in enumerate(requests) if isinstance(one.event, LeadEscalated)}
    return sorted(escalations, key=lambda n: (escalations[n].until or _FAR, n))


def notification_of(requests: Sequence[DeliveryRequest], target: NotificationTarget, now: int) -> Notification:
    """Put escalations into words. `now` is epoch ms."""
    events = [one.event for one in requests if isinstance(one.event, LeadEscalated)]
    broken = sum(event.action == "ESCALATE" for event in events)
    parts = [counted(broken, "lead") + " to act on"] if broken else []
    parts += [f"{counted(len(events) - broken, 'promise')} at risk"] if broken < len(events) else []
    test = "Test message, nothing to do: " if any(one.is_test for one in requests) else ""
    items = [_item(event, target, now) for event in events]
    return Notification(f"{test}{joined(parts)}", items, [one.message_id for one in requests])


def _item(event: LeadEscalated, target: NotificationTarget, now: int) -> NotificationItem:
    times, lead = TimeWords(target.timezone, now), printable(event.lead_id, MAX_LEAD_ID)
    promise, owner = reason_words(printable(event.reason)), printable(event.owner_id) or "nobody"
    if event.lead_owner_id not in ("", event.owner_id):
        owner += f" (for {printable(event.lead_owner_id)})"
    since, until = _bounded(event.occurred_at), None if event.until is None else _bounded(event.until)
    if event.action == "AT_RISK":
        when = "soon" if until is None else f"on {times.on(until)}"
        title, what = f"Lead {lead} is at risk", f"{promise} breaks {when}"
    else:
        title, what = f"Act on lead {lead}", f"{promise} since {times.on(since)}"
        what += "" if until is None else f"; act until {times.after(until, since)}"
    work = f"Pass {event.pass_no}, {counted(event.touches, 'contact')}"
    return NotificationItem(title, f"{what}. Owner: {owner}. {work}.", _link(event, target))


def _bounded(at: int) -> int:
    return min(max(at, 0), LAST_MS - DAY)


def printable(text: str, most: int = _MAX_WORD) -> str:
    """One line without control and formatting characters, of at most so many characters."""
    kept = "".join(" " if unicodedata.category(one) in _UNPRINTABLE else one for one in text[: 10 * most])
    line = " ".join(kept.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _link(event: LeadEscalated, target: NotificationTarget) -> str:
    values = {"lead_id": event.lead_id.removeprefix(target.strip_prefix)}
    values |= {"escalation_id": event.escalation_id, "owner_id": event.owner_id}
    escaped = {name: quote(value, safe="", errors="replace") for name, value in values.items()}
    return _FIELD.sub(lambda field: escaped[field[1]], target.link or "")


def _counted_only(outcome: Outcome) -> Outcome:
    if isinstance(outcome, Accepted | Unverified):
        return replace(outcome, detail="counted and not listed: the message would be too long")
    return outcome
