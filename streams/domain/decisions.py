"""The decision about a stall, as a value.

`at` of a decision is the instant at which its stall was evaluated, of a Revoke that of the newest fact: so a replay
repeats it exactly. `docs/policy.md` defines every decision and every `why`.
"""

from typing import assert_never

from msgspec import Struct

from .deadlines import cooldown_ends, evaluated_at
from .facts import Decided, DecidedAs, Revoked
from .ids import digest
from .lead import Cause, Lead, SentRecycle, Stall
from .policy import Action, Policy, PolicyLimits
from .policy.terms import NURTURE


class Recycle(Struct, frozen=True, gc=False):
    """Hand the lead back to marketing: on this track, not before that instant, and not after `expires_at`."""

    recycle_id: str
    stall_id: str
    at: int
    reason: str
    track: str
    not_before: int
    why: str
    expires_at: int | None = None


class _Verdict(Struct, frozen=True, gc=False):
    event_id: str
    stall_id: str
    at: int
    reason: str
    why: str


class Holdout(_Verdict, frozen=True, gc=False):
    """Leave the lead alone, to measure what handing back is worth."""


class Retire(_Verdict, frozen=True, gc=False):
    """Do not hand the lead back any more."""


class Suppress(_Verdict, frozen=True, gc=False):
    """Do not hand the lead back until a new fact opens the gate `why`; then evaluate the stall again."""


class _Dated(_Verdict, frozen=True, gc=False):
    until: int


class Hold(_Dated, frozen=True, gc=False):
    """Evaluate the stall again at `until`, when what forbids it now has passed."""


class Escalate(_Dated, frozen=True, gc=False):
    """Tell sales that a promise was broken: they have until `until` to act; then evaluate the stall again."""


class Revoke(Struct, frozen=True, gc=False):
    """Withdraw a recycle."""

    event_id: str
    recycle_id: str
    stall_id: str
    at: int
    cause: Cause


class AtRisk(Struct, frozen=True, gc=False):
    """Warn sales: the promise whose clock started at `idle_since` breaks at `until`."""

    event_id: str
    at: int
    reason: str
    idle_since: int
    until: int


StallDecision = Recycle | Holdout | Retire | Suppress | Hold | Escalate | Revoke
"""The outcome of a stall; `schemas.events.Decision` is its name in a record."""

WHYS: dict[type[StallDecision], tuple[str, ...]] = {
    Suppress: ("customer", "do_not_contact", "consent_expired", "no_date"),
    Retire: ("never", "recycle_limit", "too_old"),
    Hold: ("cooldown",),
    Holdout: ("holdout",),
}
"""Why a lead is not handed back; for the other decisions `why` is the reason of the stall, or the cause."""


def decide(lead_id: str, lead: Lead, policy: Policy, now: int, seen: int | None = None) -> StallDecision | None:
    """Decide about this lead; None if there is nothing to decide.

    Args:
        lead_id: Decides who is held out.
        lead: Its state.
        policy: Its version goes with the decision.
        now: Stream time up to which the lead is evaluated: replays must agree.
        seen: How far stream time is, if further than `now`.
    """
    if lead.to_revoke:
        pending = lead.to_revoke[0]
        return _revoke(lead, pending.recycle_id, pending.stall_id, pending.cause)
    if lead.recycle is not None:
        cause = _lost_gate(lead, lead.recycle)
        return _revoke(lead, lead.recycle.recycle_id, lead.recycle.stall_id, cause) if cause else None
    stall = lead.stall
    if stall is None or not stall.is_open:
        return None
    at = evaluated_at(lead, stall, policy)
    if at > now and stall.decided in ("hold", "escalate"):
        return None
    return _evaluated(_Case(lead_id, lead, stall, policy, at, now if seen is None else seen))


def fact_of_decision(decision: StallDecision) -> Decided | Revoked:
    """The decision as the fact that the lead remembers."""
    match decision:
        case Recycle():
            return Decided(decision.at, decision.recycle_id, "recycle", decision.stall_id, decision.not_before)
        case Revoke():
            return Revoked(decision.at, decision.event_id, decision.recycle_id, decision.stall_id, decision.cause)
        case Holdout() | Suppress() | Retire() | Hold() | Escalate():
            return Decided(decision.at, decision.event_id, VERDICTS[type(decision)], decision.stall_id)
        case never:
            assert_never(never)


def id_of(decision: StallDecision) -> str:
    """The event_id of the decision."""
    return decision.recycle_id if isinstance(decision, Recycle) else decision.event_id


