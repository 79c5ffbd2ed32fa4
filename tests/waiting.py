"""How tests wait: for a condition, with a deadline that tells a slow machine from a stuck process.

A wait that succeeds takes no longer because its deadline is generous. A call states the seconds that an idle machine
needs at most; the deadline is `LOAD_FACTOR` times that, for a machine under load.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOAD_FACTOR = 10
TIMEOUT = 300.0
"""Seconds after which a process that should have ended by itself never will."""
STREAMS_GRACE, DELIVER_GRACE = 120.0, 60.0
"""Seconds between SIGTERM and SIGKILL: the chart's termination grace periods."""


def wait_for(condition: Callable[[], T], within: float, expected: str = "", every: float = 0.05) -> T:
    """Wait until the condition returns a true value, and return that.

    Args:
        condition: called until it returns a true value.
        within: seconds that an idle machine needs at most.
        expected: what is waited for; the message of the failure.
        every: seconds between two calls.

    Raises:
        AssertionError: not true within `LOAD_FACTOR` times `within`.
    """
    limit = within * LOAD_FACTOR
    end = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {limit} s: {expected or condition}"
        time.sleep(every)
    return value


def pause(seconds: float) -> None:
    """Sleep, where the passing of time is itself what is tested."""
    time.sleep(seconds)
