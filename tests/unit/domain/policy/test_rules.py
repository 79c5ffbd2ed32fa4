"""Which leads a rule is for."""

from dataclasses import dataclass
from inspect import getclosurevars

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.policy import ALL_OFF, Policy, Promises, Rule, days
from streams.domain.policy.counts import DEFAULT_COUNTING, Counting
from streams.domain.policy.patterns import is_like
from streams.domain.policy.rules import WORDS, Interval, RuleIndex
from tests.unit.domain.histories import examples

ONE, TWO = Promises(never_contacted=days(1)), Promises(never_contacted=days(2))


@dataclass(frozen=True)
class SomeLead:
    origin: str = ""
    segment: str = ""
    campaign_id: str = ""
    owner_id: str = ""
    account_id: str = ""
    expected_amount: int | None = None
    pass_no: int = 1


def promised(lead: SomeLead, *rules: Rule) -> Promises:
    return Policy(promises=ALL_OFF, rules=rules).promises_of(lead)


def test_the_first_matching_rule_applies() -> None:
    rules = (Rule("a", ONE, {"origin": ("web",)}), Rule("b", TWO, {"origin": ("w*", "fair")}))
    assert promised(SomeLead(origin="web"), *rules) is ONE
    assert promised(SomeLead(origin="webinar"), *rules) is TWO
    assert promised(SomeLead(origin="fair"), *rules) is TWO
    assert promised(SomeLead(origin="phone"), *rules) is ALL_OFF


def test_a_rule_matches_when_every_named_dimension_matches() -> None:
    when = {"origin": ("web",), "segment": ("smb",), "campaign": ("spring-?",), "owner": ("ann",), "account": ("acme",)}
    rule = Rule("a", ONE, when, Interval(100), Interval(1, 3))
    lead = SomeLead("web", "smb", "spring-1", "ann", "acme", 100, 2)
    assert promised(lead, rule) is ONE
    for other in (
        SomeLead("x", "smb", "spring-1", "ann", "acme", 100, 2),
        SomeLead("web", "x", "spring-1", "ann", "acme", 100, 2),
        SomeLead("web", "smb", "x", "ann", "acme", 100, 2),
        SomeLead("web", "smb", "spring-1", "x", "acme", 100, 2),
        SomeLead("web", "smb", "spring-1", "ann", "x", 100, 2),
        SomeLead("web", "smb", "spring-1", "ann", "acme", 99, 2),
        SomeLead("web", "smb", "spring-1", "ann", "acme", 100, 3),
    ):
        assert promised(other, rule) is ALL_OFF


@pytest.mark.parametrize(("amount", "matches"), [(None, False), (99, False), (100, True), (199, True), (200, False)])
def test_an_amount_is_in_a_range_from_its_first_and_below_its_last(amount: int | None, matches: bool) -> None:
    rule = Rule("a", ONE, amount=Interval(100, 200))
    assert (promised(SomeLead(expected_amount=amount), rule) is ONE) is matches


def test_a_lead_without_an_amount_is_in_no_range_however_wide() -> None:
    assert promised(SomeLead(expected_amount=None), Rule("a", ONE, amount=Interval(0))) is ALL_OFF
    assert promised(SomeLead(expected_amount=0), Rule("a", ONE, amount=Interval(0))) is ONE


def test_words_are_compared_without_regard_to_upper_and_lower_case() -> None:
    rule = Rule("a", ONE, {"origin": ("Web*",), "account": ("STRASSE",)})
    assert promised(SomeLead(origin="wEBinar", account_id="Straße"), rule) is ONE


def test_a_rule_has_what_counts_for_its_leads() -> None:
    calls = Counting(activities=frozenset({"call"}))
    policy = Policy(rules=(Rule("a", ONE, {"origin": ("web",)}, counts=calls),))
    assert policy.counts_of(SomeLead(origin="web")) is calls
    assert policy.counts_of(SomeLead(origin="fair")) is DEFAULT_COUNTING


def test_values_that_were_seen_are_remembered_up_to_a_bound() -> None:
    policy = Policy(promises=ALL_OFF, rules=(Rule("a", ONE, {"owner": ("x*",)}),))
    for n in range(30_000):
        assert policy.promises_of(SomeLead(owner_id=f"x{n}")) is ONE
    [mask_of] = policy._index._dimensions  # noqa: SLF001  the bound is the point
    [remembered] = [values for values in getclosurevars(mask_of).nonlocals.values() if isinstance(values, dict)]
    assert 0 < len(remembered) <= 10_000


words = st.sampled_from(["", "a", "A", "ab", "b", "ba"])
patterns = st.lists(st.sampled_from(["a", "A*", "?", "*b", "ab", ""]), min_size=1, max_size=2).map(tuple)
numbers = st.integers(0, 6)
intervals = st.none() | st.builds(Interval, numbers, st.none() | numbers)
any_rule = st.builds(
    Rule, st.just("any"), st.just(ONE), st.dictionaries(st.sampled_from(sorted(WORDS)), patterns), intervals, intervals
)
any_lead = st.builds(SomeLead, words, words, words, words, words, st.none() | numbers, numbers)


def matches(rule: Rule, lead: SomeLead) -> bool:
    """As the documentation says it."""
    return (
        all(
            any(is_like(getattr(lead, WORDS[name]), pattern) for pattern in patterns)
            for name, patterns in rule.when.items()
        )
        and (rule.amount is None or rule.amount.has(lead.expected_amount))
        and (rule.passes is None or rule.passes.has(lead.pass_no))
    )


@examples(300)
@given(st.lists(any_rule, max_size=6), st.lists(any_lead, min_size=1, max_size=5))
def test_the_index_finds_the_first_rule_that_matches(rules: list[Rule], leads: list[SomeLead]) -> None:
    index = RuleIndex(rules)
    for lead in leads:
        first = next((n for n, rule in enumerate(rules) if matches(rule, lead)), -1)
        assert index.first(lead) == first
