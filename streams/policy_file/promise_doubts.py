"""Doubts about the promises and rules of a policy."""

from collections import Counter
from collections.abc import Iterator, Sequence

from streams.domain.policy.counts import DEFAULT_COUNTING, INBOUND, Counting
from streams.domain.policy.patterns import ANYTHING
from streams.domain.policy.promises import ALL_OFF, CLOCKS, Promises
from streams.domain.policy.rules import WORDS, Rule
from streams.domain.policy.spans import PlainTime
from streams.runtime.documents import DocumentPath

from .doubts import Doubt, about_ms, all_promises, is_surely_shorter
from .policy_document import PolicyReading
from .syntax import UNITS_MS

UNANSWERED = ("no_answer", "busy", "voicemail", "wrong_number", "sent", "bounced")
FOREIGN_SYNTAX = ("|", ".*", "^", "$", "%", ", ")
"""What regular expressions, SQL and lists in one text have, and patterns have not."""

_Problem = tuple[str, str, str]
"""The key that is doubtful, the problem, and the fix."""


def promise_doubts(reading: PolicyReading) -> Iterator[Doubt]:
    """Doubts about what is promised; what a rule has from the promises to everybody is reported once."""
    calendars, common = list(reading.file.calendars), set[_Problem]()
    for place, promises in all_promises(reading.policy):
        found = [*_of_promises(promises), *_plain_hours(promises, calendars)]
        own = [each for each in found if each not in common]
        yield from (Doubt((*place, key), problem, fix) for key, problem, fix in own)
        if place == ("promises",):
            common = set(found)


def rule_doubts(reading: PolicyReading) -> Iterator[Doubt]:
    """Doubts about which leads a rule is for, and what it changes for them."""
    policy, names = reading.policy, Counter(rule.name for rule in reading.policy.rules)
    for n, rule in enumerate(policy.rules):
        place = ("rules", n)
        if (rule.promises, rule.counts) == (policy.promises, policy.counts):
            yield Doubt(place, "this rule changes nothing", "write what is different for its leads, or leave it out")
        if _is_for_everybody(rule):
            yield Doubt(
                place, "this rule is for every lead", "write its values under 'promises' at the top, or name whom"
            )
        if names[rule.name] > 1:
            yield Doubt(place, f"several rules have the name {rule.name!r}", "give each rule a name of its own")
        yield from _patterns(place, rule)
        yield from _counting((*place, "counts"), rule.counts, policy.counts)
    yield from _counting(("counts",), policy.counts, DEFAULT_COUNTING)


def _of_promises(promises: Promises) -> Iterator[_Problem]:
    yield from _limbo(promises)
    yield from _overtaken(promises)
    yield from _without_effect(promises)
    for name in CLOCKS:
        span, warn = getattr(promises, name), promises.warn.get(name)
        if isinstance(span, PlainTime) and span.ms < UNITS_MS["minute"]:
            yield name, "less than a minute: facts from other systems take longer to arrive", "write minutes or more"
        if span is not None and warn is not None and about_ms(warn) >= about_ms(span):
            yield name, "the warning would come before the promise begins", "warn later, or write 'warn: off'"
    if promises.max_attempts == 1:
        yield "max_attempts", "the first attempt without an answer breaks it", "write 2 or more, or 'off'"


def _limbo(promises: Promises) -> Iterator[_Problem]:
    """What leaves a lead without any clock."""
    if promises == ALL_OFF:
        yield (
            "",
            "nothing is promised: no lead goes cold unless sales reports it",
            "write at least 'no_progress: 30 days'",
        )
        return
    if promises.no_follow_up is None and promises.no_progress is None:
        problem = "after the first touch no clock runs: a lead that is touched once may be forgotten"
        yield "no_progress", problem, "write for example 'no_progress: 30 days'"
    if promises.contact_from == "assigned" and promises.never_contacted and promises.never_assigned is None:
        problem = "the clock starts with an owner, and no promise says when a lead has one"
        yield "never_contacted", problem, "write for example 'never_assigned: 1 day', or 'from: created'"


def _overtaken(promises: Promises) -> Iterator[_Problem]:
    """Promises that can never be broken, because another is always broken before."""
    others = {
        "never_contacted": promises.no_progress,
        "no_next_step": promises.no_progress,
        "no_follow_up": promises.no_progress if promises.grace is None else None,
        "never_assigned": promises.never_contacted if promises.contact_from == "created" else None,
    }
    for name, other in others.items():
        if is_surely_shorter(other, getattr(promises, name)):
            first = "never_contacted" if name == "never_assigned" else "no_progress"
            problem = f"this promise can never be broken: {first} is shorter and is always broken before"
            yield name, problem, f"write less than for {first}, or 'off'"


def _without_effect(promises: Promises) -> Iterator[_Problem]:
    if promises.grace is not None and promises.no_follow_up is None and promises.no_progress is None:
        yield "grace", "without no_follow_up and no_progress it has no effect", "write 'grace: off'"


def _plain_hours(promises: Promises, calendars: Sequence[str]) -> Iterator[_Problem]:
    """Hours by day and night where there are calendars."""
    on = f" on {calendars[0]}" if len(calendars) > 1 else ""
    for name in CLOCKS if calendars else ():
        span = getattr(promises, name)
        if isinstance(span, PlainTime) and UNITS_MS["hour"] <= span.ms < UNITS_MS["day"]:
            hours = span.ms // UNITS_MS["hour"]
            problem = "these hours also pass at night and on weekends"
            yield name, problem, f"write '{hours} business hours{on}', if they should not"


def _is_for_everybody(rule: Rule) -> bool:
    return rule.amount is None and rule.passes is None and all(ANYTHING in patterns for patterns in rule.when.values())


def _patterns(place: DocumentPath, rule: Rule) -> Iterator[Doubt]:
    for dimension in WORDS:
        for pattern in rule.when.get(dimension, ()):
            if found := next((each for each in FOREIGN_SYNTAX if each in pattern), None):
                problem = f"{found.strip()!r} in {pattern!r} stands for itself: only * and ? are special"
                yield Doubt((*place, "when", dimension), problem, "write a list: [webinar, 'demo-*']")


def _counting(place: DocumentPath, counts: Counting, inherited: Counting) -> Iterator[Doubt]:
    if counts == inherited:
        return
    if INBOUND not in counts.progress and INBOUND in inherited.progress:
        problem = "a lead that writes back stays in nurture: 'inbound' is no progress"
        yield Doubt((*place, "progress"), problem, "add 'inbound'")
    if unanswered := [outcome for outcome in UNANSWERED if outcome in counts.progress]:
        problem = (
            f"{unanswered[0]!r} is progress although nobody answered: no_progress and max_attempts are never broken"
        )
        yield Doubt((*place, "progress"), problem, f"leave {unanswered[0]!r} out")
