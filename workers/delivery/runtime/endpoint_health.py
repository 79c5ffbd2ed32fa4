"""Notifies operators of how an endpoint does: one event for a state of the endpoint, not one for each delivery.

The workers count together in Redis. While Redis does not answer, each keeps its counts and reports them afterwards;
events are late then. Events are published at least once, and an event that is published again has the same id.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from schemas.instants import short_span
from streams.runtime.logs import event as log_event

from ..attempts import Outcome
from ..core.health import FailureLimit, Tally, works
from ..core.outcomes import Resolution
from ..endpoint_events import EndpointEvent
from ..limits.away import AWAY
from ..limits.failures import NotifiedFailures, SharedFailures
from .endpoint_log import cause_of

REPORT_SECONDS = 1.0
_UNTIL_ASKED = 5
"""Reports after which a worker asks again how an endpoint does that fails elsewhere."""
_LOG = logging.getLogger("leadloop.deliver")


class SharedCounts(Protocol):
    """The counts of all workers."""

    def report(
        self, endpoint: str, seen: Tally, notified: NotifiedFailures, *, now: int, resumed_at: int
    ) -> Awaitable[SharedFailures]:
        """See `FailureCounts.report`. Raises one of AWAY."""
        ...


@dataclass(eq=False)
class EndpointHealth:
    """Of one endpoint in this worker.

    `publish` sends an event to Kafka. `disable` disables the endpoint for all workers, given why and when. `ratio`
    receives the failures in a row as a share of those that count as dead. `resumed_at` returns when an operator resumed
    it, 0 if never. `now`: epoch ms.
    """

    endpoint: str
    limit: FailureLimit
    counts: SharedCounts
    publish: Callable[[EndpointEvent], Awaitable[None]]
    disable: Callable[[str, int], Awaitable[None]]
    ratio: Callable[[float], object]
    resumed_at: Callable[[], int]
    now: Callable[[], int]
    _seen: Tally = field(default_factory=Tally)
    _notified: NotifiedFailures = field(default_factory=NotifiedFailures)
    _failures: int = 0
    _idle: int = 0
    _status: int | None = None
    _cause: str = ""

    def settled(self, resolution: Resolution, outcome: Outcome | None = None, *, is_manual: bool = False) -> None:
        """A delivery has come to a result, by an attempt with this outcome or without one."""
        if resolution.is_dead:
            self._seen.given_up += 1
            self._status, self._cause = resolution.result.status, resolution.result.detail
        worked = None if outcome is None else works(outcome)
        if worked:
            self._seen.worked()
        elif worked is False and not is_manual and outcome is not None:
            self._heed_resume()
            self._seen.failed(self.now())
            self._status, self._cause = outcome.status, outcome.detail

    async def run(self) -> None:
        """Report, for ever."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            await self.report()

    async def report(self) -> None:
        """Report what has happened, and notify operators of what they do not know yet."""
        self._idle += 1
        has_notified = self._notified != NotifiedFailures()
        if not self._seen.has_news and not has_notified and not (self._failures and self._idle >= _UNTIL_ASKED):
            return
        await self._exchange()
        if self._notified != NotifiedFailures():
            await self._exchange()  # at once: until it is known, the other workers notify of the same

    async def _exchange(self) -> None:
        self._idle = 0
        resumed_at = self._heed_resume()
        seen, notified = self._seen.taken(), self._notified
        try:
            shared = await self.counts.report(self.endpoint, seen, notified, now=self.now(), resumed_at=resumed_at)
        except AWAY:
            self._seen.give_back(seen)
            self._stands(self._seen.streak)
            return
        self._notified = NotifiedFailures()
        self._stands(shared.failures)
        await self._notify(shared)

    def _heed_resume(self) -> int:
        """Forget what failed before an operator resumed the endpoint, and return when that was."""
        resumed_at = self.resumed_at()
        if self._seen.since and self._seen.since < resumed_at:
            self._seen.forget()
        return resumed_at

    def _stands(self, failures: int) -> None:
        self._failures = failures
        self.ratio(failures / self.limit.in_a_row)

    async def _notify(self, shared: SharedFailures) -> None:
        since, level = 0, 0
        if shared.over:
            await self._recovered(shared)
        if self.limit.level(shared.failures) > shared.notified:
            since, level = shared.since, self.limit.level(shared.failures)
            await self._failing(shared, level)
        if shared.given_up:
            await self._exhausted(shared)
        if level or shared.given_up:
            given_up = (shared.given_up_since, shared.given_up) if shared.given_up else (0, 0)
            self._notified = NotifiedFailures(since, level, *given_up)

    async def _recovered(self, shared: SharedFailures) -> None:
        at, since = self.now(), shared.over_since
        await self.publish(
            EndpointEvent(
                event_id=f"{self.endpoint}-recovered-{since}",
                event="recovered",
                endpoint=self.endpoint,
                at=at,
                failures=shared.over,
                since=since,
            )
        )
        about = {"endpoint": self.endpoint, "after": short_span(at - since), "failures": shared.over}
        log_event(_LOG, logging.INFO, "the endpoint works again", **about)

    async def _failing(self, shared: SharedFailures, level: int) -> None:
        at, count, cause = self.now(), shared.failures, cause_of(self._status, self._cause)
        if level == 100 and self.limit.disables:  # noqa: PLR2004  percent
            await self.disable(f"{count} failures in a row: {cause['cause']}"[:200], at)
        await self.publish(
            EndpointEvent(
                event_id=f"{self.endpoint}-failing-{shared.since}-{level}",
                event="failing",
                endpoint=self.endpoint,
                at=at,
                failures=count,
                limit=self.limit.in_a_row,
                percent=level,
                since=shared.since,
                status=self._status,
                cause=str(cause["cause"]),
            )
        )
        about = {"endpoint": self.endpoint, "percent": level, "failures": count, "limit": self.limit.in_a_row}
        since = short_span(at - shared.since)
        log_event(_LOG, logging.WARNING, "the endpoint keeps failing", **about, since=since, **cause)

    async def _exhausted(self, shared: SharedFailures) -> None:
        at, cause = self.now(), cause_of(self._status, self._cause)
        await self.publish(
            EndpointEvent(
                event_id=f"{self.endpoint}-exhausted-{shared.given_up_since}",
                event="exhausted",
                endpoint=self.endpoint,
                at=at,
                since=shared.given_up_since,
                given_up=shared.given_up,
                status=self._status,
                cause=str(cause["cause"]),
            )
        )
        about = {"endpoint": self.endpoint, "given_up": shared.given_up}
        log_event(_LOG, logging.ERROR, "deliveries are given up: their attempts are used up", **about, **cause)
