"""Which leads would fall due at once if a policy took the place of another."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from schemas.codec import Codec
from schemas.events import LeadSnapshot
from streams.domain.deadlines import HELD
from streams.domain.lead_fold import LeadFold
from streams.domain.lead_history import LeadHistory
from streams.domain.policy import Policy
from workers.read_model.lead_document import LeadDocument
from workers.read_model.rebuilt_lead import rebuilt_lead
from workers.report.queries import ReadModel


class DueGroup(NamedTuple):
    """Leads that fall due for the same reason, whose stall is of the week that begins on `monday` (UTC)."""

    monday: date
    reason: str


@dataclass(slots=True)
class Impact:
    """How many leads fall due at once, of how many. `partial`: leads of which not all events are known."""

    leads: int = 0
    partial: int = 0
    due: Counter[DueGroup] = field(default_factory=Counter)


class ImpactCount:
    """Counts the leads that are due at once under `after`, and not under `before`.

    A lead is due at once if a promise about it is broken already, or if its stall waits for a date that is over.
    """

    def __init__(self, before: Policy, after: Policy, codec: Codec) -> None:
        self._before = before
        self._policies = _without_warnings(before), _without_warnings(after)
        self._codec = codec
        self.impact = Impact()

    def add(self, document: LeadDocument, snapshot: LeadSnapshot, now: int) -> None:
        """Count one lead. `now` in epoch ms."""
        history, is_whole = rebuilt_lead(document, snapshot, self._codec, self._before)
        self.impact.leads += 1
        self.impact.partial += not is_whole
        before, after = (_due(snapshot.lead_id, history, policy, now) for policy in self._policies)
        if after is not None and before is None:
            self.impact.due[after] += 1


async def impact_of(
    model: ReadModel,
    counting: ImpactCount,
    now: Callable[[LeadSnapshot], int],
    progress: Callable[[int, int], object],
) -> Impact:
    """Count over the whole read model.

    Args:
        model: The read model.
        counting: Counts each lead.
        now: The instant at which a lead is looked at, epoch ms.
        progress: Called with the number of leads so far, and of all.

    Raises:
        ReadModelUnavailable: The read model cannot be read, or was replaced meanwhile.
    """
    total = await model.count()
    async for leads in model.documents():
        for document, snapshot in leads:
            counting.add(document, snapshot, now(snapshot))
        progress(counting.impact.leads, total)
    return counting.impact


def _due(lead_id: str, history: LeadHistory, policy: Policy, now: int) -> DueGroup | None:
    """Why the lead is due before `now`, and since which week; None: it is not."""
    deadline = LeadFold(lead_id, history).deadline(policy)
    if deadline is None or deadline.due >= now:
        return None
    return DueGroup(_monday(deadline.idle_since if deadline.reason == HELD else deadline.due), deadline.reason)


def _monday(at: int) -> date:
    day = datetime.fromtimestamp(at / 1000, UTC).date()
    return day - timedelta(days=day.weekday())


def _without_warnings(policy: Policy) -> Policy:
    """A warning is no stall."""
    rules = tuple(replace(rule, promises=replace(rule.promises, warn={})) for rule in policy.rules)
    return replace(policy, promises=replace(policy.promises, warn={}), rules=rules)
