"""What the columns of the page's tables are called in the count of the topics."""

from collections import Counter
from collections.abc import Mapping

STEPS = {
    "Leads": "created",
    "Contacted": "touched",
    "Moved": "progressed",
    "Went cold": "stalled",
    "Handed back": "recycled",
    "Won": "won",
    "Lost": "lost",
    "Never contacted": "untouched",
    "All promises kept": "kept",
    "One broken": "broken",
}
MONEY = {"Won, EUR": "EUR", "Won, USD": "USD"}


def expected(counts: Mapping[str, Counter[str]], shown: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """What the rows of a table must say in the columns that can be counted."""
    every: Counter[str] = sum(counts.values(), Counter())
    rows = {**counts, "All": every} if "All" in shown else counts
    return {
        value: {
            **{name: row[step] for name, step in STEPS.items() if name in shown[value]},
            **{name: row[currency] // 100 for name, currency in MONEY.items() if name in shown[value]},
        }
        for value, row in rows.items()
    }


def countable(shown: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {
        value: {name: number for name, number in row.items() if name in STEPS or name in MONEY}
        for value, row in shown.items()
    }
