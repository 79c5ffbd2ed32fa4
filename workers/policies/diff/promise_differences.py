"""Differences between promises, to everybody or by a rule."""

from collections.abc import Iterator

from streams.domain.policy import Promises, Span
from streams.domain.policy.promises import CLOCKS
from streams.runtime.documents import DocumentPath
from workers.explaining.words import counted, sized

from .difference import Difference, is_same, under

PROMISED = {
    "never_assigned": "an owner",
    "never_contacted": "a first contact",
    "no_follow_up": "a follow-up",
    "no_progress": "an answer or a meeting",
    "no_next_step": "an agreed next step",
}
"""What each promise is about, by its name."""
_STARTS = {"created": "when the lead is created", "assigned": "when the lead gets its first owner"}


def promise_differences(
    before: Promises, after: Promises, place: DocumentPath, subject: str = ""
) -> Iterator[Difference]:
    """The differences of all promises. `place`: their path; `subject`: the rule that they belong to, if any."""
    for keys, text in _differences(before, after):
        if text:
            yield Difference((*place, *keys), under(subject, text))


def _differences(before: Promises, after: Promises) -> Iterator[tuple[DocumentPath, str]]:
    for name in CLOCKS:
        yield (name,), _clock(PROMISED[name], getattr(before, name), getattr(after, name))
        yield (name, "warn"), _warning(name, before, after)
    if before.contact_from != after.contact_from:
        starts = f"{_STARTS[after.contact_from]} instead of {_STARTS[before.contact_from]}"
        yield ("never_contacted", "from"), f"The promise of a first contact starts {starts}."
    yield ("grace",), _grace(before.grace, after.grace)
    yield ("max_attempts",), _attempts(before.max_attempts, after.max_attempts)


def _clock(what: str, before: Span | None, after: Span | None) -> str:
    named = what[0].upper() + what[1:]
    if is_same(before, after):
        return ""
    if after is None:
        return f"{named} is no longer promised{f'; before, it was within {sized(before)}' if before else ''}."
    if before is None:
        return f"{named} is promised within {sized(after)}; before, it was not promised."
    return f"{named} is promised within {sized(after)} instead of {sized(before)}."


def _warning(name: str, before: Promises, after: Promises) -> str:
    old, new, breaks = before.warn.get(name), after.warn.get(name), f"before the promise of {PROMISED[name]} breaks"
    if is_same(old, new) or getattr(after, name) is None:
        return ""
    if new is None:
        return f"Sales is no longer warned {breaks}."
    if old is None:
        return f"Sales is warned {sized(new)} {breaks}; before, it was not warned."
    return f"Sales is warned {sized(new)} instead of {sized(old)} {breaks}."


def _grace(before: Span | None, after: Span | None) -> str:
    if is_same(before, after):
        return ""
    if after is None:
        return "An agreed next step no longer moves a deadline."
    may = f"After an agreed next step, a follow-up may take {sized(after)}"
    return f"{may} instead of {sized(before)}." if before else f"{may}; before, an agreed next step moved no deadline."


def _attempts(before: int | None, after: int | None) -> str:
    if before == after:
        return ""
    if after is None:
        return "The number of contacts without an answer or a meeting is no longer limited."
    most = f"At most {counted(after, 'contact')} without an answer or a meeting"
    return f"{most}; before, there was no limit." if before is None else f"{most} instead of {before}."
