"""A circuit breaker per endpoint: what fails again and again is left alone for a while, then probed.

    closed → open       of the attempts of the last 5 minutes, at least 10, 70 % failed
    open → half open    after 30 s; a few probes may go
    half open → closed  after 5 successes, else → open at the first failure

Pure: instants are arguments, in seconds of any clock that does not go back.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum


class Circuit(IntEnum):
    """The values are those of the gauge."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class BreakerRule:
    window: float = 300.0
    at_least: int = 10
    share: float = 0.7
    open_for: float = 30.0
    probes: int = 2
    successes: int = 5


@dataclass(slots=True)
class Breaker:
    """Counts the attempts that say whether the endpoint works; a throttled one says nothing."""

    rule: BreakerRule = field(default_factory=BreakerRule)
    opened_at: float | None = None
    _slots: deque[list[float]] = field(default_factory=deque)  # [begin, tries, failures] per part of the window
    _probing: int = 0
    _successes: int = 0

    def state(self, now: float) -> Circuit:
        if self.opened_at is None:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if now - self.opened_at >= self.rule.open_for else Circuit.OPEN

    def capacity(self, now: float) -> int | None:
        """How many attempts may begin now; None: as many as one likes."""
        match self.state(now):
            case Circuit.CLOSED:
                return None
            case Circuit.OPEN:
                return 0
            case Circuit.HALF_OPEN:
                return max(0, self.rule.probes - self._probing)

    def wait(self, now: float) -> float:
        """Seconds until the next probes may go; 0 where one may go at once."""
        if self.opened_at is None:
            return 0.0
        return max(0.0, self.opened_at + self.rule.open_for - now)

    def begun(self, now: float) -> None:
        """An attempt begins."""
        if self.state(now) is Circuit.HALF_OPEN:
            self._probing += 1

    def ended(self, now: float, is_success: bool | None) -> None:
        """An attempt ended; None: in a way that says nothing about the endpoint."""
        if self.opened_at is not None:
            self._probing = max(0, self._probing - 1)
            if self.state(now) is Circuit.HALF_OPEN and is_success is not None:
                self._probed(now, is_success)
        elif is_success is not None:
            self._count(now, is_success)

    def _probed(self, now: float, is_success: bool) -> None:
        if not is_success:
            self._open(now)
            return
        self._successes += 1
        if self._successes >= self.rule.successes:
            self.opened_at = None
            self._slots.clear()

    def _count(self, now: float, is_success: bool) -> None:
        part = self.rule.window / 10
        while self._slots and self._slots[0][0] <= now - self.rule.window:
            self._slots.popleft()
        if not self._slots or now - self._slots[-1][0] >= part:
            self._slots.append([now, 0, 0])
        self._slots[-1][1] += 1
        self._slots[-1][2] += not is_success
        tries, failures = (sum(slot[at] for slot in self._slots) for at in (1, 2))
        if tries >= self.rule.at_least and failures >= self.rule.share * tries:
            self._open(now)

    def _open(self, now: float) -> None:
        self.opened_at = now
        self._successes = 0
        self._probing = 0
        self._slots.clear()
