"""Which decisions streams still knows: a crash forgets decisions that were emitted and not yet stored.

Stalls and recycles come back, because streams reads them again. The other decisions do not: after a crash the stall is
decided again, mostly as before. If not, the later of two decisions that exclude each other is the one that stands.
"""

from collections.abc import Iterable

from schemas.events import LeadDecided

from .plain_fold import order
from .plain_lead import FINAL


def remembered(verdicts: Iterable[LeadDecided]) -> list[LeadDecided]:
    """The decisions to fold, without RECYCLE and REVOKE, which are events of their own.

    Args:
        verdicts: In the order of the log, each once.
    """
    kept: list[LeadDecided] = []
    for one in verdicts:
        if one.decision not in ("UNKNOWN", "REVOKE"):
            kept = [other for other in kept if not _is_excluded(other, by=one)]
            kept.append(one)
    return [one for one in kept if one.decision != "RECYCLE"]


def _is_excluded(earlier: LeadDecided, *, by: LeadDecided) -> bool:
    """Whether the later decision shows that the earlier one, about the same stall, was not known."""
    if earlier.stall_id != by.stall_id or earlier.decision == "RECYCLE":
        return False
    return earlier.decision in FINAL or order(earlier) > order(by)
