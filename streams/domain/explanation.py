"""Why a lead is where it is, and what happens to it next if nothing is reported: values, for people and programs.

Everything follows from what decides: each promise alone gives its deadline, and what comes next is what the `LeadFold`
emits with time going on.
"""

import dataclasses
from collections.abc import Iterator
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from schemas.events import Stage

from .deadlines import Deadline, cooldown_ends, evaluated_at, next_deadline
from .decisions import AtRisk, StallDecision, marketing_starts_at
from .facts import Stalled
from .lead import Lead, stage
from .lead_fold import LeadFold
from .lead_history import LeadHistory
from .policy import Policy, Promises, Rule, Span

PromiseState = Literal["running", "waiting", "kept", "broken", "stopped", "off"]
"""running: its clock runs; waiting: it begins later; kept: it is over; broken: the lead is cold because of it;
stopped: the lead is cold for another reason, or its deal is closed."""
PromiseName = Literal[
    "never_assigned", "never_contacted", "no_follow_up", "no_progress", "no_next_step", "attempts_exhausted"
]
"""The reasons of the stalls that the detector declares."""
GateName = Literal["customer", "do_not_contact", "consent", "date", "cooldown"]

MOST_STEPS = 10


class ExplainedPromise(Struct, frozen=True, gc=False):
    """A promise about a lead. `within` and `at_most` (attempts) are its size; both None: it is off.

    `since` and `due`: of its clock; None if it does not run. `next_step_at` and `grace`: the agreed next step on which
    `due` depends, and how long after it.
    """

    name: PromiseName
    state: PromiseState
    within: Span | None = None
    at_most: int | None = None
    since: int | None = None
    due: int | None = None
    next_step_at: int | None = None
    grace: Span | None = None


class ExplainedGate(Struct, frozen=True, gc=False):
    """A condition that forbids handing a lead back while it is closed.

    `date` is for a stall that waits until sales reports a date.
    `until`: the end of the consent, or of the cooldown; None: no end is known. `needed_at`: when marketing could start
    to write, with which the end of the consent is compared.
    """

    name: GateName
    is_open: bool
    until: int | None = None
    needed_at: int | None = None


class ForecastStep(Struct, frozen=True, gc=False):
    """What Leadloop emits as soon as stream time is past `at`, if nothing is reported before."""

    at: int
    what: Stalled | StallDecision | AtRisk


class Explanation(Struct, frozen=True, gc=False):
    """A lead as of `at` (epoch ms), under a policy; without a policy, rules, promises and the future are not known.

    `rule`: the one that applies; None: none does. `following`: what happens next if nothing is reported, in order.
    """

    lead_id: str
    at: int
    lead: Lead
    stage: Stage
    policy: Policy | None
    rule: Rule | None
    promises: tuple[ExplainedPromise, ...]
    gates: tuple[ExplainedGate, ...]
    following: tuple[ForecastStep, ...]


def explain(lead_id: str, history: LeadHistory, policy: Policy | None, now: int) -> Explanation:
    """Explain a lead, and foresee what happens to it.

    Args:
        lead_id: Decides who is held out.
        history: What is known of the lead; it is not changed.
        policy: The policy; None: it is not known here.
        now: The instant of the explanation, epoch ms.
    """
    lead = history.lead
    gates = (*_lasting_gates(lead, policy, now), *_cooldown(lead, policy, now))
    if policy is None:
        return Explanation(lead_id, now, lead, stage(lead), None, None, (), gates, ())
    promises = tuple(_promises(lead, policy))
    following = tuple(_following(lead_id, history, policy, now))
    return Explanation(lead_id, now, lead, stage(lead), policy, policy.rule_of(lead), promises, gates, following)


# -- promises ----------------------------------------------------------------------------------------


def _promises(lead: Lead, policy: Policy) -> Iterator[ExplainedPromise]:
    promised = policy.promises_of(lead)
    for name in get_args(PromiseName):
        alone = _alone(promised, name)
        # As it runs, or as it would run if the lead had not gone cold.
        clock = next_deadline(replace(lead, stall=None), dataclasses.replace(policy, promises=alone, rules=()))
        if name == "attempts_exhausted":
            state = _state(lead, name, alone.max_attempts is None, clock is not None)
            yield ExplainedPromise(name, state, at_most=alone.max_attempts)
        else:
            yield _promise(lead, name, getattr(alone, name), clock, alone.grace)


