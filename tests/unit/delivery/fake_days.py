"""The counts of days in Redis, with answers that a test sets."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from redis.exceptions import ConnectionError as RedisAway

from tests.unit.delivery.builders import NOW
from workers.delivery.limits.calendar_days import CalendarDay, day_of
from workers.delivery.limits.daily import DailyAllowance, DayAnswer, Verdict

UTC = ZoneInfo("UTC")
TODAY = day_of(NOW, UTC)
DAY = 86_400_000


@dataclass
class FakeDays:
    """Answers `verdict` with `left`, is away, hangs, or `is_slow`: answers by `answer_late`. Remembers the requests."""

    verdict: Verdict = "taken"
    left: int = 9
    day: CalendarDay = TODAY
    is_away: bool = False
    hangs: bool = False
    is_slow: bool = False
    requests: list[tuple[Mapping[int, int], bool, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._late = asyncio.Event()

    def answer_late(self) -> None:
        """Answer what was requested while it was slow."""
        self._late.set()

    async def request(
        self, allowance: DailyAllowance, edges: object, counts: Mapping[int, int], day: int, **how: bool
    ) -> DayAnswer:
        del allowance, edges, day
        self.requests.append((counts, how["takes"], how["is_urgent"]))
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_slow:
            await self._late.wait()
        elif self.is_away:
            raise RedisAway("away")
        return DayAnswer(self.verdict if how["takes"] else "reported", self.left, self.day)
