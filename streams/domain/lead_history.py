"""The bounded memory of one lead: the facts that may still be overtaken, on top of a lead that no fact changes.

The newest fact is applied to the current lead; a late one, and every REVOKE, fold again from `base`.

What is forgotten is folded into `base` in order, but decisions about the stall of `base` are kept while it stands: a
REVOKE may still undo them. Keeping them is safe, because a standing stall does not depend on its decisions.
"""

from bisect import insort
from collections.abc import Iterable, Sequence
from typing import Literal, Self

import msgspec
from msgspec.structs import replace

from .apply import IN_ORDER, apply, fold
from .facts import Closed, Decided, Fact, Order, Revoked, Stalled, Updated
from .lead import NOBODY, UNCOUNTED, Lead, PendingRevoke, RevokedRecycle, SentRecycle
from .state import EncodedHistory, decode_history, encode_history

Arrival = Literal["new", "repeat", "late"]

KEPT = 64
KEPT_REVOKED = 32
KEPT_RETRACTED = 32


class LeadHistory(msgspec.Struct, eq=False, gc=False):
    """What is remembered of one lead: at most `kept` facts, once `forget` was called.

    `lead` is always `fold(facts, base)`. Everything that is not in the bytes of `encode` follows from them.
    """

    kept: int = KEPT
    lead: Lead = NOBODY
    base: Lead | None = None  # the fold of what was forgotten
    horizon: Order | None = None  # the newest that was forgotten
    facts: list[Fact] = msgspec.field(default_factory=list)  # in order
    late: int = 0
    repeated: int = 0

    def add(self, fact: Fact) -> Arrival:
        """Take in one fact: new, a repeat, or late (older than the memory, so it is counted and not folded)."""
        if self._is_repeat(fact):
            self.repeated += 1
            return "repeat"
        if self.horizon is not None and self.is_late(fact):
            self.late += 1
            self._revoke_unknown(fact)
            return "late"
        if type(fact) is not Revoked and not _retracts(fact) and self._is_newest(fact):
            self.facts.append(fact)
            self.lead = apply(self.lead, fact)
        else:
            insort(self.facts, fact, key=IN_ORDER)
            self._fold_again(fact)
        return "new"

    def is_late(self, fact: Fact) -> bool:
        """Whether the fact is older than the memory, and what was forgotten minds."""
        if self.horizon is None or fact.order > self.horizon or type(fact) is Revoked:
            return False
        stall = self.base.stall if self.base else None
        return type(fact) is not Decided or stall is None or fact.at < stall.at

    def forget(self) -> None:
        """Fold all but the newest facts into `base`.

        Call it when the lead is settled, so that no revoke is pending; never in between, or a replay would differ.
        """
        while len(self.facts) > self.kept:
            self._forget_oldest()

    def encode(self) -> bytes:
        """The state of the lead, as it is stored and logged."""
        return encode_history(EncodedHistory(self.lead, self.base, self.horizon, self.facts, self.late, self.repeated))

    @classmethod
    def decode(cls, state: bytes, kept: int = KEPT) -> Self:
        """Read what `encode` wrote, here or in the version before.

        Raises:
            UnknownFormat: Another version wrote it.
        """
        encoded = decode_history(state)
        history = cls(kept)
        history.lead = encoded.lead
        history.base = encoded.base
        history.horizon = encoded.horizon
        history.facts = encoded.facts
        history.late = encoded.late
        history.repeated = encoded.repeated
        return history

    def _is_repeat(self, fact: Fact) -> bool:
        event_id = fact.event_id
        for known in self.facts:  # a loop: `any` over a generator takes three times as long
            if known.event_id == event_id:
                return True
        return type(fact) is Revoked and _is_among(self.lead.revoked, fact.recycle_id, fact.stall_id)

    def _is_newest(self, fact: Fact) -> bool:
        if not self.facts:
            return True
        newest = self.facts[-1]
        return fact.at > newest.at or (fact.at == newest.at and fact.order > newest.order)

    def _revoke_unknown(self, fact: Fact) -> None:
        """Revoke a recycle that was emitted and is not remembered, unless its pass is over."""
        base = self.base
        if base is None or type(fact) is not Decided or fact.decided != "recycle":
            return
        this, sent = (fact.event_id, fact.stall_id), base.recycle
        # The first pass begins with whatever came first, its creation or not.
        is_closed = base.pass_no > 1 and base.created_at is not None and fact.at < base.created_at
        is_standing = sent is not None and (sent.recycle_id, sent.stall_id) == this
        if is_closed or is_standing or _is_among(self.lead.revoked, *this):
            return
        pending = PendingRevoke(*this, "void")
        if pending not in base.to_revoke:
            self.base = replace(base, to_revoke=(*base.to_revoke, pending))
            self.lead = fold(self.facts, self.base)

    def _fold_again(self, fact: Fact) -> None:
        if self.base is not None and type(fact) is Revoked:
            self.base = _without(self.base, fact)
        self.lead = fold(self.facts, self.base or NOBODY)

    def _forget_oldest(self) -> None:
        base = replace(self.base or NOBODY, revoked=self.lead.revoked, retracted=self.lead.retracted)
        count = _leading_verdicts(self.facts) if base.stall else 0
        if count == len(self.facts):  # there is nothing but verdicts that wait
            count = 0
        oldest = self.facts[count]
        after = apply(base, oldest)
        if count and after.stall is not base.stall:  # its stall is over: the verdicts need wait no longer
            after = _applied([*self.facts[:count], oldest], base)
            del self.facts[: count + 1]
        else:
            del self.facts[count]
        self._remember(after, oldest)

    def _remember(self, base: Lead, forgotten: Fact) -> None:
        revoked, retracted = (self.base.revoked, self.base.retracted) if self.base else ((), ())
        if type(forgotten) is Revoked:  # it is known before the fold: nothing is too late for it, nor it for anything
            this = RevokedRecycle(forgotten.recycle_id, forgotten.stall_id, forgotten.cause)
            revoked = self._still_needed((*revoked, this), base)
        else:
            self.horizon = max(self.horizon or forgotten.order, forgotten.order)
        if type(forgotten) is Updated and forgotten.retracts:  # what it takes back may be yet to come
            retracted = (*retracted, forgotten.retracts)[-KEPT_RETRACTED:]
        self.base = replace(base, revoked=revoked, retracted=retracted)

    def _still_needed(self, revoked: tuple[RevokedRecycle, ...], base: Lead) -> tuple[RevokedRecycle, ...]:
        if len(revoked) <= KEPT_REVOKED:
            return revoked
        older, newest = revoked[:-KEPT_REVOKED], revoked[-KEPT_REVOKED:]
        known = {fact.event_id for fact in self.facts if type(fact) in (Stalled, Closed, Decided)}
        known.add(base.stall.stall_id if base.stall else "")
        needed = (sent for sent in older if sent.stall_id in known or sent.recycle_id in known)
        return (*needed, *newest)


