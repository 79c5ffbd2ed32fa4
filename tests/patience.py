"""How tests wait: until what they wait for is there, and long enough to tell a slow machine from a stuck process.

A wait that succeeds takes no longer for being patient. What is said at a call is what a quiet machine needs at most; a
shared one under load gets `SLOWER` times that.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SLOWER = 10
STUCK = 300.0
"""Seconds after which a process that should have ended by itself never will."""
STREAMS_GRACE, DELIVER_GRACE = 120.0, 60.0
"""Seconds after which who was told to end is killed: as the chart's values say."""


def wait_for(condition: Callable[[], T], within: float, what: str = "", every: float = 0.05) -> T:
    """The first true value of the condition. Fails with `what` when there is none in time."""
    limit = within * SLOWER
    end = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {limit} s: {what or condition}"
        time.sleep(every)
    return value


def pause(seconds: float) -> None:
    """Where the passing of time is itself what is tested."""
    time.sleep(seconds)
