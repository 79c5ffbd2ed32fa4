"""How many leads fit, where the funnel has counted them: for the lists that its numbers open. Pure."""

from datetime import UTC, datetime
from typing import NamedTuple

from streams.domain.funnel import PASS_LABELS
from workers.read_model.cohorts import CohortLength, begins, cohorts_between, origin_cohort

from .lead_query import LeadQuery

_ONCE = PASS_LABELS[:-1]  # a lead has one pass of each of these
_DIMENSIONS = ("origin", "campaign", "owner", "reason", "segment")
_BEGAN = ("created_from", "created_before")
_MOST_ROWS = 600
_LENGTHS: tuple[CohortLength, ...] = ("month", "week")


class CountedSteps(NamedTuple):
    """The rows of a dimension, and the fields of which the sum, less that of others, is the number of leads."""

    by: str
    values: tuple[str, ...]
    field: str
    less: str

    def of(self, rows: list[dict[str, int]]) -> int:
        """The number, of the counts of these rows."""
        return sum(row.get(self.field, 0) - (row.get(self.less, 0) if self.less else 0) for row in rows)


def counted_steps(query: LeadQuery) -> CountedSteps | None:
    """Where the leads of a query are counted; None: nowhere."""
    label, step = query.pass_label, query.step
    if label not in _ONCE or step is None or (query.without is not None and step != "created"):
        return None
    asked = {name for name, value in query._asdict().items() if value is not None and name != "is_backwards"}
    others = asked - {"pass_label", "step", "without"}
    row = _rows(query, label, others)
    if row is None:
        return None
    return CountedSteps(*row, f"{label}/{step}", f"{label}/{query.without}" if query.without else "")


def _rows(query: LeadQuery, label: str, others: set[str]) -> tuple[str, tuple[str, ...]] | None:
    if not others:
        return "pass", (label,)
    if len(others) == 1:
        (name,) = others
        return (name, (getattr(query, name),)) if name in _DIMENSIONS else None
    if not {*_BEGAN} <= others <= {*_BEGAN, "origin"}:
        return None
    for by in _LENGTHS:
        if names := _whole_cohorts(query, by):
            if query.origin is None:
                return by, names
            return f"origin-{by}", tuple(origin_cohort(name, query.origin) for name in names)
    return None


def _whole_cohorts(query: LeadQuery, by: CohortLength) -> tuple[str, ...]:
    """The cohorts between the bounds; none: a bound is within one."""
    bounds = [datetime.fromtimestamp((at or 0) / 1000, UTC) for at in (query.created_from, query.created_before)]
    first, end = (bound.date() for bound in bounds)
    if any(bound.time() != datetime.min.time() or begins(by, bound.date()) != bound.date() for bound in bounds):
        return ()
    if (end - first).days > _MOST_ROWS * 7:
        return ()
    return tuple(cohorts_between(by, first, end))[:-1]
