"""Rows of the funnel, of the counts that the read model has for them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from workers.read_model.durations import UNKNOWN, quantile
from workers.read_model.index import STEP_NAMES, RecycleState
from workers.read_model.pass_figures import BROKEN_NOW, EXPECTED_MONEY, MONEY_AFTER, TIMED_BY, UNPRICED, WON_MONEY

from . import funnel_models

MOST_CURRENCIES = 4
"""Columns of money in one table."""
FieldCounts = Mapping[str, int]
"""By `pass/field`."""


Timed = Mapping[str, tuple[str, str]]
"""The step whose duration each field has, and the step of which all are counted."""
CONTACT: Timed = {"contact": ("touched", "created")}
TIMED: Timed = {
    **CONTACT,
    "progress": ("progressed", "touched"),
    "cold": ("stalled", "stalled"),
    "win": ("won", "won"),
}


def timed_of(by: str) -> Timed:
    """The durations that the rows of a dimension have."""
    return TIMED if by in TIMED_BY else {}


def sum_of(rows: Iterable[FieldCounts]) -> Counter[str]:
    """The sum of rows."""
    total = Counter[str]()
    for row in rows:
        total.update(row)
    return total


def row_of(value: str, counts: FieldCounts, labels: Iterable[str], timed: Timed = TIMED) -> funnel_models.FunnelRow:
    """A row: what is counted of these passes. `timed`: the durations that its dimension has."""
    fields = Counter[str]()
    for name, count in counts.items():
        label, _, field = name.partition("/")
        if label in labels:
            fields[field] += count
    steps: dict[str, Any] = {step: fields[step] for step in (*STEP_NAMES, BROKEN_NOW, UNPRICED)}
    durations: dict[str, Any] = {name: _durations(fields, step, fields[of]) for name, (step, of) in timed.items()}
    return funnel_models.FunnelRow(
        value=value,
        **steps,
        won_money=money_of(fields, WON_MONEY),
        expected_money=money_of(fields, EXPECTED_MONEY),
        money_after=money_of(fields, MONEY_AFTER),
        **durations,
    )


def currencies_of(amounts: Iterable[Mapping[str, int]]) -> list[str]:
    """The currencies that most rows have, at most so many as a table has columns for."""
    found = Counter(currency for one in amounts for currency in one)
    ranked = sorted(found, key=lambda one: (not one, -found[one], one))
    return ranked[:MOST_CURRENCIES]


def other_currencies(amounts: Iterable[Mapping[str, int]], shown: Iterable[str]) -> int:
    """How many currencies have no column."""
    return len({currency for one in amounts for currency in one} - set(shown))


def with_costs(page: funnel_models.FunnelPage, costs: Mapping[str, Mapping[str, int]]) -> funnel_models.FunnelPage:
    """The page with what each value cost; the total has the costs of all, also of those that brought no lead."""
    if not costs:
        return page

    def priced(row: funnel_models.FunnelRow, spent: Mapping[str, int]) -> funnel_models.FunnelRow:
        return row.model_copy(update={"spent": dict(spent)})

    every, shown = sum_of(costs.values()), {row.value for row in page.rows}
    others = sum_of(money for value, money in costs.items() if value not in shown)
    return page.model_copy(
        update={
            "rows": [priced(row, costs.get(row.value, {})) for row in page.rows],
            "total": priced(page.total, every),
            "others": None if page.others is None else priced(page.others, others),
        }
    )


def track_of(track: str, counts: FieldCounts) -> funnel_models.TrackRow:
    """A row of the recycles of one track."""
    states = {state: counts.get(state, 0) for state in (*get_args(RecycleState), "won_after")}
    money: Any = money_of(counts, MONEY_AFTER)
    return funnel_models.TrackRow(track=track, money_after=money, **states)


def money_of(fields: FieldCounts, kind: str) -> dict[str, int]:
    """Amounts in minor units by currency, the largest first; empty: no event named the currency."""
    named = ((name.partition(":")[2], amount) for name, amount in fields.items() if name.startswith(f"{kind}:"))
    amounts = {currency: amount for currency, amount in named if amount}
    return {currency: amounts[currency] for currency in sorted(amounts, key=lambda one: (not one, -amounts[one], one))}


def is_empty(row: funnel_models.FunnelRow) -> bool:
    """Whether nothing is counted."""
    return not any(getattr(row, step) for step in STEP_NAMES)


def _durations(fields: FieldCounts, step: str, total: int) -> funnel_models.Durations:
    prefix = f"{step}<"
    counts = {int(name.removeprefix(prefix)): count for name, count in fields.items() if name.startswith(prefix)}
    known = sum(count for number, count in counts.items() if number != UNKNOWN)
    unknown = counts.get(UNKNOWN, 0)
    half, most = (quantile(counts, total, share) for share in (0.5, 0.9))
    return funnel_models.Durations(
        half_seconds=None if half is None else half // 1000,
        nine_of_ten_seconds=None if most is None else most // 1000,
        known=known,
        unknown=unknown,
        longer=max(0, total - known - unknown),
    )
