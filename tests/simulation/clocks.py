"""The clocks of simulated hosts, in place of the module `time` in the streams process's modules."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streams.agents.lead_job

from .loop import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .loop import SimulatedLoop

PACKAGES = ("streams.engine", "streams.agents")
assert streams.agents.lead_job  # imported: below, all modules of these packages are known


class HostTime:
    """What the code under simulation uses of the module `time`; `wall` is the true time at which a run begins."""

    def __init__(self, loop: SimulatedLoop, wall: float) -> None:
        self._loop = loop
        self._wall = wall

    def monotonic(self) -> float:
        return self._loop.time()

    perf_counter = monotonic

    def time(self) -> float:
        host = HOST.get()
        return self._wall + self._loop.now + (0.0 if host is None else host.wall_offset)

    def time_ns(self) -> int:
        return int(self.time() * 1e9)


@contextmanager
def clocks_of(loop: SimulatedLoop, wall: float) -> Iterator[HostTime]:
    """Let all modules that read a clock read those of the host that runs them."""
    clock = HostTime(loop, wall)
    users = [
        module
        for name, module in sys.modules.items()
        if name.startswith(PACKAGES) and module.__dict__.get("time") is time
    ]
    for module in users:
        module.__dict__["time"] = clock
    try:
        yield clock
    finally:
        for module in users:
            module.__dict__["time"] = time
