"""What a lead is: the fold of its facts.

Encoded leads are kept in the state and its changelog: the order of fields is for ever, new ones go to the end with
a default.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Literal, assert_never

import msgspec
from msgspec.structs import replace

from schemas.events import Stage

from .facts import Closed, Contacted, Created, Decided, DecidedAs, Fact, Revoked, Stalled

Cause = Literal["moved", "won", "void"]
IN_ORDER = attrgetter("order")

CREATED, TOUCHED, PROGRESSED, STALLED, RECYCLED, WON, LOST = (1 << bit for bit in range(7))
"""Steps of the funnel that a pass has reached, as bits of `reached`."""

MAX_PASSES = 12
"""Passes over that are remembered: with the longest texts in each, a snapshot of them all still fits a record."""
TOUCH_CLOCKS = frozenset({"never_contacted", "no_follow_up"})
"""Clocks that any touch restarts; the others need progress."""


class Stall(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The lead went cold at `at`, and what was decided about that."""

    stall_id: str
    at: int
    reason: str
    declared_by: Literal["detector", "sales", "close"]
    resume_at: int | None = None
    decided: DecidedAs | None = None


class SentRecycle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A recycle that was emitted, and its stall."""

    recycle_id: str
    stall_id: str


class PendingRevoke(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A recycle that no longer stands and must be revoked."""

    recycle_id: str
    stall_id: str
    cause: Cause


