"""How many deliveries of a partition are open, and how long they have been due: counted as they open and finish.

Hundreds of thousands may wait, for weeks, or for an endpoint that is away for days. They are counted by instants, not
one by one, and what is ahead or old is not visited again each time the ages are reported.
"""

from bisect import bisect_left
from collections import Counter
from heapq import heappop, heappush

from ..events import DeliveredEvent, sent_from
from .model import RetryState

AGES = ("under_15s", "under_1m", "under_5m", "under_1h", "over_1h")
_UP_TO_MS = (15_000, 60_000, 300_000, 3_600_000)
"""Of all ages but the last. Five minutes still are in time, as in a bucket of `metrics.TO_ACCEPTANCE`."""
_UNIT_MS, _FAR_UNIT_MS = 5_000, 60_000
_FAR_MS = 3_600_000

Instant = tuple[int, str]
"""Since when (epoch ms), and the endpoint."""


def sendable_since(event: DeliveredEvent, retry: RetryState) -> int:
    """When a delivery might be sent first, epoch ms; 0 where that is not known. `held_until` moves it."""
    return max(retry.published_at, sent_from(event), retry.held_until)


def due_since(event: DeliveredEvent, retry: RetryState) -> int:
    """As `sendable_since`.

    Rounded up, so that none looks older than it is: to 5 s, and to a minute where it is due an hour ahead or more.
    """
    due = sendable_since(event, retry)
    unit = _UNIT_MS if due - retry.published_at < _FAR_MS else _FAR_UNIT_MS
    return -(-due // unit) * unit


class UnsettledCounter:
    """Where an instant is counted follows from two marks that only rise: up to one it is old, up to the other due."""

    def __init__(self) -> None:
        self._old_until = self._due_until = 0
        self._old: Counter[str] = Counter()
        self._due: dict[Instant, int] = {}
        self._ahead: dict[Instant, int] = {}
        self._next: list[Instant] = []  # a heap of what is ahead, and of some that are so no more

    def add(self, endpoint: str, since: int, deliveries: int = 1) -> None:
        """Count deliveries in, or out again with a negative number and the same `since`; 0 is not counted."""
        if not since:
            return
        if since <= self._old_until:
            self._old[endpoint] += deliveries
            return
        instant = since, endpoint
        place = self._due if since <= self._due_until else self._ahead
        if place is self._ahead and instant not in place:
            heappush(self._next, instant)
        place[instant] = place.get(instant, 0) + deliveries
        if not place[instant]:
            del place[instant]

    def by_age(self, now: int) -> Counter[tuple[str, str]]:
        """How many deliveries by endpoint and age; what is not due at `now` (epoch ms) is left out."""
        self._move(now)
        found: Counter[tuple[str, str]] = Counter()
        for endpoint, deliveries in self._old.items():
            found[endpoint, AGES[-1]] += deliveries
        for (since, endpoint), deliveries in self._due.items():
            if since <= now:
                found[endpoint, AGES[bisect_left(_UP_TO_MS, now - since)]] += deliveries
        return found

    def _move(self, now: int) -> None:
        self._due_until = max(self._due_until, now)
        while self._next and self._next[0][0] <= self._due_until:
            instant = heappop(self._next)
            if deliveries := self._ahead.pop(instant, 0):
                self._due[instant] = deliveries
        self._old_until = max(self._old_until, now - _UP_TO_MS[-1] - 1)
        for instant in [one for one in self._due if one[0] <= self._old_until]:
            self._old[instant[1]] += self._due.pop(instant)
