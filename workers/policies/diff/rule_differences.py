"""Differences between the rules of two policies. Rules are compared by name."""

from collections.abc import Iterator
from dataclasses import fields, replace

from streams.domain.policy import BusinessDays, BusinessTime, PlainTime, Policy, Promises, Rule
from streams.domain.policy.promises import CLOCKS
from streams.domain.policy.rules import Interval
from workers.explaining.words import joined, quoted, sized

from .count_differences import count_differences
from .difference import Difference, is_same
from .promise_differences import PROMISED, promise_differences


def rule_differences(before: Policy, after: Policy) -> Iterator[Difference]:
    """The rules that are new, gone, changed, or in another order."""
    old, new = _named(before), _named(after)
    for name in old:
        if name not in new:
            text = "its leads come to the next rule that matches, or get the promises about every lead"
            yield Difference(("rules",), f"The rule {quoted(name)} is gone: {text}.")
    for place, (name, rule) in enumerate(new.items()):
        if name in old:
            yield from _changed(place, old[name], rule, before, after)
        else:
            yield Difference(("rules", place), _new(rule, after))
    order = [name for name in new if name in old]
    if order != [name for name in old if name in new]:
        yield Difference(("rules",), f"The rules are in another order: {joined([quoted(name) for name in order])}.")


def leads_of(rule: Rule) -> str:
    """Which leads a rule is for: `leads whose origin is "webinar" or "demo-*"`."""
    clauses = [f"whose {name} is {' or '.join(map(quoted, rule.when[name]))}" for name in sorted(rule.when)]
    if rule.amount is not None:
        clauses.append(f"whose expected amount (minor units) is {_range(rule.amount)}")
    if rule.passes is not None:
        clauses.append(f"whose pass is {_range(rule.passes)}")
    return f"leads {joined(clauses)}" if clauses else "all leads"


def _range(interval: Interval) -> str:
    first, end = interval
    if end is None:
        return f"{first:,} or more"
    return f"{first:,}" if end == first + 1 else f"from {first:,} to {end - 1:,}"


def _named(policy: Policy) -> dict[str, Rule]:
    """The rules by name; where a name occurs again, with a number."""
    named: dict[str, Rule] = {}
    for rule in policy.rules:
        name, again = rule.name, 1
        while name in named:
            again += 1
            name = f"{rule.name} ({again})"
        named[name] = rule
    return named


def _new(rule: Rule, policy: Policy) -> str:
    clauses = _own_promises(rule.promises, policy.promises)
    what = f": {joined(clauses)}" if clauses else ""
    return f"The rule {quoted(rule.name)} is new, for {leads_of(rule)}{what}."


def _own_promises(promises: Promises, everybody: Promises) -> list[str]:
    """What is promised otherwise than to everybody, as clauses."""
    clauses = [
        f"{PROMISED[name]} is {f'promised within {sized(span)}' if span else 'not promised'}"
        for name in CLOCKS
        if not is_same(span := getattr(promises, name), getattr(everybody, name))
    ]
    if promises.max_attempts != everybody.max_attempts:
        most = "any number of" if promises.max_attempts is None else f"at most {promises.max_attempts}"
        clauses.append(f"{most} contacts without an answer or a meeting are promised")
    return clauses


def _changed(place: int, old: Rule, new: Rule, before: Policy, after: Policy) -> Iterator[Difference]:
    subject = f"For the rule {quoted(new.name)}"
    if leads_of(old) != leads_of(new):
        text = f"The rule {quoted(new.name)} is for {leads_of(new)} instead of {leads_of(old)}."
        yield Difference(("rules", place, "when"), text)
    own = _own_changes(old.promises, new.promises, before.promises, after.promises)
    yield from promise_differences(old.promises, own, ("rules", place, "promises"), subject)
    if (old.counts, new.counts) != (before.counts, after.counts):
        yield from count_differences(old.counts, new.counts, ("rules", place, "counts"), subject)


def _own_changes(old: Promises, new: Promises, before: Promises, after: Promises) -> Promises:
    """The promises of a rule, without the changes that it only inherits from those to everybody."""
    names = [field.name for field in fields(Promises)]
    inherited = (name for name in names if _is_same(name, old, before) and _is_same(name, new, after))
    return replace(new, **{name: getattr(old, name) for name in inherited})


def _is_same(name: str, one: Promises, other: Promises) -> bool:
    return _words(one, name) == _words(other, name)


def _words(promises: Promises, name: str) -> object:
    value = getattr(promises, name)
    if isinstance(value, PlainTime | BusinessTime | BusinessDays):
        return sized(value)
    return {key: sized(span) for key, span in promises.warn.items()} if name == "warn" else value
