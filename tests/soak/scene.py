"""What a fault works on, and how it waits.

A fault returns only when it has really happened to something that was at work, and is over. It raises NotNow while its
target is not alive or not busy; it is tried again then. What is counted, happened.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from tests.soak.services import NotNow, Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.soak.system import SoakSystem

READY_SECONDS = 90.0
_LOCKS: dict[str, threading.Lock] = {}


class Scene(NamedTuple):
    """The system, and the dice of one fault."""

    system: SoakSystem
    dice: Random

    def one(self, group: str) -> Service:
        """One of the processes of a group."""
        return self.dice.choice(self.system.of(group))


class Fault(NamedTuple):
    """What happens to what: `apply` does it."""

    kind: str
    target: str
    apply: Callable[[Scene], None]


def lock_of(name: str) -> threading.Lock:
    """Faults of one thing happen one after the other."""
    return _LOCKS.setdefault(name, threading.Lock())


def wait_until(condition: Callable[[], object], within: float, expected: str) -> None:
    """Raises NotNow if it does not come about in time."""
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() > until:
            raise NotNow(f"not within {within:.0f} s: {expected}")
        time.sleep(0.05)
