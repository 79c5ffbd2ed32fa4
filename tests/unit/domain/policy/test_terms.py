"""What a policy promises, and to whom."""

import pytest

from streams.domain.lead import Lead
from streams.domain.policy import ALL_OFF, Action, Policy, PolicyLimits, Promises, Rule, days
from streams.domain.policy.patterns import covers

ONE, TWO = Promises(never_contacted=days(1)), Promises(never_contacted=days(2))


def test_the_first_matching_rule_applies() -> None:
    policy = Policy(
        promises=ALL_OFF,
        rules=(Rule("a", ONE, {"origin": ("web",)}), Rule("b", TWO, {"origin": ("w*", "fair")})),
    )
    assert policy.promises_of(Lead(origin="web")) is ONE
    assert policy.promises_of(Lead(origin="webinar")) is TWO
    assert policy.promises_of(Lead(origin="fair")) is TWO
    assert policy.promises_of(Lead(origin="phone")) is ALL_OFF


def test_a_rule_matches_when_every_named_dimension_matches() -> None:
    when = {"origin": ("web",), "segment": ("smb",), "campaign": ("spring-?",), "owner": ("ann",)}
    policy = Policy(promises=ALL_OFF, rules=(Rule("a", ONE, when),))
    lead = Lead(origin="web", segment="smb", campaign_id="spring-1", owner_id="ann")
    assert policy.promises_of(lead) is ONE
    for other in ("origin", "segment", "campaign_id", "owner_id"):
        assert policy.promises_of(Lead(**{**_named(lead), other: "x"})) is ALL_OFF  # type: ignore[arg-type]


def _named(lead: Lead) -> dict[str, str]:
    return {name: getattr(lead, name) for name in ("origin", "segment", "campaign_id", "owner_id")}


def test_the_cache_of_matched_rules_is_bounded() -> None:
    policy = Policy(promises=ALL_OFF, rules=(Rule("a", ONE, {"owner": ("x*",)}),))
    for n in range(30_000):
        assert policy.promises_of(Lead(owner_id=f"x{n}")) is ONE
    assert len(policy._matched) <= 10_000  # noqa: SLF001  the bound is the point


def test_unnamed_reasons_get_the_action_of_other() -> None:
    policy = Policy(reasons={"price": Action("offer"), "poor_fit": None}, otherwise=Action("other"))
    assert policy.action_of("price") == Action("offer")
    assert policy.action_of("poor_fit") is None
    assert policy.action_of("anything") == Action("other")


def test_a_policy_for_history_has_no_max_age_and_keeps_the_other_limits() -> None:
    policy = Policy(limits=PolicyLimits(max_recycles=7)).for_history()
    assert (policy.limits.max_age, policy.limits.max_recycles) == (None, 7)


@pytest.mark.parametrize(
    ("wide", "narrow", "is_covered"),
    [
        ("web", "web", True),
        ("web", "Web", False),
        ("*", "w?b*", True),
        ("w*", "web", True),
        ("w*", "we*", True),
        ("we*", "w*", False),
        ("w?b", "web", True),
        ("w?b", "w*b", False),
        ("[w]*", "web", False),
    ],
)
def test_a_pattern_covers_only_patterns_that_it_certainly_matches(wide: str, narrow: str, is_covered: bool) -> None:
    assert covers(wide, narrow) is is_covered
