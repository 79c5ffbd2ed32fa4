"""Looks at the ids of an import as a whole, for what no single row shows."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

_MOST_IDS = 200_000  # in memory: some 50 MB
_OFTEN = 6  # creations of one lead: few leads come back that often
_EXAMPLES = 3
_FLOAT = re.compile(r"\.0+$")
_MONTH = "(?:jan|feb|m[aä]r|apr|ma[yi]|jun|jul|aug|sep|o[ck]t|nov|de[cz])"
_DATE = re.compile(
    rf"\d{{1,2}}[-. ]{_MONTH}\.?|{_MONTH}[- ]\d\d|(?:19|20)\d\d-[01]\d-[0-3]\d(?:[T ].*)?", re.IGNORECASE
)


class IdDoubts:
    """Collects what is doubtful about the ids of leads. Of very large imports it looks at the first 200,000 ids.

    Args:
        most: How many ids it remembers. Those after them are compared with these, but not with each other.
    """

    def __init__(self, most: int = _MOST_IDS) -> None:
        self._most = most
        self._creations: dict[str, int] = {}
        self._folded: dict[str, str] = {}
        self._by_case: dict[str, str] = {}

    def add_all(self, leads: Iterable[str], created: Iterable[str]) -> None:
        """Look at the ids of many facts at once: few of them are new.

        Args:
            leads: The lead of each fact.
            created: Those of the facts that create one.
        """
        creations = self._creations
        for one in [lead for lead in dict.fromkeys(leads) if lead not in creations]:
            if len(creations) < self._most:
                creations[one] = 0
            else:
                self._compare(one)
        for one in created:
            if one in creations:
                creations[one] += 1

    def _compare(self, lead_id: str) -> None:
        if not self._folded:
            self._fold()
        first = self._folded.get(lead_id.lower())
        if first is not None:
            self._by_case[first] = lead_id

    def _fold(self) -> None:
        for one in self._creations:
            first = self._folded.setdefault(one.lower(), one)
            if first is not one:
                self._by_case[first] = one

    def sentences(self) -> Iterator[str]:
        """Yield a sentence for each doubt."""
        if not self._folded:
            self._fold()
        if floats := [one for one in self._creations if one.endswith("0") and _FLOAT.search(one)]:
            yield (
                f"{len(floats):,} ids end in .0 ({_some(floats)}): a program read them as decimal numbers; "
                "they are other leads than the ids without it"
            )
        if dates := [one for one in self._creations if _DATE.fullmatch(one)]:
            yield (
                f"{len(dates):,} ids look like dates ({_some(dates)}): a spreadsheet makes dates of ids such as 1-2 "
                "and MAR1: export the column as text"
            )
        if self._by_case:
            pairs = [f"{first} and {other}" for first, other in self._by_case.items()]
            yield (
                f"{len(pairs):,} ids differ from another only by case ({_some(pairs)}): "
                "if they are one lead, write `fold: true`"
            )
        if often := [one for one, count in Counter(self._creations).most_common() if count >= _OFTEN]:
            yield (
                f"{len(often):,} leads were created {_OFTEN} times or more ({_some(often)}): is it the right column, "
                "and is it an id?"
            )


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:_EXAMPLES]) + (", …" if len(ids) > _EXAMPLES else "")
