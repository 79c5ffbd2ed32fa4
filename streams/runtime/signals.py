"""Signals in the first moments of a process, before anything that handles them has started."""

from __future__ import annotations

import os
import signal


def exit_quietly_until_started() -> None:
    """SIGTERM and SIGINT exit 0 from now on, until a worker takes them over.

    Call it before the heavy imports: without it a process that is stopped while it starts reports a
    crash (-15), although it has not done anything yet.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(os.EX_OK))
