"""The fold: what a lead is after each of its facts, in their order.

A verdict is about its own stall alone: another that a late fact, or a person's word, has put in its place is decided
anew.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import assert_never

from msgspec.structs import replace

from .attributes import assigned_at, described, updated
from .facts import Closed, Contacted, Created, Decided, Fact, Revoked, Stalled, Updated, Warned
from .lead import (
    BROKEN,
    CREATED,
    HELD_OUT,
    LOST,
    MAX_PASSES,
    NEGLECT,
    NOBODY,
    PROGRESSED,
    RECYCLED,
    STALLED,
    TOUCHED,
    UNCOUNTED,
    WON,
    Cause,
    Lead,
    PassSummary,
    PendingRevoke,
    RevokedRecycle,
    SentRecycle,
    Stall,
    clock_of,
)

IN_ORDER = attrgetter("order")


def apply(lead: Lead, fact: Fact) -> Lead:  # noqa: PLR0911  one return for each kind of fact
    """What the lead is once this fact, newer in order than all before it, is known."""
    if lead.retracted and is_retracted(fact, lead.retracted):
        return lead
    match fact:
        case Contacted():
            return _contacted(lead, fact)
        case Created():
            return _created(lead, fact)
        case Stalled():
            return _stalled(lead, fact)
        case Decided():
            return _decided(lead, fact)
        case Closed():
            return _closed(lead, fact)
        case Updated():
            return updated(_reassigned(lead, fact), fact)
        case Warned():
            return _warned(lead, fact)
        case Revoked():
            return _seen(lead, fact.at)  # known before the fold began: see `fold`
        case never:
            assert_never(never)


def fold(facts: Iterable[Fact], start: Lead = NOBODY) -> Lead:
    """The lead that these facts make, in whatever order they are given, on top of what is already folded."""
    in_order = sorted(facts, key=IN_ORDER)
    lead = replace(
        start, revoked=start.revoked + revocations(in_order), retracted=start.retracted + retractions(in_order)
    )
    for fact in in_order:
        lead = apply(lead, fact)
    return lead


def revocations(facts: Iterable[Fact]) -> tuple[RevokedRecycle, ...]:
    """The recycles that these facts revoke."""
    return tuple(RevokedRecycle(fact.recycle_id, fact.stall_id, fact.cause) for fact in facts if type(fact) is Revoked)


def retractions(facts: Iterable[Fact]) -> tuple[str, ...]:
    """The ids of the reports that these facts take back."""
    return tuple(fact.retracts for fact in facts if type(fact) is Updated and fact.retracts)


def is_retracted(fact: Fact, retracted: tuple[str, ...]) -> bool:
    """Whether whoever reported this fact has taken it back; decisions cannot be."""
    return type(fact) not in (Decided, Revoked, Warned) and fact.event_id in retracted


def _seen(lead: Lead, at: int) -> Lead:
    return lead if at <= lead.newest_at else replace(lead, newest_at=at)


def _created(lead: Lead, fact: Created) -> Lead:
    if lead.pass_no == 0:  # facts that came before the first creation belong to the first pass
        begun = described(lead, fact, fact.owner_id or lead.owner_id)
        return replace(begun, pass_no=1, created_at=fact.at, reached=lead.reached | CREATED)
    if lead.closed is None and lead.stall is None:  # the pass is still alive: a repeat, not a new pass
        return described(lead, fact, fact.owner_id or lead.owner_id)
    return described(_next_pass(_unstalled(lead, "requalified"), fact.at), fact, fact.owner_id)


def _reassigned(lead: Lead, fact: Updated) -> Lead:
    # An owner is all that a lead without one was waiting for.
    stall = lead.stall
    if not fact.owner_id or stall is None or (stall.declared_by, stall.reason) != ("detector", "never_assigned"):
        return lead
    return _unstalled(lead, "moved")


def _next_pass(lead: Lead, at: int) -> Lead:
    summary = PassSummary(
        lead.pass_no,
        lead.origin,
        lead.created_at,
        lead.reached,
        lead.campaign_id,
        lead.owner_id,
        lead.last_stall_reason,
        lead.first_touch_at,
        lead.first_progress_at,
        lead.first_stall_at,
        lead.closed_at,
        lead.amount,
        lead.currency,
    )
    return Lead(
        pass_no=lead.pass_no + 1,
        created_at=at,
        to_revoke=lead.to_revoke,
        revoked=lead.revoked,
        retracted=lead.retracted,
        recycled_at=lead.recycled_at,
        recycles=lead.recycles,
        won_ever=lead.won_ever,
        newest_at=lead.newest_at,
        reached=CREATED,
        passes=(*lead.passes, summary)[-MAX_PASSES:],
    )


def _contacted(lead: Lead, fact: Contacted) -> Lead:
    if fact.is_no_touch or lead.closed == "won":
        return _seen(lead, fact.at)
    stall = lead.stall
    if stall is not None and (fact.is_progress or is_neglected(lead, stall)):
        lead = _moved(lead, fact.at)
    return _touched(lead, fact)


def is_neglected(lead: Lead, stall: Stall) -> bool:
    """Whether any touch ends the stall. After a lost deal, and after a person's word, only progress does."""
    return lead.closed is None and stall.declared_by == "detector" and stall.reason in NEGLECT


