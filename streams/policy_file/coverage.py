"""Finds rules that no lead comes to, because an earlier rule takes all of theirs."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from pydantic import ValidationError

from streams.domain.policy.patterns import covers
from streams.domain.policy.rules import WORDS, Interval
from streams.runtime.documents import Violation, YamlDocument

from .sections import WhenFile


class _Leads(NamedTuple):
    """Which leads a rule is for."""

    patterns: Mapping[str, tuple[str, ...]]
    amount: Interval | None
    passes: Interval | None


def unreachable(document: YamlDocument) -> Iterator[Violation]:
    """The rules of the document that no lead comes to."""
    rules = document.data.get("rules") if isinstance(document.data, dict) else None
    leads = [_leads(rule) for rule in rules] if isinstance(rules, list) else []
    seen: set[int] = set()
    for (earlier, wide), (later, narrow) in combinations(enumerate(leads), 2):
        if later not in seen and wide is not None and narrow is not None and _is_covered(narrow, wide):
            seen.add(later)
            yield _violation(document, earlier, later)


def _leads(rule: object) -> _Leads | None:
    """None if the rule does not say which; that is reported elsewhere."""
    try:
        when = WhenFile.model_validate(rule.get("when", {}) if isinstance(rule, dict) else None)
    except ValidationError:
        return None
    patterns = {name: getattr(when, name) for name in WORDS}
    return _Leads(patterns, when.interval(), when.passes)


def _is_covered(narrow: _Leads, wide: _Leads) -> bool:
    words = all(
        all(any(covers(each, pattern) for each in patterns) for pattern in narrow.patterns[name])
        for name, patterns in wide.patterns.items()
    )
    return words and _is_within(narrow.amount, wide.amount) and _is_within(narrow.passes, wide.passes)


def _is_within(narrow: Interval | None, wide: Interval | None) -> bool:
    if wide is None or narrow is None:
        return wide is None
    return narrow.first >= wide.first and (wide.end is None or (narrow.end is not None and narrow.end <= wide.end))


def _violation(document: YamlDocument, earlier: int, later: int) -> Violation:
    line = document.line_of(("rules", earlier))
    problem = f"no lead ever comes to this rule: the one on line {line} takes all of its leads"
    return document.fault(("rules", later), problem, "put it before that one, or leave it out")
