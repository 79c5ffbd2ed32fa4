"""Differences of what counts as a touch and as progress."""

from collections.abc import Iterator

from streams.domain.policy.counts import Counting
from streams.runtime.documents import DocumentPath
from workers.explaining.words import joined, quoted

from .difference import Difference, under

_TEXTS = {
    "by": ("touch", "Contacts by {} count as touches", "no longer count as touches"),
    "activities": ("activities", "Contacts of the kind {} count as touches", "no longer count as touches"),
    "ignored": ("ignore", "Contacts with the outcome {} are no touch", "are touches again"),
    "progress": ("progress", "Contacts with the outcome {} are progress", "are no longer progress"),
}
"""By field: its key in a policy file, the sentence for what is added, and the end of the one for what is removed."""


def count_differences(
    before: Counting, after: Counting, place: DocumentPath, subject: str = ""
) -> Iterator[Difference]:
    """The symbols that count as something else. `place` and `subject` as for promises."""
    for field, (key, added, removed) in _TEXTS.items():
        old, new = getattr(before, field), getattr(after, field)
        if more := sorted(new - old):
            yield Difference((*place, key), under(subject, f"{added.format(_listed(more))}."))
        if fewer := sorted(old - new):
            kind = added[: added.index("{}")]
            yield Difference((*place, key), under(subject, f"{kind}{_listed(fewer)} {removed}."))


def _listed(symbols: list[str]) -> str:
    return joined([quoted(symbol) for symbol in symbols])