def _moved(lead: Lead, at: int) -> Lead:
    # A lead that moves again restarts all its clocks.
    return replace(_unstalled(lead, "moved"), closed=None, closed_at=None, attempts=0, last_progress_at=at)


def _touched(lead: Lead, fact: Contacted) -> Lead:
    at, progress = fact.at, fact.is_progress
    owner_id = fact.owner_id or lead.owner_id
    return replace(
        lead,
        owner_id=owner_id,
        assigned_at=assigned_at(lead, owner_id, at),
        first_touch_at=at if lead.first_touch_at is None else lead.first_touch_at,
        last_touch_at=at,
        last_progress_at=at if progress else lead.last_progress_at,
        first_progress_at=at if progress and lead.first_progress_at is None else lead.first_progress_at,
        touches=lead.touches + 1,
        attempts=0 if progress else lead.attempts + 1,
        next_step_at=_next_step(lead, fact),
        newest_at=max(lead.newest_at, at),
        reached=lead.reached | (TOUCHED | PROGRESSED if progress else TOUCHED),
    )


def _next_step(lead: Lead, fact: Contacted) -> int | None:
    if fact.next_step_at is not None:
        return fact.next_step_at
    return None if fact.loses_step else lead.next_step_at


def _closed(lead: Lead, fact: Closed) -> Lead:
    newest_at = max(lead.newest_at, fact.at)
    if lead.closed == "won":
        return _seen(lead, fact.at)
    if fact.is_won:
        unstalled = _unstalled(lead, "won")
        return replace(
            unstalled,
            closed="won",
            closed_at=fact.at,
            won_ever=True,
            newest_at=newest_at,
            reached=lead.reached | WON,
            amount=fact.amount,
            currency=fact.currency,
        )
    said = Stall(fact.event_id, fact.at, fact.reason, "close")
    restated = _restated(lead, said, fact.at)
    return replace(restated, closed="lost", closed_at=fact.at, reached=restated.reached | LOST)


def _stalled(lead: Lead, fact: Stalled) -> Lead:
    said = Stall(fact.event_id, fact.at, fact.reason, fact.declared_by, fact.resume_at)
    if fact.declared_by != "detector":
        return _seen(lead, fact.at) if lead.closed == "won" else _restated(lead, said, fact.at)
    if lead.closed is not None or lead.stall is not None or _is_void(lead, fact):
        return _seen(lead, fact.at)
    return _with_stall(lead, said, fact.at)