def _is_among(revoked: Iterable[RevokedRecycle], recycle_id: str, stall_id: str) -> bool:
    return any(sent.recycle_id == recycle_id and sent.stall_id == stall_id for sent in revoked)


def _retracts(fact: Fact) -> bool:
    return type(fact) is Updated and fact.retracts != ""


def _leading_verdicts(facts: Sequence[Fact]) -> int:
    return next((n for n, fact in enumerate(facts) if type(fact) is not Decided), len(facts))


def _applied(facts: Sequence[Fact], lead: Lead) -> Lead:
    for fact in facts:
        lead = apply(lead, fact)
    return lead


def _without(base: Lead, revoked: Revoked) -> Lead:
    """The base as if this recycle had been taken back before it was folded."""
    this = (revoked.recycle_id, revoked.stall_id)
    to_revoke = tuple(d for d in base.to_revoke if (d.recycle_id, d.stall_id) != this)
    base, sent = replace(base, to_revoke=to_revoke), base.recycle
    if sent is None or base.stall is None or (sent.recycle_id, sent.stall_id) != this:
        return base
    base = replace(base, recycle=None, stall=replace(base.stall, decided=sent.decided_before))
    return _uncounted(base, sent) if revoked.cause in UNCOUNTED else base


def _uncounted(base: Lead, sent: SentRecycle) -> Lead:
    return replace(base, recycles=base.recycles - 1, recycled_at=sent.recycled_before)
