"""What the loops of all partitions of a process share."""

from collections.abc import Callable
from dataclasses import dataclass

from streams.agents.policy_switch import PolicyInForce
from streams.runtime.tracing import Tracing


@dataclass(frozen=True)
class Rules:
    """What is the same for all partitions of this process."""

    policy: PolicyInForce
    partitions: int
    is_live: bool  # the wall clock moves stream time (DESIGN: wall mode)
    grace_ms: int
    wall_ms: Callable[[], int]
    tracing: Tracing | None = None  # None: traces are off
