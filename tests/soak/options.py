"""What a run is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Options:
    """One run.

    Attributes:
        minutes: How long events are posted and faults happen; start and drain come on top.
        events: How many events are posted.
        seed: Decides the events, and which fault happens when to what.
        rounds: How often each fault of the plan happens at least.
        is_small: One deliver worker, and no report.
        only: The faults of the plan; empty: all.
        former: A tree of another version, which each process begins with, and changes to and from at each restart.
    """

    minutes: float = 12.0
    events: int = 20_000
    seed: int = 1
    rounds: int = 3
    is_small: bool = False
    only: tuple[str, ...] = ()
    former: Path | None = None

    @property
    def trees(self) -> tuple[Path | None, ...]:
        """The trees that a process runs in turn; None is this one."""
        return (None,) if self.former is None else (self.former, None)

    @property
    def seconds(self) -> float:
        return self.minutes * 60