class PassSummary(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is remembered of a pass that is over."""

    pass_no: int
    origin: str
    created_at: int | None
    reached: int
    campaign_id: str = ""
    owner_id: str = ""
    stall_reason: str = ""


class Lead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the facts of one lead add up to. Instants are epoch milliseconds."""

    pass_no: int = 0
    created_at: int | None = None
    origin: str = ""
    campaign_id: str = ""
    segment: str = ""
    owner_id: str = ""
    account_id: str = ""
    consent_expires_at: int | None = None
    do_not_contact: bool = False
    first_touch_at: int | None = None
    last_touch_at: int | None = None
    last_progress_at: int | None = None
    touches: int = 0
    attempts: int = 0  # touches since the last progress
    next_step_at: int | None = None
    closed: Literal["won", "lost"] | None = None
    stall: Stall | None = None
    recycle: SentRecycle | None = None  # the one that stands
    to_revoke: tuple[PendingRevoke, ...] = ()
    revoked: tuple[SentRecycle, ...] = ()  # none of them can ever stand again
    recycled_at: int | None = None  # the last recycle of any pass
    recycles: int = 0  # of all passes
    won_ever: bool = False
    newest_at: int = 0  # of the facts folded so far
    reached: int = 0
    passes: tuple[PassSummary, ...] = ()  # the newest of those that are over
    last_stall_reason: str = ""  # of this pass, whether the stall stands or not

    @property
    def is_progressed(self) -> bool:
        """Whether a touch of this pass had a result."""
        return bool(self.reached & PROGRESSED)


NOBODY = Lead()
"""The lead of no facts."""


def apply(lead: Lead, fact: Fact) -> Lead:
    """What the lead is once this fact, newer in order than all before it, is known."""
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
        case Revoked():
            return _seen(lead, fact.at)  # known before the fold began: see `fold`
        case never:
            assert_never(never)


def fold(facts: Iterable[Fact], start: Lead = NOBODY) -> Lead:
    """The lead that these facts make, in whatever order they are given, on top of what is already folded."""
    in_order = sorted(facts, key=IN_ORDER)
    lead = replace(start, revoked=start.revoked + revocations(in_order))
    for fact in in_order:
        lead = apply(lead, fact)
    return lead


def revocations(facts: Iterable[Fact]) -> tuple[SentRecycle, ...]:
    """The recycles that these facts revoke."""
    return tuple(SentRecycle(fact.recycle_id, fact.stall_id) for fact in facts if type(fact) is Revoked)


def stage(lead: Lead) -> Stage:
    """The stage of the lead, one word."""
    if lead.closed == "won":
        return "won"
    if lead.recycle and lead.stall:
        return "nurture"
    if lead.closed == "lost":
        return "lost"
    if lead.stall:
        return "stalled"
    if lead.pass_no == 0:
        return "unknown"
    return "new" if lead.first_touch_at is None else "working"


def clock_of(lead: Lead, reason: str) -> int | None:
    """When the clock behind this reason last started."""
    started = lead.last_touch_at if reason in TOUCH_CLOCKS else lead.last_progress_at
    return lead.created_at if started is None else started


def _seen(lead: Lead, at: int) -> Lead:
    return lead if at <= lead.newest_at else replace(lead, newest_at=at)


def _created(lead: Lead, fact: Created) -> Lead:
    if lead.pass_no == 0:  # facts that came before the first creation belong to the first pass
        begun = _described(lead, fact, fact.owner_id or lead.owner_id)
        return replace(begun, pass_no=1, created_at=fact.at, reached=lead.reached | CREATED)
    if lead.closed is None and lead.stall is None:  # the pass is still alive: a repeat, not a new pass
        return _described(lead, fact, fact.owner_id or lead.owner_id)
    return _described(_next_pass(lead, fact.at), fact, fact.owner_id)


def _described(lead: Lead, fact: Created, owner_id: str) -> Lead:
    return replace(
        lead,
        origin=fact.origin,
        campaign_id=fact.campaign_id,
        segment=fact.segment,
        owner_id=owner_id,
        account_id=fact.account_id,
        consent_expires_at=fact.consent_expires_at,
        do_not_contact=fact.do_not_contact,
        newest_at=max(lead.newest_at, fact.at),
    )


def _next_pass(lead: Lead, at: int) -> Lead:
    summary = PassSummary(
        lead.pass_no,
        lead.origin,
        lead.created_at,
        lead.reached,
        lead.campaign_id,
        lead.owner_id,
        lead.last_stall_reason,
    )
    return Lead(
        pass_no=lead.pass_no + 1,
        created_at=at,
        revoked=lead.revoked,
        recycled_at=lead.recycled_at,
        recycles=lead.recycles,
        won_ever=lead.won_ever,
        newest_at=lead.newest_at,
        reached=CREATED,
        passes=(*lead.passes, summary)[-MAX_PASSES:],
    )


def _contacted(lead: Lead, fact: Contacted) -> Lead:
    if fact.by_marketing or lead.closed == "won":
        return _seen(lead, fact.at)
    stall = lead.stall
    if stall is not None and _moves(fact, stall):
        lead = _moved(lead, fact.at)
    return _touched(lead, fact)


def _moves(fact: Contacted, stall: Stall) -> bool:
    return fact.is_progress or (stall.declared_by == "detector" and stall.reason in TOUCH_CLOCKS)


def _moved(lead: Lead, at: int) -> Lead:
    # A lead that moves again restarts all its clocks.
    return replace(_unstalled(lead, "moved"), closed=None, attempts=0, last_progress_at=at)


def _touched(lead: Lead, fact: Contacted) -> Lead:
    at, progress = fact.at, fact.is_progress
    return replace(
        lead,
        owner_id=fact.owner_id or lead.owner_id,
        first_touch_at=at if lead.first_touch_at is None else lead.first_touch_at,
        last_touch_at=at,
        last_progress_at=at if progress else lead.last_progress_at,
        touches=lead.touches + 1,
        attempts=0 if progress else lead.attempts + 1,
        next_step_at=lead.next_step_at if fact.next_step_at is None else fact.next_step_at,
        newest_at=max(lead.newest_at, at),
        reached=lead.reached | (TOUCHED | PROGRESSED if progress else TOUCHED),
    )


def _closed(lead: Lead, fact: Closed) -> Lead:
    newest_at = max(lead.newest_at, fact.at)
    if lead.closed == "won":
        return _seen(lead, fact.at)
    if fact.is_won:
        unstalled = _unstalled(lead, "won")
        return replace(unstalled, closed="won", won_ever=True, newest_at=newest_at, reached=lead.reached | WON)
    stall = lead.stall or Stall(fact.event_id, fact.at, fact.reason, "close")
    lost = replace(lead, closed="lost", stall=stall, newest_at=newest_at, last_stall_reason=stall.reason)
    return replace(lost, reached=lead.reached | LOST | STALLED)


def _stalled(lead: Lead, fact: Stalled) -> Lead:
    if lead.closed is not None or lead.stall is not None or _is_void(lead, fact):
        return _seen(lead, fact.at)
    stall = Stall(fact.event_id, fact.at, fact.reason, fact.declared_by, fact.resume_at)
    newest_at, reached = max(lead.newest_at, fact.at), lead.reached | STALLED
    return replace(lead, stall=stall, newest_at=newest_at, reached=reached, last_stall_reason=stall.reason)


def _is_void(lead: Lead, fact: Stalled) -> bool:
    # A late fact shows that the lead had moved before the detector declared the stall.
    return fact.declared_by == "detector" and (clock_of(lead, fact.reason) or 0) > fact.idle_since


def _decided(lead: Lead, fact: Decided) -> Lead:
    # It applies to the active stall, whichever that is: a late fact may have replaced the one it was made for.
    lead, stall = _seen(lead, fact.at), lead.stall
    if fact.decided == "recycle":
        return _recycled(lead, fact)
    if stall is None or stall.decided:
        return lead
    return replace(lead, stall=replace(stall, decided=fact.decided))


def _recycled(lead: Lead, fact: Decided) -> Lead:
    this, stall = SentRecycle(fact.event_id, fact.stall_id), lead.stall
    if stall is None or stall.decided:  # its stall is void: it counts for nothing
        return lead if this in lead.revoked else _with_revoke(lead, this, "void")
    lead = replace(lead, recycled_at=fact.at, recycles=lead.recycles + 1, reached=lead.reached | RECYCLED)
    if this in lead.revoked:
        return lead
    return replace(lead, recycle=this, stall=replace(stall, decided="recycle"))


def _unstalled(lead: Lead, cause: Cause) -> Lead:
    revoked = lead if lead.recycle is None else _with_revoke(lead, lead.recycle, cause)
    return replace(revoked, stall=None, recycle=None)


def _with_revoke(lead: Lead, recycle: SentRecycle, cause: Cause) -> Lead:
    pending = PendingRevoke(recycle.recycle_id, recycle.stall_id, cause)
    return replace(lead, to_revoke=(*lead.to_revoke, pending))
