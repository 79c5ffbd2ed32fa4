"""The decision about a stall, as a value.

`at` of a decision is the instant of its stall, of a Revoke that of the newest fact: so a replay repeats it exactly.
"""

from collections.abc import Callable
from typing import assert_never

from msgspec import Struct

from .facts import Decided, DecidedAs, Revoked
from .ids import digest
from .lead import Cause, Lead, Stall
from .policy import Action, Policy, PolicyLimits
from .policy.terms import NURTURE


class Recycle(Struct, frozen=True, gc=False):
    """Hand the lead back to marketing: on this track, not before that instant."""

    recycle_id: str
    stall_id: str
    at: int
    reason: str
    track: str
    not_before: int
    why: str


class _Kept(Struct, frozen=True, gc=False):
    event_id: str
    stall_id: str
    at: int
    reason: str
    why: str


class Holdout(_Kept, frozen=True, gc=False):
    """Leave the lead alone, to measure what handing back is worth."""


class Suppress(_Kept, frozen=True, gc=False):
    """Do not hand the lead back this time."""


class Retire(_Kept, frozen=True, gc=False):
    """Do not hand the lead back any more."""


class Revoke(Struct, frozen=True, gc=False):
    """Withdraw a recycle."""

    event_id: str
    recycle_id: str
    stall_id: str
    at: int
    cause: Cause


StallDecision = Recycle | Holdout | Suppress | Retire | Revoke
"""The outcome of a stall; `schemas.events.Decision` is its name in a record."""


def decide(lead_id: str, lead: Lead, policy: Policy, now: int) -> StallDecision | None:
    """Decide about this lead; None if there is nothing to decide. `now` is stream time: replays must agree."""
    if lead.to_revoke:
        pending = lead.to_revoke[0]
        event_id = digest("revoke", pending.recycle_id)
        return Revoke(event_id, pending.recycle_id, pending.stall_id, lead.newest_at, pending.cause)
    stall = lead.stall
    if stall is None or stall.decided is not None:
        return None
    case = _Case(lead_id, lead, stall, policy.action_of(stall.reason), policy.limits, now)
    return _kept(case) or _recycle(case)


def fact_of_decision(decision: StallDecision) -> Decided | Revoked:
    """The decision as the fact that the lead remembers."""
    match decision:
        case Recycle():
            return Decided(decision.at, decision.recycle_id, "recycle", decision.stall_id)
        case Revoke():
            return Revoked(decision.at, decision.event_id, decision.recycle_id, decision.stall_id)
        case Holdout() | Suppress() | Retire():
            return Decided(decision.at, decision.event_id, VERDICTS[type(decision)], decision.stall_id)
        case never:
            assert_never(never)


class _Case(Struct, frozen=True, gc=False):
    lead_id: str
    lead: Lead
    stall: Stall
    action: Action | None
    limits: PolicyLimits
    now: int


def _is_expired(case: _Case) -> bool:
    expires_at = case.lead.consent_expires_at
    return expires_at is not None and expires_at <= case.stall.at


def _is_at_limit(case: _Case) -> bool:
    return case.limits.max_recycles is not None and case.lead.recycles >= case.limits.max_recycles


def _is_too_old(case: _Case) -> bool:
    max_age = case.limits.max_age
    return max_age is not None and case.now > max_age.after(case.stall.at)


def _is_cooling(case: _Case) -> bool:
    recycled_at = case.lead.recycled_at
    if recycled_at is None or recycled_at > case.stall.at:
        return False
    own = case.action.cooldown if case.action else None
    return case.stall.at < (own or case.limits.cooldown).after(recycled_at)


def _is_held_out(case: _Case) -> bool:
    limits = case.limits
    drawn = limits.holdout_percent and int(digest(limits.holdout_salt, case.lead_id), 16) % 100
    return drawn < limits.holdout_percent


GROUNDS: tuple[tuple[type[Holdout | Suppress | Retire], str, Callable[[_Case], bool]], ...] = (
    (Suppress, "customer", lambda case: case.lead.won_ever),
    (Suppress, "do_not_contact", lambda case: case.lead.do_not_contact),
    (Suppress, "consent_expired", _is_expired),
    (Retire, "never", lambda case: case.action is None),
    (Retire, "recycle_limit", _is_at_limit),
    (Suppress, "too_old", _is_too_old),
    (Suppress, "cooldown", _is_cooling),
    (Holdout, "holdout", _is_held_out),
)
"""Why a lead is not handed back; the first reason that applies is the one in the decision."""

VERDICTS: dict[type[Holdout | Suppress | Retire], DecidedAs] = {
    Holdout: "holdout",
    Suppress: "suppress",
    Retire: "retire",
}


def _kept(case: _Case) -> Holdout | Suppress | Retire | None:
    stall = case.stall
    for verdict, why, applies in GROUNDS:
        if applies(case):
            event_id = _id_of(VERDICTS[verdict], case)
            return verdict(event_id, stall.stall_id, stall.at, stall.reason, why)
    return None


def _recycle(case: _Case) -> Recycle:
    stall, action = case.stall, case.action or NURTURE
    recycle_id = _id_of("recycle", case)
    not_before = max(action.delay.after(stall.at), stall.resume_at or 0)
    return Recycle(recycle_id, stall.stall_id, stall.at, stall.reason, action.track, not_before, stall.reason)


def _id_of(verdict: DecidedAs, case: _Case) -> str:
    stall_id, revoked = case.stall.stall_id, case.lead.revoked
    if not revoked:
        return digest(verdict, stall_id)
    again = sum(sent.stall_id == stall_id for sent in revoked)  # taken back, and true after all: a new id
    verdict_id = digest(verdict, stall_id, again) if again else digest(verdict, stall_id)
    while any(sent.recycle_id == verdict_id for sent in revoked):  # taken back in another order than sent
        again += 1
        verdict_id = digest(verdict, stall_id, again)
    return verdict_id