def _alone(promised: Promises, name: PromiseName) -> Promises:
    """This promise without the others."""
    return Promises(
        promised.never_contacted if name == "never_contacted" else None,
        promised.no_follow_up if name == "no_follow_up" else None,
        promised.no_progress if name == "no_progress" else None,
        promised.grace,
        promised.max_attempts if name == "attempts_exhausted" else None,
        promised.never_assigned if name == "never_assigned" else None,
        promised.no_next_step if name == "no_next_step" else None,
        promised.contact_from,
    )


def _promise(
    lead: Lead, name: PromiseName, span: Span | None, clock: Deadline | None, grace: Span | None
) -> ExplainedPromise:
    state = _state(lead, name, span is None, clock is not None)
    if span is None or clock is None or state not in ("running", "broken"):
        return ExplainedPromise(name, state, span)
    due, since = clock.due, clock.idle_since
    if due == span.after(since):
        return ExplainedPromise(name, state, span, None, since, due)
    return ExplainedPromise(name, state, span, None, since, due, lead.next_step_at, grace)


def _state(lead: Lead, name: PromiseName, is_off: bool, has_clock: bool) -> PromiseState:
    stall = lead.stall
    if stall is not None and stall.declared_by == "detector" and stall.reason == name:
        return "broken"
    if is_off:
        return "off"
    if (name == "never_contacted" and lead.first_touch_at is not None) or (name == "never_assigned" and lead.owner_id):
        return "kept"
    if stall is not None or lead.closed is not None:
        return "stopped"
    return "running" if has_clock else "waiting"


# -- gates -------------------------------------------------------------------------------------------


def _lasting_gates(lead: Lead, policy: Policy | None, now: int) -> list[ExplainedGate]:
    """Those that only a new fact opens."""
    needed_at, expires_at = _needed_at(lead, policy, now), lead.consent_expires_at
    gates = [
        ExplainedGate("customer", not lead.won_ever),
        ExplainedGate("do_not_contact", not lead.do_not_contact),
        ExplainedGate("consent", expires_at is None or expires_at > needed_at, expires_at, needed_at),
    ]
    if _is_triggered(lead, policy):
        gates.append(ExplainedGate("date", lead.stall is not None and lead.stall.resume_at is not None))
    return gates


def _is_triggered(lead: Lead, policy: Policy | None) -> bool:
    """Whether the stall is handed back on the date that sales reports."""
    stall = lead.stall
    if stall is None or not stall.is_open or policy is None:
        return False
    return policy.disposition_of(stall.reason) == "triggered"


def _needed_at(lead: Lead, policy: Policy | None, now: int) -> int:
    """When marketing may start to write; for a lead that is not cold, now."""
    stall = lead.stall
    if lead.recycle is not None:
        return lead.recycle.not_before
    if stall is None or policy is None or not stall.is_open:
        return now
    return marketing_starts_at(stall, policy, evaluated_at(lead, stall, policy))


def _cooldown(lead: Lead, policy: Policy | None, now: int) -> list[ExplainedGate]:
    stall = lead.stall
    if policy is None or lead.recycle is not None:
        return []
    if stall is not None and stall.is_open:
        until = cooldown_ends(lead, stall, policy)
    else:
        until = 0 if lead.recycled_at is None else policy.limits.cooldown.after(lead.recycled_at)
    return [ExplainedGate("cooldown", until <= now, until or None)]


# -- what comes next ---------------------------------------------------------------------------------


def _following(lead_id: str, history: LeadHistory, policy: Policy, now: int) -> Iterator[ForecastStep]:
    ledger = LeadFold(lead_id, replace(history, facts=list(history.facts)))
    # Facts may be known that are newer than the newest decision. Time alone decides nothing without a deadline.
    ledger.settle(policy, min(ledger.lead.newest_at, now), now)
    while (deadline := ledger.deadline(policy)) is not None and len(ledger.emissions) < MOST_STEPS:
        emitted = len(ledger.emissions)
        ledger.tick(policy, deadline.due + 1, max(deadline.due + 1, now))
        if len(ledger.emissions) == emitted:
            break
    for emission in ledger.emissions:
        yield ForecastStep(max(emission.now, now), emission.what)
