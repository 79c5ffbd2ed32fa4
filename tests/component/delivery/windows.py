"""Whether a limit was kept in every window, by what was asked and answered when."""

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from workers.delivery.limits.limiter import Allowance


class Granted(NamedTuple):
    """Deliveries that a worker was allowed to begin at some moment from `asked` to `answered`."""

    asked: float
    answered: float
    deliveries: int


def most_over(granted: Sequence[Granted], limits: Allowance) -> float:
    """By how much the worst window is over the limit, as a share of what it may have.

    Only what certainly lies in a window counts for it: a machine that is held up distorts nothing.
    """
    worst = 0.0
    for start in {one.asked for one in granted}:
        inside, begun = sorted((one for one in granted if one.asked >= start), key=attrgetter("answered")), 0
        for one in inside:
            begun += one.deliveries
            worst = max(worst, begun / (limits.burst + limits.per_second * (one.answered - start)) - 1)
    return worst