VERDICTS: dict[type[StallDecision], DecidedAs] = {
    Holdout: "holdout",
    Suppress: "suppress",
    Retire: "retire",
    Hold: "hold",
    Escalate: "escalate",
}


class _Case(Struct, frozen=True, gc=False):
    lead_id: str
    lead: Lead
    stall: Stall
    policy: Policy
    at: int  # when the stall is evaluated
    seen: int  # stream time

    @property
    def action(self) -> Action | None:
        return self.policy.action_of(self.stall.reason)

    @property
    def limits(self) -> PolicyLimits:
        return self.policy.limits

    @property
    def not_before(self) -> int:
        return marketing_starts_at(self.stall, self.policy, self.at)


def _evaluated(case: _Case) -> StallDecision | None:
    gate = _closed_gate(case)
    if gate is not None:
        return None if case.stall.decided == "suppress" else Suppress(*_verdict("suppress", case, gate))
    end = _end(case)
    if end is not None:
        return Retire(*_verdict("retire", case, end))
    stall, escalate = case.stall, case.action and case.action.escalate
    if escalate and stall.escalated_at is None:
        return Escalate(*_verdict("escalate", case, stall.reason), escalate.after(case.at))
    until = cooldown_ends(case.lead, stall, case.policy)
    if until > case.at:
        return Hold(*_verdict("hold", case, "cooldown"), until)
    return Holdout(*_verdict("holdout", case, "holdout")) if _is_held_out(case) else _recycle(case)


def marketing_starts_at(stall: Stall, policy: Policy, at: int) -> int:
    """When marketing may start to write, if the stall is evaluated at `at`."""
    action = policy.action_of(stall.reason)
    return max(action.delay.after(at) if action else at, stall.resume_at or 0)


def _closed_gate(case: _Case) -> str | None:
    """The gate that is closed for as long as no new fact opens it."""
    lead = case.lead
    if lead.won_ever:
        return "customer"
    if lead.do_not_contact:
        return "do_not_contact"
    expires_at = lead.consent_expires_at
    if expires_at is not None and expires_at <= case.not_before:
        return "consent_expired"
    waits_for_date = case.action is not None and case.action.disposition == "triggered"
    return "no_date" if waits_for_date and case.stall.resume_at is None else None


def _lost_gate(lead: Lead, recycle: SentRecycle) -> Cause | None:
    """Why a recycle that stands may stand no longer."""
    if lead.won_ever:
        return "won"
    if lead.do_not_contact:
        return "do_not_contact"
    expires_at = lead.consent_expires_at  # if it ends later, deliver and marketing go by `expires_at`
    return "consent_expired" if expires_at is not None and expires_at <= recycle.not_before else None


def _end(case: _Case) -> str | None:
    """Why this lead is never handed back."""
    limits = case.limits
    if case.action is None:
        return "never"
    if limits.max_recycles is not None and case.lead.recycles >= limits.max_recycles:
        return "recycle_limit"
    # It went cold long before anybody could know.
    return "too_old" if limits.max_age is not None and case.seen > limits.max_age.after(case.at) else None


def _is_held_out(case: _Case) -> bool:
    limits = case.limits
    drawn = limits.holdout_percent and int(digest(limits.holdout_salt, case.lead_id), 16) % 100
    return drawn < limits.holdout_percent


def _revoke(lead: Lead, recycle_id: str, stall_id: str, cause: Cause) -> Revoke:
    return Revoke(digest("revoke", recycle_id), recycle_id, stall_id, lead.newest_at, cause)


def _verdict(verdict: DecidedAs, case: _Case, why: str) -> tuple[str, str, int, str, str]:
    stall, at = case.stall, case.at
    event_id = digest(verdict, stall.stall_id) if at == stall.at else digest(verdict, stall.stall_id, at)
    return event_id, stall.stall_id, at, stall.reason, why


def _recycle(case: _Case) -> Recycle:
    stall, action, at = case.stall, case.action or NURTURE, case.at
    recycle_id, expires_at = _recycle_id(case), case.lead.consent_expires_at
    return Recycle(
        recycle_id, stall.stall_id, at, stall.reason, action.track, case.not_before, stall.reason, expires_at
    )


def _recycle_id(case: _Case) -> str:
    stall_id, revoked = case.stall.stall_id, case.lead.revoked
    again = sum(sent.stall_id == stall_id for sent in revoked)  # taken back, and true after all: a new id
    recycle_id = digest("recycle", stall_id, again) if again else digest("recycle", stall_id)
    while any(sent.recycle_id == recycle_id for sent in revoked):  # taken back in another order than sent
        again += 1
        recycle_id = digest("recycle", stall_id, again)
    return recycle_id
