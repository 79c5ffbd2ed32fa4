"""What a run is asked for."""

from __future__ import annotations

from dataclasses import dataclass


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
    """

    minutes: float = 12.0
    events: int = 20_000
    seed: int = 1
    rounds: int = 3
    is_small: bool = False
    only: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return self.minutes * 60
