"""Looks at the ids of an import as a whole, for what no single row shows."""

import re
from collections import Counter
from collections.abc import Iterator

_MOST_IDS = 200_000  # in memory: some 50 MB
_OFTEN = 6  # creations of one lead: few leads come back that often
_EXAMPLES = 3
_FLOAT = re.compile(r"\.0+$")
_MONTH = "(?:jan|feb|m[aä]r|apr|ma[yi]|jun|jul|aug|sep|o[ck]t|nov|de[cz])"
_DATE = re.compile(
    rf"\d{{1,2}}[-. ]{_MONTH}\.?|{_MONTH}[- ]\d\d|(?:19|20)\d\d-[01]\d-[0-3]\d(?:[T ].*)?", re.IGNORECASE
)


class IdDoubts:
    """Collects what is doubtful about the ids of leads. Of very large imports it looks at the first 200,000 ids."""

    def __init__(self) -> None:
        self._folded: dict[str, str] = {}
        self._created: Counter[str] = Counter()
        self._by_case: dict[str, str] = {}
        self._last = ""

    def add(self, lead_id: str, *, is_created: bool) -> None:
        """Look at the id of one fact."""
        if is_created:
            count = self._created.get(lead_id, 0)
            if count or len(self._created) < _MOST_IDS:
                self._created[lead_id] = count + 1
        if lead_id == self._last or lead_id.isdecimal():
            return
        self._last = lead_id
        folded = lead_id.lower()
        first = self._folded.get(folded)
        if first is None:
            if len(self._folded) < _MOST_IDS:
                self._folded[folded] = lead_id
        elif first != lead_id:
            self._by_case[first] = lead_id

    def sentences(self) -> Iterator[str]:
        """Yield a sentence for each doubt."""
        if floats := [one for one in self._folded.values() if one.endswith("0") and _FLOAT.search(one)]:
            yield (
                f"{len(floats):,} ids end in .0 ({_some(floats)}): a program read them as decimal numbers; "
                "they are other leads than the ids without it"
            )
        if dates := [one for one in self._folded.values() if _DATE.fullmatch(one)]:
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
        if often := [one for one, count in self._created.most_common() if count >= _OFTEN]:
            yield (
                f"{len(often):,} leads were created {_OFTEN} times or more ({_some(often)}): is it the right column, "
                "and is it an id?"
            )


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:_EXAMPLES]) + (", …" if len(ids) > _EXAMPLES else "")
