"""Daily budgets: how many attempts of an endpoint may begin on one calendar day, over all workers.

Redis counts them, by partition. The owner of a partition knows its count as well, from `delivery-results` and its own
attempts, and tells it with every request. Redis grants nothing on a day until the owner of every partition has reported
for it: so it does not matter what it remembers. While Redis is away a worker uses its share of what was left.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from math import floor
from typing import Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from .away import AWAY
from .calendar_days import CalendarDay, day_of, edges_around

REPORT_SECONDS = 2.0
"""How often a worker reports, even when it sends nothing: what is left is so old at the most when Redis goes away."""
CALLS_AT_ONCE = 8
"""The attempts of large batches begin together: more calls would wait for each other, and Redis would seem away."""
UNKNOWN_MS = 2_000
ALONE_MS = 600_000
LONGEST_HEAD_START_MS = 3_600_000
Verdict = Literal["taken", "spent", "unknown", "clock", "reported"]


@dataclass(frozen=True, slots=True)
class DailyAllowance:
    """At most `most` attempts of an endpoint begin on one calendar day of `zone`."""

    name: str
    most: int
    zone: ZoneInfo
    per_second: float

    @property
    def head_start_ms(self) -> int:
        """How much earlier than others those begin that have waited for a day already: the time to use it up."""
        return min(int(self.most / self.per_second * 1000), LONGEST_HEAD_START_MS)


class Taken(NamedTuple):
    """One attempt may begin; `day` is the start of the day that it counts for, epoch ms."""

    day: int


class Spent(NamedTuple):
    """No attempt may begin until then, epoch ms.

    `is_day_over`: because the budget of the day is used up. `is_known`: false if it is not known yet what is left.
    """

    until: int
    is_day_over: bool = False
    is_known: bool = True


class DayAnswer(NamedTuple):
    """What Redis says. `left`: attempts that may begin on the day."""

    verdict: Verdict
    left: int
    day: CalendarDay


class SharedDays(Protocol):
    """The counts in Redis."""

    def request(
        self,
        allowance: DailyAllowance,
        edges: tuple[int, int, int, int],
        counts: Mapping[int, int],
        day: int,
        *,
        takes: bool,
        is_urgent: bool,
    ) -> Awaitable[DayAnswer]:
        """Report `counts` of `day` by partition; `takes` one for the first of them. Raises one of AWAY."""
        ...


class DailyBudget:
    """Of one endpoint in one worker.

    `is_shared`: whether Redis counts at present. `counts` returns what began on a day (by its start) in each partition
    of this worker; `share` its part of all partitions; `now` epoch ms. `on_left` receives what is left of the day.
    """

    def __init__(
        self,
        allowance: DailyAllowance,
        shared: SharedDays,
        counts: Callable[[int], Mapping[int, int]],
        share: Callable[[], float],
        now: Callable[[], int],
        on_left: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.allowance = allowance
        self._shared = shared
        self._counts = counts
        self._share = share
        self._now = now
        self._on_left = on_left
        self.is_shared = True
        self._calls = asyncio.Semaphore(CALLS_AT_ONCE)
        self._closed_until = 0
        self._left: tuple[int, int] | None = None  # the start of a day, and what was left of it by the last answer
        self._taken_alone = 0

    async def take(self, partition: int, *, is_urgent: bool) -> Taken | Spent:
        """Begin an attempt of this partition; what `is_urgent` may always begin, and is counted."""
        async with self._calls:
            if not is_urgent and (closed := self.closed()):
                return closed
            if self.is_shared:
                try:
                    answer = await self._request(partition, takes=True, is_urgent=is_urgent)
                except AWAY:
                    self.is_shared = False
                else:
                    return self._granted(answer, is_urgent=is_urgent)
            return self._alone(is_urgent=is_urgent)

    def closed(self) -> Spent | None:
        """Whether the budget of the day is known to be used up."""
        return Spent(self._closed_until, is_day_over=True) if self._now() < self._closed_until else None

    async def report(self) -> None:
        """Tell Redis what began in the partitions of this worker, and use it again if it is back."""
        try:
            answer = await self._request(None, takes=False, is_urgent=False)
        except AWAY:
            self.is_shared = False
            return
        self.is_shared = True
        self._heed(answer)

    async def run(self) -> None:
        """Report, for ever."""
        while True:
            await self.report()
            await asyncio.sleep(REPORT_SECONDS)

    def _request(self, partition: int | None, *, takes: bool, is_urgent: bool) -> Awaitable[DayAnswer]:
        zone, now = self.allowance.zone, self._now()
        day = day_of(now, zone).start
        counts = self._counts(day)
        if partition is not None:
            counts = {partition: counts.get(partition, 0)}
        return self._shared.request(
            self.allowance, edges_around(now, zone), counts, day, takes=takes, is_urgent=is_urgent
        )

    def _granted(self, answer: DayAnswer, *, is_urgent: bool) -> Taken | Spent:
        if self.is_shared:
            self._heed(answer)
        elif answer.verdict == "taken":
            self._taken_alone += 1  # the answer is late: others have failed since, and what was left counts
        if answer.verdict == "taken":
            return Taken(answer.day.start)
        if is_urgent:  # the clocks differ by a day or more
            return Taken(day_of(self._now(), self.allowance.zone).start)
        if answer.verdict == "spent":
            self._closed_until = answer.day.end
            return Spent(answer.day.end, is_day_over=True)
        return Spent(self._now() + UNKNOWN_MS, is_known=False)

    def _heed(self, answer: DayAnswer) -> None:
        if answer.verdict not in ("clock", "unknown"):
            self._left, self._taken_alone = (answer.day.start, answer.left), 0
            self._on_left(answer.left)

    def _alone(self, *, is_urgent: bool) -> Taken | Spent:
        """By this worker's share of what was left when Redis was asked last."""
        day = day_of(self._now(), self.allowance.zone)
        began = sum(self._counts(day.start).values())
        if self._left is not None and self._left[0] != day.start:
            self._left, self._taken_alone = (day.start, self.allowance.most), 0
        if self._left is None:
            free = floor(self.allowance.most * self._share()) - began
        else:
            free = floor(self._left[1] * self._share()) - self._taken_alone
            free = min(free, self.allowance.most - began)  # also in partitions that came since
        if free <= 0 and not is_urgent:
            return Spent(min(day.end, self._now() + ALONE_MS))
        self._taken_alone += 1
        return Taken(day.start)
