"""`leadloop deliver` with a schedule of retries of minutes in place of days, so that a soak run can be drained."""

import sys

from workers.delivery.core.schedule import Schedule

DELAYS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, *[30.0] * 30)
"""Seconds before each attempt. A delivery that always fails is dead after about 15 minutes."""
BACK_OFF_MS = (2_000, 20_000)
"""The shortest and the longest wait for an endpoint that is not available, or throttles."""


def shorten() -> None:
    """Replace the default schedule, which every worker of this process uses."""
    crowded = Schedule().crowded
    Schedule.__init__.__defaults__ = (DELAYS, BACK_OFF_MS, BACK_OFF_MS, crowded)


if __name__ == "__main__":
    shorten()
    sys.argv[1:] = ["deliver"]
    from workers.__main__ import main

    main()