def _restated(lead: Lead, said: Stall, at: int) -> Lead:
    """The newest word of a person is why the lead is cold: it replaces the detector's, and any older word."""
    stall = lead.stall
    is_known = stall is not None and (stall.reason, stall.resume_at) == (said.reason, said.resume_at)
    if stall is not None and is_known and stall.declared_by != "detector":
        return _seen(lead, at)  # the same, said again
    return _with_stall(_unstalled(lead, "restated"), said, at)


def _with_stall(lead: Lead, stall: Stall, at: int) -> Lead:
    reached = lead.reached | (STALLED | BROKEN if stall.declared_by == "detector" else STALLED)
    return replace(
        lead,
        stall=stall,
        newest_at=max(lead.newest_at, at),
        reached=reached,
        last_stall_reason=stall.reason,
        first_stall_at=at if lead.first_stall_at is None else lead.first_stall_at,
    )


def _is_void(lead: Lead, fact: Stalled) -> bool:
    # A late fact shows that the lead had moved before the detector declared the stall.
    is_contacted = fact.reason in ("never_contacted", "never_assigned") and lead.first_touch_at is not None
    is_assigned = fact.reason == "never_assigned" and lead.owner_id != ""
    is_agreed = fact.reason == "no_next_step" and (lead.next_step_at or 0) > fact.idle_since
    return is_contacted or is_assigned or is_agreed or (clock_of(lead, fact.reason) or 0) > fact.idle_since


def _decided(lead: Lead, fact: Decided) -> Lead:
    lead, stall = _seen(lead, fact.at), lead.stall
    is_about_it = stall is not None and stall.is_open and stall.stall_id == fact.stall_id
    if fact.decided == "recycle":
        return _recycled(lead, fact, stall if is_about_it else None)
    if stall is None or not is_about_it:
        return lead
    escalated_at = fact.at if fact.decided == "escalate" else stall.escalated_at
    decided = replace(stall, decided=fact.decided, decided_at=fact.at, escalated_at=escalated_at)
    return replace(lead, stall=decided, reached=lead.reached | (HELD_OUT if fact.decided == "holdout" else 0))


def _recycled(lead: Lead, fact: Decided, stall: Stall | None) -> Lead:
    cause = _cause_of(lead, fact)
    if stall is None:  # its stall is void: it counts for nothing
        return lead if cause is not None else _with_revoke(lead, fact.event_id, fact.stall_id, "void")
    if cause in UNCOUNTED:  # a win after it takes back only what it counts for limits: marketing did get the lead
        return replace(lead, reached=lead.reached | RECYCLED) if cause == "won" else lead
    counted = replace(lead, recycled_at=fact.at, recycles=lead.recycles + 1, reached=lead.reached | RECYCLED)
    if cause is not None:
        return counted
    not_before = fact.at if fact.not_before is None else fact.not_before
    this = SentRecycle(fact.event_id, fact.stall_id, fact.at, not_before, stall.decided, lead.recycled_at)
    return replace(counted, recycle=this, stall=replace(stall, decided="recycle"))


def _cause_of(lead: Lead, recycle: Decided) -> str | None:
    """Why this recycle was taken back; None if it was not."""
    for revoked in lead.revoked:
        if revoked.recycle_id == recycle.event_id and revoked.stall_id == recycle.stall_id:
            return revoked.cause
    return None


def _warned(lead: Lead, fact: Warned) -> Lead:
    others = (known for known in lead.warned if known[0] != fact.reason)
    return replace(_seen(lead, fact.at), warned=(*others, (fact.reason, fact.idle_since)))


def _unstalled(lead: Lead, cause: Cause) -> Lead:
    sent = lead.recycle
    revoked = lead if sent is None else _with_revoke(lead, sent.recycle_id, sent.stall_id, cause)
    return replace(revoked, stall=None, recycle=None)


def _with_revoke(lead: Lead, recycle_id: str, stall_id: str, cause: Cause) -> Lead:
    return replace(lead, to_revoke=(*lead.to_revoke, PendingRevoke(recycle_id, stall_id, cause)))
