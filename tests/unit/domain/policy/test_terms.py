"""What a policy promises, and to whom."""

import pytest

from streams.domain.policy import Action, Policy, PolicyLimits
from streams.domain.policy.patterns import covers


def test_unnamed_reasons_get_the_action_of_other() -> None:
    policy = Policy(reasons={"price": Action("offer"), "poor_fit": None}, otherwise=Action("other"))
    assert policy.action_of("price") == Action("offer")
    assert policy.action_of("poor_fit") is None
    assert policy.action_of("anything") == Action("other")


def test_a_policy_says_which_reasons_it_names() -> None:
    policy = Policy(reasons={"price": Action("offer"), "poor_fit": None})
    assert policy.is_named("price")
    assert policy.is_named("poor_fit")
    assert not policy.is_named("weather")


def test_a_reason_is_on_two_axes() -> None:
    policy = Policy(
        reasons={"price": Action("offer"), "competitor": Action("switch", disposition="triggered"), "poor_fit": None},
        otherwise=Action("other"),
        causes={"price": "budget"},
    )
    reasons = ("price", "competitor", "poor_fit", "weather")
    assert [policy.disposition_of(reason) for reason in reasons] == ["timed", "triggered", "never", "timed"]
    assert [policy.cause_of(reason) for reason in reasons] == ["budget", "other", "other", "other"]


def test_the_default_policy_has_a_cause_for_each_of_its_reasons() -> None:
    assert Policy().reasons.keys() == Policy().causes.keys()


def test_a_policy_for_history_has_no_max_age_and_keeps_the_other_limits() -> None:
    policy = Policy(limits=PolicyLimits(max_recycles=7)).for_history()
    assert (policy.limits.max_age, policy.limits.max_recycles) == (None, 7)


@pytest.mark.parametrize(
    ("wide", "narrow", "is_covered"),
    [
        ("web", "web", True),
        ("web", "Web", True),
        ("W*", "wEB", True),
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
