"""What waits does so in Kafka, in topics whose records are looked at a fixed time after they were written.

Since all records of such a topic wait equally long, each is first in, first out. A delivery goes into the longest wait
that is not too long for it, and from there into the next, until it is due: never early, late by at most the shortest.
What expires before it is due is looked at when it expires.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.topics import WAITS

from ..events import DeliveredEvent, sent_until


@dataclass(frozen=True, slots=True)
class WaitTopics:
    """The waiting topics, without prefix, by how long they wait (ms)."""

    waits: tuple[tuple[str, int], ...] = tuple((f"delivery-wait-{name}", ms) for name, ms in WAITS.items())

    @property
    def delays(self) -> Mapping[str, int]:
        return dict(self.waits)

    def of_event(self, event: DeliveredEvent, due_at: int, now: int) -> str:
        """Where an event waits until it is due, or until it expires, if that is sooner. Epoch ms."""
        until = sent_until(event)
        return self.of((due_at if until is None else min(due_at, until)) - now)

    def of(self, left_ms: int) -> str:
        """Where to wait when so much is left."""
        fitting = [name for name, ms in self.waits if ms <= left_ms]
        return fitting[-1] if fitting else self.waits[0][0]
