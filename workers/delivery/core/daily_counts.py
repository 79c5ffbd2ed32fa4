"""How many attempts began in one partition on a calendar day, for endpoints with a daily budget.

Counted as they begin, and read back from `delivery-results` by who takes the partition over: what a crash cut off is
missing, and what ended without an attempt as `dead` is counted.
"""

from collections import Counter
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from schemas.events import DeliveryOutcome, DeliveryResult

from ..limits.calendar_days import day_of

_ATTEMPTED: frozenset[DeliveryOutcome] = frozenset(("accepted", "unverified", "refused", "retry", "dead"))
_OLDEST_MS = 2 * 86_400_000


class DailyCounts:
    """`zones`: the time zone of each endpoint that has a daily budget; others are not counted."""

    def __init__(self, zones: Mapping[str, ZoneInfo]) -> None:
        self._zones = zones
        self._days: dict[str, Counter[int]] = {endpoint: Counter() for endpoint in zones}

    def began(self, endpoint: str, day: int) -> None:
        """An attempt begins that counts for the day with this start, epoch ms."""
        counts = self._days[endpoint]
        counts[day] += 1
        for old in [one for one in counts if one < day - _OLDEST_MS]:
            del counts[old]

    def read(self, result: DeliveryResult, now: int) -> None:
        """Count what a result says of an attempt, if it ended today or yesterday. `now` is epoch ms."""
        zone = self._zones.get(result.endpoint)
        if zone is None or result.occurred_at < now - _OLDEST_MS:
            return
        if result.outcome in _ATTEMPTED or (result.outcome == "no_op" and result.status is not None):
            self.began(result.endpoint, day_of(result.occurred_at, zone).start)

    def of(self, endpoint: str, day: int) -> int:
        """Return how many began on the day with this start."""
        return self._days[endpoint][day]
