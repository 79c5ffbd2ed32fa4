"""A doubt about a valid policy: probably a mistake, but nothing that a worker refuses; and what all checks need."""

from collections.abc import Iterator
from typing import NamedTuple

from streams.domain.policy.promises import CLOCKS, Promises
from streams.domain.policy.reasons import Action
from streams.domain.policy.spans import BusinessDays, BusinessTime, PlainTime, Span, calendar_of
from streams.domain.policy.terms import Policy
from streams.runtime.documents import DocumentPath

from .syntax import UNITS_MS


class Doubt(NamedTuple):
    """What is probably wrong at this path of the document, and what to write instead."""

    place: DocumentPath
    problem: str
    fix: str


def all_promises(policy: Policy) -> Iterator[tuple[DocumentPath, Promises]]:
    """The promises to everybody and those of every rule, with their paths."""
    yield ("promises",), policy.promises
    for n, rule in enumerate(policy.rules):
        yield ("rules", n, "promises"), rule.promises


def all_actions(policy: Policy) -> Iterator[tuple[DocumentPath, Action]]:
    """The actions of all reasons, and of those that are not named, with their paths."""
    actions = [(("reasons", reason), action) for reason, action in policy.reasons.items()]
    for place, action in [*actions, (("otherwise",), policy.otherwise)]:
        if action is not None:
            yield place, action


def all_calendars(policy: Policy) -> set[str]:
    """The names of the calendars that any span of the policy is on."""
    spans = [span for _, promises in all_promises(policy) for span in _spans_of(promises)]
    spans += [span for _, action in all_actions(policy) for span in (action.delay, action.cooldown, action.escalate)]
    spans += [policy.limits.max_age, policy.limits.cooldown]
    return {calendar.name for span in spans if (calendar := calendar_of(span)) is not None}


def _spans_of(promises: Promises) -> list[Span | None]:
    clocks: list[Span | None] = [getattr(promises, name) for name in CLOCKS]
    return [*clocks, promises.grace, *promises.warn.values()]


def is_surely_shorter(span: Span | None, other: Span | None) -> bool:
    """Whether the span ends before the other whenever both start; False if that depends on the start."""
    if isinstance(other, BusinessTime) and isinstance(span, PlainTime):
        return span.ms < other.ms
    if isinstance(span, BusinessDays) and isinstance(other, BusinessDays):
        return span.calendar == other.calendar and span.count < other.count
    if isinstance(span, BusinessTime) and isinstance(other, BusinessTime):
        return span.calendar == other.calendar and span.ms < other.ms
    return isinstance(span, PlainTime) and isinstance(other, PlainTime) and span.ms < other.ms


def about_ms(span: Span) -> float:
    """About how long the span takes by the wall clock."""
    if isinstance(span, BusinessDays):
        return span.count * UNITS_MS["day"] / span.calendar.open_days
    return span.ms / (1.0 if isinstance(span, PlainTime) else span.calendar.open_time)
