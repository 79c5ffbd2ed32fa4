"""How many escalations are open, were answered or were missed, by owner: counted by project, summed for metrics."""

from collections import Counter
from collections.abc import Mapping
from typing import get_args

from workers.read_model.escalations import EscalationState
from workers.read_model.index import ESCALATED_BY

from .queries import ReadModel

STATES: tuple[EscalationState, ...] = get_args(EscalationState)
ALL, NOBODY, OTHER = "all", "nobody", "other"

OwnerCounts = Mapping[str, Mapping[str, int]]
"""By owner (empty: nobody) and state."""


async def owner_counts(model: ReadModel) -> OwnerCounts:
    """The counts of all owners. Raises ReadModelUnavailable."""
    return {owner: counts async for owner, counts in model.rows(ESCALATED_BY)}


class OwnerLabels:
    """Bounds the label: the owners with the most escalations keep their names, all others are `other`.

    A name that was given stays until the process ends, so that no series changes its meaning. With a limit of 0 no
    owner has a name, and all of them are `all`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._names: set[str] = set()

    @property
    def first(self) -> str:
        """The label that is there from the start."""
        return OTHER if self._limit else ALL

    def summed(self, owners: OwnerCounts) -> Counter[tuple[str, str]]:
        """The counts by label and state, with zeros."""
        for owner in sorted(owners, key=lambda one: (-sum(owners[one].values()), one)):
            if owner and len(self._names) < self._limit and owner not in {ALL, NOBODY, OTHER}:
                self._names.add(owner)
        labels = {self.first, *self._names, *(self._label(owner) for owner in owners)}
        sums: Counter[tuple[str, str]] = Counter({(label, state): 0 for label in labels for state in STATES})
        for owner, counts in owners.items():
            for state in STATES:
                sums[self._label(owner), state] += counts.get(state, 0)
        return sums

    def _label(self, owner: str) -> str:
        if not self._limit:
            return ALL
        return owner if owner in self._names else OTHER if owner else NOBODY
