"""Exceptions from what is promised to everybody: which leads a rule is for, and how the rule of a lead is found."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple, Protocol

from .counts import DEFAULT_COUNTING, Counting
from .patterns import ANYTHING, is_exact, is_like
from .promises import Promises

REMEMBERED_VALUES = 10_000
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "origin": "origin",
        "segment": "segment",
        "campaign": "campaign_id",
        "owner": "owner_id",
        "account": "account_id",
    }
)
"""The dimensions that are compared with patterns, and the attribute of a lead with the value of each."""


class HasDimensions(Protocol):
    """What has the dimensions that rules match. `expected_amount` is in minor units; None: not known."""

    @property
    def origin(self) -> str: ...
    @property
    def segment(self) -> str: ...
    @property
    def campaign_id(self) -> str: ...
    @property
    def owner_id(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def expected_amount(self) -> int | None: ...
    @property
    def pass_no(self) -> int: ...


class Interval(NamedTuple):
    """Whole numbers from `first` on that are below `end`; None: without end."""

    first: int
    end: int | None = None

    def has(self, number: int | None) -> bool:
        """Whether the number is one of them; None never is."""
        return number is not None and number >= self.first and (self.end is None or number < self.end)


@dataclass(frozen=True, slots=True)
class Rule:
    """An exception from the promises to everybody: for leads that match every dimension it names.

    Args:
        name: The name of the rule.
        promises: What is promised about its leads.
        when: Patterns by the dimensions of WORDS; a dimension matches if any of its patterns does.
        amount: Of the expected amount in minor units; a lead without one does not match.
        passes: Of the number of the pass.
        counts: What counts as a touch and as progress for its leads.
    """

    name: str
    promises: Promises
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    amount: Interval | None = None
    passes: Interval | None = None
    counts: Counting = DEFAULT_COUNTING


_MaskOf = Callable[[HasDimensions], int]


class RuleIndex:
    """Finds the first rule that matches a lead.

    Rule n is bit n of a mask. Each dimension that any rule names gives the mask of the rules that accept its value, so
    that a lookup costs the number of dimensions, not of rules, and a new value costs one dimension.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._all = (1 << len(rules)) - 1
        self._dimensions = tuple(_dimensions(rules))

    def first(self, lead: HasDimensions) -> int:
        """The position of the first rule that matches; -1: none does."""
        mask = self._all
        for mask_of in self._dimensions:
            mask &= mask_of(lead)
        return (mask & -mask).bit_length() - 1


def _dimensions(rules: Sequence[Rule]) -> list[_MaskOf]:
    words = [_words(rules, name) for name in WORDS if any(name in rule.when for rule in rules)]
    amounts, passes = [rule.amount for rule in rules], [rule.passes for rule in rules]
    numbers = [(attrgetter("expected_amount"), amounts), (attrgetter("pass_no"), passes)]
    return words + [_numbers(value_of, intervals) for value_of, intervals in numbers if any(intervals)]


def _words(rules: Sequence[Rule], dimension: str) -> _MaskOf:
    value_of, known, accepted_by = attrgetter(WORDS[dimension]), dict[str, int](), _patterns(rules, dimension)

    def mask_of(lead: HasDimensions) -> int:
        value: str = value_of(lead)
        mask = known.get(value)
        if mask is None:
            if len(known) >= REMEMBERED_VALUES:
                known.clear()
            mask = known[value] = accepted_by(value)
        return mask

    return mask_of


def _patterns(rules: Sequence[Rule], dimension: str) -> Callable[[str], int]:
    """The rules that accept a value. Patterns of one word alone are looked up, the others are tried."""
    patterns = [rule.when.get(dimension, (ANYTHING,)) for rule in rules]
    words = {pattern.casefold() for each in patterns for pattern in each if is_exact(pattern)}
    exact = {word: _mask(any(is_like(word, pattern) for pattern in each) for each in patterns) for word in words}
    wild = [(pattern, 1 << n) for n, each in enumerate(patterns) for pattern in each if not is_exact(pattern)]

    def accepted_by(value: str) -> int:
        if (mask := exact.get(value.casefold())) is not None:
            return mask
        return sum({bit for pattern, bit in wild if is_like(value, pattern)})

    return accepted_by


def _numbers(value_of: Callable[[HasDimensions], int | None], intervals: Sequence[Interval | None]) -> _MaskOf:
    """Between two bounds all numbers are alike: one mask for each stretch, and one for no number."""
    bounds = sorted({bound for each in intervals if each for bound in each if bound is not None})
    none = _mask(each is None for each in intervals)
    masks = [_mask(each is None or each.has(n) for each in intervals) for n in (bounds[0] - 1, *bounds)]

    def mask_of(lead: HasDimensions) -> int:
        number = value_of(lead)
        return none if number is None else masks[bisect_right(bounds, number)]

    return mask_of


def _mask(accepted: Iterable[bool]) -> int:
    return sum(1 << n for n, is_accepted in enumerate(accepted) if is_accepted)
