"""What happens to a lead next if nothing is reported, in sentences."""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from streams.domain.apply import is_neglected
from streams.domain.decisions import AtRisk, Escalate, StallDecision
from streams.domain.explanation import Explanation
from streams.domain.facts import Stalled
from streams.domain.lead import Lead

from .decision_sentences import decision_words
from .known_decision import foreseen
from .words import TimeWords, joined

_UNLESS = {
    "never_assigned": "it gets no owner",
    "no_next_step": "no next step is agreed",
    "never_contacted": "nobody contacts it",
    "no_follow_up": "nobody follows up",
    "no_progress": "there is no answer and no meeting",
}
_OPENED_BY = {
    "customer": "Customers are not handed back: nothing happens unless it moves again.",
    "do_not_contact": "Leadloop evaluates it again as soon as it may be contacted.",
    "date": "Leadloop evaluates it again as soon as sales reports a date to resume.",
    "consent": "Leadloop evaluates it again as soon as a new consent is reported.",
}
_NO_CREATION = "Nothing happens before its creation is reported."


class NextDate(NamedTuple):
    """When a lead is evaluated next (epoch ms), and the promise that breaks then, or `held`."""

    at: int
    reason: str


class _Moment(NamedTuple):
    """All that is emitted at one instant."""

    at: int
    warning: AtRisk | None
    stall: Stalled | None
    decisions: list[StallDecision]

    @property
    def is_escalation(self) -> bool:
        return any(isinstance(each, Escalate) for each in self.decisions)


def next_sentences(explained: Explanation, next_date: NextDate | None, times: TimeWords) -> Iterator[str]:
    """What happens next and when, or what would have to be reported.

    `next_date` is what is known if nothing is foreseen.
    """
    moments = list(_moments(explained))
    stall = explained.lead.stall
    is_escalated = stall is not None and stall.decided == "escalate"
    for moment in moments:
        if moment.warning is not None:
            yield _warned(moment.warning, moment.at, explained, times)
        if moment.stall is None and not moment.decisions:
            continue
        yield f"{_condition(moment, explained, times, is_escalated=is_escalated)}{_decisions(moment, times)}."
        is_escalated = moment.is_escalation
    if not moments and next_date is not None:
        yield _dated(next_date, times)
    elif not moments:
        yield from _rest(explained, times)


def _moments(explained: Explanation) -> Iterator[_Moment]:
    for at, steps in groupby(explained.following, key=lambda step: step.at):
        warning, stall, decisions = None, None, list[StallDecision]()
        for step in steps:
            if isinstance(step.what, AtRisk):
                warning = step.what
            elif isinstance(step.what, Stalled):
                stall = step.what
            else:
                decisions.append(step.what)
        yield _Moment(at, warning, stall, decisions)


def _warned(warning: AtRisk, at: int, explained: Explanation, times: TimeWords) -> str:
    then = f"Leadloop warns sales that this promise breaks on {times.on(warning.until)}"
    if at <= explained.at:
        return f"At the next evaluation, {then}."
    return f"If {_UNLESS.get(warning.reason, 'nothing is reported')} by {times.on(at)} ({times.away(at)}), {then}."


def _condition(moment: _Moment, explained: Explanation, times: TimeWords, *, is_escalated: bool) -> str:
    is_now, stall = moment.at <= explained.at, moment.stall
    if is_now:
        return "At the next evaluation, it counts as gone cold" if stall else "At the next evaluation, "
    when = f"{times.on(moment.at)} ({times.away(moment.at)})"
    if stall is not None:
        return f"If {_UNLESS.get(stall.reason, 'nothing is reported')} by {when}, it counts as gone cold"
    return f"If {'sales does not act' if is_escalated else 'nothing is reported'} by {when}, "


def _decisions(moment: _Moment, times: TimeWords) -> str:
    words = joined([decision_words(foreseen(each, moment.at), "present", times) for each in moment.decisions])
    if not words:
        return ""
    return f", and Leadloop {words}" if moment.stall else f"Leadloop {words}"


def _dated(next_date: NextDate, times: TimeWords) -> str:
    when = f"{times.on(next_date.at)} ({times.away(next_date.at)})"
    if next_date.reason in _UNLESS:
        return f"If {_UNLESS[next_date.reason]} by {when}, it counts as gone cold."
    return f"If nothing is reported by {when}, Leadloop evaluates it again."


def _rest(explained: Explanation, times: TimeWords) -> Iterator[str]:
    """Nothing is due: what would have to be reported."""
    lead = explained.lead
    match explained.stage:
        case "unknown":
            yield _NO_CREATION
        case "won":
            yield "Nothing more happens to it, unless marketing passes it to sales again."
        case "nurture":
            if lead.recycle is not None and lead.recycle.not_before > times.now:
                start = lead.recycle.not_before
                yield f"Marketing may start to write on {times.on(start)} ({times.away(start)})."
            until = joined(["it answers", *_ended_by_sales(lead), "marketing passes it to sales again"], "or")
            yield f"It stays with marketing until {until}."
        case "stalled" | "lost":
            yield _waits(explained)
        case _:
            yield "No clock runs for it: nothing happens until something is reported."


def _waits(explained: Explanation) -> str:
    stall = explained.lead.stall
    closed = [gate.name for gate in explained.gates if not gate.is_open and gate.name in _OPENED_BY]
    if stall is not None and stall.decided == "suppress" and closed:
        return _OPENED_BY[closed[0]]
    if explained.lead.created_at is None and stall is not None and stall.is_open:
        return _NO_CREATION
    moves, ends = "it moves again (an answer or a meeting)", _ended_by_sales(explained.lead)
    return f"It stays as it is, unless {joined([moves, *ends, 'sales reports something else'], 'or')}."


def _ended_by_sales(lead: Lead) -> Iterator[str]:
    """What sales can do to end the stall of a neglected lead, besides progress."""
    if lead.stall is not None and is_neglected(lead, lead.stall):
        if lead.stall.reason == "never_assigned":
            yield "it gets an owner"
        yield "sales contacts it"
