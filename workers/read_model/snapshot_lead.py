"""The lead of a snapshot, where its timeline is not whole: what the snapshot lacks comes from the facts that are known.

A snapshot has no attempts, no agreed next step, no time of assignment, and little about its stall and its recycle.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec.structs import replace

from schemas.events import Decision, LeadSnapshot, PastPass
from streams.domain.apply import fold
from streams.domain.facts import Created, Decided, DecidedAs, Fact, Revoked
from streams.domain.lead import LOST, NEGLECT, UNCOUNTED, WON, Lead, PassSummary, SentRecycle, Stall

DECIDED_AS: dict[Decision, DecidedAs] = {
    "RECYCLE": "recycle",
    "HOLDOUT": "holdout",
    "SUPPRESS": "suppress",
    "RETIRE": "retire",
    "HOLD": "hold",
    "ESCALATE": "escalate",
}
"""The decisions about a stall, as a lead remembers them."""
_DETECTED = NEGLECT | {"no_progress", "attempts_exhausted"}


def completed_lead(snapshot: LeadSnapshot, facts: Sequence[Fact]) -> Lead:
    """The lead of a snapshot, with what the facts that are known (in their order) add to it."""
    kept = fold(_of_pass(snapshot, facts))
    return replace(
        kept,
        pass_no=snapshot.pass_no,
        created_at=snapshot.created_at,
        origin=snapshot.origin,
        campaign_id=snapshot.campaign_id,
        segment=snapshot.segment,
        owner_id=snapshot.owner_id,
        assigned_at=kept.assigned_at or snapshot.created_at if snapshot.owner_id else None,
        account_id=snapshot.account_id,
        consent_expires_at=snapshot.consent_expires_at,
        do_not_contact=snapshot.do_not_contact,
        first_touch_at=snapshot.first_touch_at,
        last_touch_at=_newest(snapshot.last_touch_at, kept.last_touch_at),
        last_progress_at=_newest(snapshot.last_progress_at, kept.last_progress_at),
        touches=max(snapshot.touches, kept.touches),
        closed=_closed(snapshot, kept),
        stall=_stall(snapshot, kept, facts),
        recycle=_recycle(snapshot, facts),
        to_revoke=(),
        recycled_at=_recycled_at(facts),
        recycles=snapshot.recycles,
        won_ever=bool(snapshot.reached & WON) or any(each.reached & WON for each in snapshot.passes),
        newest_at=max(snapshot.occurred_at, kept.newest_at),
        reached=snapshot.reached,
        passes=tuple(map(_pass, snapshot.passes)),
        last_stall_reason=snapshot.last_stall_reason,
        expected_amount=snapshot.expected_amount,
        expected_currency=snapshot.expected_currency,
        first_progress_at=snapshot.first_progress_at,
        first_stall_at=snapshot.first_stall_at,
        closed_at=snapshot.closed_at,
        amount=snapshot.amount,
        currency=snapshot.currency,
    )


def _of_pass(snapshot: LeadSnapshot, facts: Iterable[Fact]) -> list[Fact]:
    begun_at = snapshot.created_at
    if begun_at is None:
        return list(facts)
    since = [fact for fact in facts if fact.at >= begun_at and type(fact) is not Created]
    return [Created(begun_at, "the snapshot"), *since]


def _newest(*instants: int | None) -> int | None:
    return max((at for at in instants if at is not None), default=None)


def _stall(snapshot: LeadSnapshot, kept: Lead, facts: Iterable[Fact]) -> Stall | None:
    if not snapshot.stall_id:
        return None
    at, decided = snapshot.stalled_at or snapshot.occurred_at, DECIDED_AS.get(snapshot.decision)
    is_known = kept.stall is not None and kept.stall.stall_id == snapshot.stall_id
    stall = (
        kept.stall if is_known and kept.stall else Stall(snapshot.stall_id, at, snapshot.stall_reason, _by(snapshot))
    )
    about_it = [fact for fact in facts if type(fact) is Decided and fact.stall_id == snapshot.stall_id]
    escalated_at = _newest(*(fact.at for fact in about_it if fact.decided == "escalate"))
    decided_at = _newest(at, *(fact.at for fact in about_it)) or at
    return replace(stall, decided=decided, decided_at=decided_at, escalated_at=escalated_at)


def _by(snapshot: LeadSnapshot) -> Literal["detector", "sales", "close"]:
    if snapshot.stage == "lost":
        return "close"
    return "detector" if snapshot.stall_reason in _DETECTED else "sales"


def _closed(snapshot: LeadSnapshot, kept: Lead) -> Literal["won", "lost"] | None:
    if snapshot.stage == "won" or snapshot.stage == "lost":  # noqa: PLR1714  mypy narrows it to these words
        return snapshot.stage
    return "lost" if kept.closed == "lost" and snapshot.reached & LOST and snapshot.stall_id else None


def _recycle(snapshot: LeadSnapshot, facts: Iterable[Fact]) -> SentRecycle | None:
    if not snapshot.recycle_id:
        return None
    for fact in facts:
        if type(fact) is Decided and fact.event_id == snapshot.recycle_id:
            return SentRecycle(fact.event_id, fact.stall_id, fact.at, fact.not_before or fact.at)
    at = snapshot.stalled_at or snapshot.occurred_at
    return SentRecycle(snapshot.recycle_id, snapshot.stall_id, at, at)


def _recycled_at(facts: Iterable[Fact]) -> int | None:
    """The newest recycle that counts for limits, of those that are known."""
    facts = list(facts)
    uncounted = {fact.recycle_id for fact in facts if type(fact) is Revoked and fact.cause in UNCOUNTED | {"void"}}
    sent = [fact for fact in facts if type(fact) is Decided and fact.decided == "recycle"]
    return _newest(*(fact.at for fact in sent if fact.event_id not in uncounted))


def _pass(over: PastPass) -> PassSummary:
    return PassSummary(
        over.pass_no,
        over.origin,
        over.created_at,
        over.reached,
        over.campaign_id,
        over.owner_id,
        over.stall_reason,
        over.first_touch_at,
        over.first_progress_at,
        over.first_stall_at,
        over.closed_at,
        over.amount,
        over.currency,
    )
