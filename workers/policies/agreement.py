"""A policy in words for people who work with leads: who owes what by when, and what follows."""

from collections.abc import Iterator
from typing import NamedTuple

from streams.domain.policy import Action, Policy, Promises
from streams.domain.policy.counts import Counting
from streams.domain.policy.promises import CLOCKS
from streams.domain.policy.reasons import AT_ONCE
from workers.explaining.words import joined, quoted, sized, times

from .diff.difference import is_same
from .diff.promise_differences import PROMISED
from .diff.rule_differences import leads_of

_STARTS = {
    "never_assigned": "of its creation",
    "never_contacted": "of its creation",
    "no_follow_up": "of the last contact",
    "no_progress": "of the last answer or meeting",
    "no_next_step": "of an answer or a meeting",
}


class WhatFollows(NamedTuple):
    """What follows when a lead goes cold for a reason; an empty reason is any other.

    Attributes:
        reason: Why the lead is cold.
        track: That marketing is asked to start; empty: the lead is not handed back.
        start: When, in words.
        asked: How long sales has to act first; empty: sales is not asked.
    """

    reason: str
    track: str = ""
    start: str = ""
    asked: str = ""


class Agreement(NamedTuple):
    """Sentences by what they are about, and what follows by reason."""

    promises: list[str]
    rules: list[str]
    reasons: list[WhatFollows]
    gates: list[str]
    counts: list[str]


def agreement_of(policy: Policy) -> Agreement:
    """All terms of a policy."""
    rules = [
        f"For {leads_of(rule)} ({quoted(rule.name)}): {_lower(sentence)}"
        for rule in policy.rules
        for sentence in _changed(rule.promises, policy.promises)
    ]
    return Agreement(
        [*_promises(policy.promises), *_intake(policy)],
        rules,
        list(_reasons(policy)),
        list(_gates(policy)),
        list(_counts(policy.counts)),
    )


def _promises(promises: Promises) -> Iterator[str]:
    for name in CLOCKS:
        span = getattr(promises, name)
        if span is not None:
            yield _promised(name, promises)
    if promises.grace is not None and promises.no_follow_up is not None:
        yield f"If a next step is agreed, its date counts instead, and {sized(promises.grace)} more."
    if promises.max_attempts is not None:
        yield f"Sales tries at most {promises.max_attempts:,} times without an answer or a meeting."


def _intake(policy: Policy) -> Iterator[str]:
    if policy.intake.owner:
        whose = "about a lead without an owner, or with one who is away"
        yield f"What sales is asked or warned {whose} goes to {quoted(policy.intake.owner)}."


def _promised(name: str, promises: Promises) -> str:
    start = _STARTS[name]
    if name == "never_contacted" and promises.contact_from == "assigned":
        start = "of getting its first owner"
    warning = promises.warn.get(name)
    warned = f" Sales is warned {sized(warning)} before." if warning is not None else ""
    return f"Each lead gets {PROMISED[name]} within {sized(getattr(promises, name))} {start}.{warned}"


def _changed(promises: Promises, common: Promises) -> Iterator[str]:
    """What a rule promises other than the policy does to everybody."""
    usual = list(_promises(common))
    found = [sentence for sentence in _promises(promises) if sentence not in usual]
    dropped = [name for name in CLOCKS if getattr(promises, name) is None and getattr(common, name) is not None]
    yield from found
    yield from (f"Nothing is promised about {PROMISED[name]}." for name in dropped)
    if not found and not dropped:
        yield "The same is promised as about every lead."


def _reasons(policy: Policy) -> Iterator[WhatFollows]:
    for reason, action in policy.reasons.items():
        yield _follows(reason, action)
    yield _follows("", policy.otherwise)


def _follows(reason: str, action: Action | None) -> WhatFollows:
    if action is None:
        return WhatFollows(reason)
    start = "at once" if is_same(action.delay, AT_ONCE) else f"{sized(action.delay)} later"
    if action.disposition == "triggered":
        start = "on the date that sales reports"
    return WhatFollows(reason, action.track, start, sized(action.escalate) if action.escalate else "")


def _gates(policy: Policy) -> Iterator[str]:
    limits = policy.limits
    yield "A customer is not handed back."
    yield "A lead that asked not to be contacted is not handed back until it may be contacted again."
    yield "A lead whose consent ends before marketing may start to write waits for a new consent."
    if limits.max_recycles is not None:
        yield f"A lead is handed back at most {times(limits.max_recycles)}."
    yield f"A lead is handed back again after {sized(limits.cooldown)} at the earliest."
    if limits.max_age is not None:
        yield f"A lead whose stall becomes known {sized(limits.max_age)} late, or later, is not handed back."
    if limits.holdout_percent:
        yield f"Of a hundred leads, {limits.holdout_percent} are left alone, to know what handing back is worth."
    yield "A lead that answers or meets sales comes back from marketing at once."


def _counts(counts: Counting) -> Iterator[str]:
    yield f"Contacts by {joined(sorted(counts.by))} are touches."
    if counts.ignored:
        yield f"Contacts with the outcome {_listed(counts.ignored)} are none."
    yield f"An answer or a meeting is a contact with the outcome {_listed(counts.progress)}."


def _listed(symbols: frozenset[str]) -> str:
    return joined([quoted(symbol.replace("_", " ")) for symbol in sorted(symbols)])


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
