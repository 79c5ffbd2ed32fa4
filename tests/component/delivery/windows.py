"""Whether a limit was kept in every time window, by the times of requests and responses."""

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from workers.delivery.limits.limiter import Allowance


class Granted(NamedTuple):
    """Deliveries that a worker was allowed to start, at some time from `requested_at` to `granted_at`."""

    requested_at: float
    granted_at: float
    deliveries: int


def most_over(granted: Sequence[Granted], limits: Allowance) -> float:
    """By how much the worst window exceeds the limit, as a share of what is allowed in it.

    A window counts only what certainly lies in it, so that a delayed process changes nothing.
    """
    worst = 0.0
    for start in {one.requested_at for one in granted}:
        inside, started = sorted((one for one in granted if one.requested_at >= start), key=attrgetter("granted_at")), 0
        for one in inside:
            started += one.deliveries
            worst = max(worst, started / (limits.burst + limits.per_second * (one.granted_at - start)) - 1)
    return worst
