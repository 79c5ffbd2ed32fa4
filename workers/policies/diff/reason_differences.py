"""Differences of what follows a stall: by its reason, and the limits."""

from collections.abc import Iterator

from streams.domain.policy import Action, Policy, PolicyLimits, Span
from streams.domain.policy.reasons import AT_ONCE
from streams.runtime.documents import DocumentPath
from workers.explaining.words import quoted, sized, times

from .difference import Difference, is_same

OTHERS = "Leads with a reason that is not named"


def reason_differences(before: Policy, after: Policy) -> Iterator[Difference]:
    """What follows other than before, by reason. What is not named follows `otherwise`."""
    for reason in dict.fromkeys([*after.reasons, *before.reasons]):
        place: DocumentPath = ("reasons", reason)
        subject = f"Leads with the reason {quoted(reason)}"
        if before.is_named(reason) != after.is_named(reason):
            named = "is named now" if after.is_named(reason) else "is no longer named, so that `otherwise` applies"
            yield Difference(place, f"The reason {quoted(reason)} {named}.")
        yield from _of_action(before.action_of(reason), after.action_of(reason), place, subject)
        old, new = before.cause_of(reason), after.cause_of(reason)
        if old != new and after.is_named(reason):
            text = f"The cause of the reason {quoted(reason)} is {quoted(new)} instead of {quoted(old)}."
            yield Difference((*place, "cause"), text)
    yield from _of_action(before.otherwise, after.otherwise, ("otherwise",), OTHERS)


def limit_differences(before: PolicyLimits, after: PolicyLimits) -> Iterator[Difference]:
    """The limits that have changed."""
    texts = {
        "max_recycles": _recycles(before.max_recycles, after.max_recycles),
        "max_age": _age(before.max_age, after.max_age),
        "cooldown": _cooldown(before.cooldown, after.cooldown),
    }
    for key, text in texts.items():
        if text:
            yield Difference(("limits", key), text)
    if before.holdout_percent != after.holdout_percent:
        text = f"The control group is {after.holdout_percent} % of all leads instead of {before.holdout_percent} %."
        yield Difference(("limits", "holdout", "percent"), text)
    if before.holdout_salt != after.holdout_salt:
        yield Difference(("limits", "holdout", "salt"), "The control group is drawn again: other leads are in it.")


def _of_action(before: Action | None, after: Action | None, place: DocumentPath, subject: str) -> Iterator[Difference]:
    if before is None and after is not None:
        track = f"for the track {quoted(after.track)}"
        yield Difference(place, f"{subject} are handed back {track}{_start(after)}; before, they never were.")
    elif before is not None and after is None:
        yield Difference(
            place, f"{subject} are never handed back; before, they were for the track {quoted(before.track)}."
        )
    elif before is not None and after is not None:
        for key, text in _action(before, after):
            if text:
                yield Difference((*place, key), f"{subject} {text}.")


def _action(before: Action, after: Action) -> Iterator[tuple[str, str]]:
    """By key: the predicate of a sentence, empty if nothing has changed."""
    if before.track != after.track:
        yield "track", f"are handed back for the track {quoted(after.track)} instead of {quoted(before.track)}"
    if before.disposition != after.disposition:
        yield "disposition", f"are {_disposition(after)}"
    elif after.disposition == "timed" and not is_same(before.delay, after.delay):
        yield "delay", f"are written to {_delay(after)} instead of {_delay(before)}"
    if not is_same(before.escalate, after.escalate):
        yield "escalate", _escalation(before.escalate, after.escalate)
    if not is_same(before.cooldown, after.cooldown):
        old, new = (sized(span) if span else "the time of the limits" for span in (before.cooldown, after.cooldown))
        yield "cooldown", f"are handed back again after {new} at the earliest instead of {old}"


def _start(action: Action) -> str:
    if action.disposition == "triggered":
        return ", on the date that sales reports"
    return "" if is_same(action.delay, AT_ONCE) else f", {_delay(action)}"


def _delay(action: Action) -> str:
    return "at once" if is_same(action.delay, AT_ONCE) else f"after {sized(action.delay)}"


def _disposition(after: Action) -> str:
    if after.disposition == "triggered":
        return "only handed back on a date that sales reports"
    return f"written to {_delay(after)}, without waiting for a date from sales"


def _escalation(before: Span | None, after: Span | None) -> str:
    if after is None:
        return "are handed back without asking sales first"
    asks = f"are handed back after sales has been asked and had {sized(after)} to act"
    return f"{asks} instead of {sized(before)}" if before else f"{asks}; before, sales was not asked"


def _recycles(before: int | None, after: int | None) -> str:
    if before == after:
        return ""
    if after is None:
        return "The number of times that a lead is handed back is no longer limited."
    most = f"A lead is handed back at most {times(after)}" if after else "No lead is handed back"
    return f"{most}; before, there was no limit." if before is None else f"{most}; before, it was {times(before)}."


def _age(before: Span | None, after: Span | None) -> str:
    if is_same(before, after):
        return ""
    if after is None:
        return "The age of a stall is no longer limited."
    old = f" instead of {sized(before)}" if before else "; before, there was no limit"
    return f"A stall may be {sized(after)} old when it becomes known{old}."


def _cooldown(before: Span, after: Span) -> str:
    if is_same(before, after):
        return ""
    return f"A lead is handed back again after {sized(after)} at the earliest instead of {sized(before)}."
