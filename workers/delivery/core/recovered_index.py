"""The delivery index of a partition that is taken over, as it is read: results first, then what waits. Pure."""

from collections import Counter
from dataclasses import dataclass, field, replace

from schemas.events import DeliveryResult

from ..events import DeliveredEvent
from .daily_counts import DailyCounts
from .delivery_index import DeliveryIndex
from .model import RetryState

CLOCK_SKEW_MS = 60_000
"""The clock of a crashed predecessor may have been ahead: what is due so soon may have been begun by it."""


@dataclass(slots=True)
class RecoveredIndex:
    """What a partition knows, how many deliveries wait there by endpoint, and how many attempts began today.

    `unsure_below`: by waiting topic, the offset below which a crashed predecessor may have begun attempts.
    """

    index: DeliveryIndex = field(default_factory=DeliveryIndex)
    waiting: Counter[str] = field(default_factory=Counter)
    unsure_below: dict[str, int] = field(default_factory=dict)
    begun: DailyCounts = field(default_factory=lambda: DailyCounts({}))

    def reads_result(self, result: DeliveryResult, replay: str, now: int) -> None:
        """A result; `replay` names the replay that it belongs to, if any. `now` is epoch ms."""
        self.index.result(result, replay)
        self.begun.read(result, now)

    def reads_wait(
        self, event: DeliveredEvent, retry: RetryState, place: tuple[str, int], now: int, *, is_sure: bool
    ) -> None:
        """A delivery that waits at `place`, a topic and an offset. `is_sure`: see `Takeover`."""
        self.waiting[retry.endpoint] += 1
        if self.index.is_finished(event, retry):
            self.index.waits_finished(event, retry)
            return
        topic, offset = place
        if not is_sure and retry.due_at <= now + CLOCK_SKEW_MS:
            self.unsure_below[topic] = offset + 1
        is_unsure = not is_sure and retry.due_at <= now
        self.index.comes(event, replace(retry, may_have_arrived=retry.may_have_arrived or is_unsure))
