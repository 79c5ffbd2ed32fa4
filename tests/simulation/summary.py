"""What many runs were like, together: faults and events that must have happened, time, and failures."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .world import Result

SOMETIMES = (
    "batch of an ended process",
    "batch of an older epoch refused",
    "broker node down",
    "changelog compacted",
    "clock set ahead",
    "clock set back",
    "commit refused",
    "connection reset",
    "crash",
    "crash at commit",
    "crash at produce",
    "delivery timed out",
    "fact published late",
    "fact published twice",
    "graceful stop",
    "local state lost",
    "network partition",
    "partition kept over a rebalance",
    "partitions revoked",
    "pause",
    "pause beyond a session",
    "producer id changed",
    "reader connected to a former leader",
    "produce request held in its socket",
    "produce request repeated",
    "repeated batch recognised",
    "replaced while it goes on",
    "request lost",
    "request timed out",
    "response lost",
    "session expired",
    "slow request",
    "starved",
    "static member replaced",
    "suspended with its clock",
    "suspended with its clock beyond a session",
)
"""What has to happen in some of 200 runs: a simulation without it proves less than it claims."""


@dataclass
class Summary:
    """Of the runs so far."""

    runs: int = 0
    steps: int = 0
    simulated: float = 0.0
    happened: Counter[str] = field(default_factory=Counter)
    runs_with: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def add(self, result: Result) -> None:
        self.runs += 1
        self.steps += result.steps
        self.simulated += result.seconds
        self.happened.update(result.happened)
        self.runs_with.update(result.happened.keys())
        if result.violation is not None:
            self.failed.append(result.seed)

    def missing(self) -> list[str]:
        """What never happened, but has to."""
        return [name for name in SOMETIMES if not self.happened[name]]

    def progress(self, of: int) -> str:
        rate = self.runs / (time.monotonic() - self.began)
        hours = self.simulated / 3600
        return f"{self.runs} of {of} seeds, {rate:.1f}/s, {hours:.1f} h simulated, {len(self.failed)} failed"

    def __str__(self) -> str:
        lines = [
            f"  {count:8} in {self.runs_with[name]:6} runs: {name}" for name, count in sorted(self.happened.items())
        ]
        lines += [f"  never: {name}" for name in self.missing()]
        rate = self.runs / (time.monotonic() - self.began)
        hours = self.simulated / 3600
        lines.append(f"{self.runs} seeds, {rate:.1f}/s, {hours:.1f} h simulated, {self.steps} steps")
        return "\n".join([*lines, f"failed: {self.failed or 'none'}"])
