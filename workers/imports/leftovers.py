"""Recognises rows of a table that are not data: lines of totals, footers, and repeated headers."""

import re
from collections.abc import Sequence
from typing import Literal

from .header_search import column_name
from .rows import NumberedRow, RawRow

Leftover = Literal["total", "footer", "header"]

_TOTAL = re.compile(
    r"((grand|sub)?[ -]?totals?|sum|count|gesamt(summe|ergebnis)?|(zwischen)?summe|total g[eé]n[eé]ral|totaal|totale"
    r"|suma|average|avg|durchschnitt|mittelwert|moyenne|promedio)\s*($|[:(=\d])",
    re.IGNORECASE,
)
_FOOTER = re.compile(
    r"(confidential|copyright|(generated|exported|created|filtered) (by|on|at)|as of \d|page \d|seite \d"
    r"|erstellt (von|am))\b",
    re.IGNORECASE,
)
_TOTAL_ID = re.compile(
    r"(((grand|sub)[ -]?)?totals?|total g[eé]n[eé]ral|gesamt(summe|ergebnis)?|(zwischen)?summe|totaal|totale|average"
    r"|durchschnitt|mittelwert)\s*([:=(]\s*[\d.,]*\)?)?",
    re.IGNORECASE,
)
_BEGINNINGS = frozenset(("tot", "gra", "sub", "ges", "zwi", "sum", "ave", "dur", "mit"))
TOTAL_INITIALS = frozenset(initial for beginning in _BEGINNINGS for initial in (beginning[0], beginning[0].upper()))
"""What `is_total_id` need not be asked about begins with another character."""


def is_total_id(cell: object) -> bool:
    """Whether this stands in place of an id in a line of totals."""
    if type(cell) is not str or cell[:3].lower() not in _BEGINNINGS:
        return False
    return _TOTAL_ID.fullmatch(cell.strip()) is not None


class LeftoverRows:
    """Recognises the leftovers of one file. Call `found` only for rows that cannot be converted, in their order.

    Args:
        header: The names of the columns.
    """

    def __init__(self, header: Sequence[str]) -> None:
        self._names = [name for name in header if name]
        self._rows_at_last = -1

    def found(self, row: NumberedRow, rows_before: int, *, is_after_blank: bool) -> Leftover | None:
        """Return what kind of leftover the row is; None if it is data.

        Args:
            row: The row.
            rows_before: How many rows of data were read before it.
            is_after_blank: Whether the row above it has no values.
        """
        cells = _filled(row[2])
        kind = self._kind(cells, is_after_blank=is_after_blank, is_after_leftover=rows_before == self._rows_at_last)
        if kind in ("total", "footer"):
            self._rows_at_last = rows_before
        return kind

    def _kind(self, cells: list[str], *, is_after_blank: bool, is_after_leftover: bool) -> Leftover | None:
        if not cells:
            return None
        if cells == self._names:
            return "header"
        if _TOTAL.match(cells[0]):
            return "total"
        if len(cells) > 1 or len(self._names) == 1:
            return None
        is_text = is_after_blank and " " in cells[0]
        return "footer" if is_text or is_after_leftover or _FOOTER.match(cells[0]) else None


def _filled(raw: RawRow) -> list[str]:
    if not isinstance(raw, list):
        return []
    return [text for cell in raw if (text := column_name(cell))]
