"""The policy file: its values, and the messages about its violations."""

from datetime import date
from hashlib import blake2b
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from streams.domain.policy import (
    ALL_OFF,
    Action,
    BusinessDays,
    BusinessTime,
    PlainTime,
    Policy,
    PolicyLimits,
    Promises,
    Rule,
    days,
)
from streams.domain.policy.calendars import Calendar, Hours
from streams.domain.policy.rules import Interval
from streams.policy_file import PolicyError, parse_policy

DEFAULT = Path(__file__).parents[3] / "deploy" / "config" / "policy.yml"
OFFICE = """
calendars:
  office: { timezone: Europe/Berlin, hours: { mon-fri: "09:00-17:00" }, holidays: [2026-12-25] }
"""


def policy_of(text: str) -> Policy:
    return parse_policy(f'version: "1"\n{text}', "policy.yml")


def faults_of(text: str) -> list[str]:
    with pytest.raises(PolicyError) as faults:
        policy_of(text)
    return str(faults.value).splitlines()


def test_the_commented_file_is_the_default_policy() -> None:
    assert parse_policy(DEFAULT.read_text(encoding="utf-8"), "policy.yml") == Policy()


def test_examples_in_the_comments_of_the_default_file_are_valid() -> None:
    text = DEFAULT.read_text(encoding="utf-8").replace("\nrules: []\n", "\n")
    sections = ("calendars:", "  office:", "  hotline:", "    ", "rules:", "  - ")
    lines = (
        line.removeprefix("# ") if line.removeprefix("# ").startswith(sections) else line for line in text.splitlines()
    )
    policy = parse_policy("\n".join(lines), "policy.yml")
    hot, large = policy.rules
    assert hot.name == "hot inbound"
    assert isinstance(hot.promises.never_contacted, BusinessTime)
    assert (large.amount, large.passes) == (Interval(1_000_000, 50_000_000), Interval(1, 2))


def test_what_a_file_leaves_out_is_as_in_the_default() -> None:
    assert policy_of("") == Policy()
    assert policy_of("promises: { no_progress: 9 days }") == Policy(
        promises=Promises(days(2), days(7), days(9), days(1), 6)
    )


def test_one_clock_is_a_line_with_the_others_off() -> None:
    others = "no_follow_up: off, no_progress: off, grace: off, max_attempts: off"
    policy = policy_of(f"promises: {{ never_contacted: 30 days, {others} }}")
    assert policy.promises == Promises(never_contacted=days(30))
    assert policy_of(f"promises: {{ never_contacted: off, {others} }}").promises == ALL_OFF


def test_a_rule_leaves_the_other_promises_as_they_are() -> None:
    policy = policy_of("rules: [{ when: { origin: web }, promises: { no_progress: off } }]")
    promises = Promises(days(2), days(7), None, days(1), 6)
    assert policy.rules == (Rule("rule 1", promises, {"origin": ("web",)}),)


@pytest.mark.parametrize(
    ("text", "ms"),
    [("90 seconds", 90_000), ("45 minutes", 2_700_000), ("1 hour", 3_600_000), ("2 weeks", 1_209_600_000)],
)
def test_spans_are_written_in_words(text: str, ms: int) -> None:
    assert policy_of(f"promises: {{ grace: {text} }}").promises.grace == PlainTime(ms)


def test_business_time_is_on_the_only_calendar_there_is_or_on_the_one_it_names() -> None:
    text = OFFICE + "promises: { never_contacted: 4 business hours, grace: 3 business days on office }"
    promises = policy_of(text).promises
    week = {day: (Hours(540, 1020),) for day in range(5)}
    office = Calendar("office", ZoneInfo("Europe/Berlin"), week, frozenset({date(2026, 12, 25)}))
    assert promises.never_contacted == BusinessTime(14_400_000, office)
    assert promises.grace == BusinessDays(3, office)


def test_reasons_that_a_file_names_are_all_there_are() -> None:
    policy = policy_of(
        "reasons: { price: { track: offer, delay: 2 days, cooldown: 3 days }, spam: never }\notherwise: never"
    )
    assert policy.reasons == {"price": Action("offer", days(2), days(3)), "spam": None}
    assert policy.otherwise is None


def test_a_reason_may_be_escalated_to_sales_first() -> None:
    text = OFFICE + "reasons: { never_contacted: { escalate: 4 business hours, track: introduce-again } }"
    escalate = policy_of(text).reasons["never_contacted"].escalate  # type: ignore[union-attr]  # it is an action
    assert isinstance(escalate, BusinessTime)
    assert escalate.ms == 14_400_000
    assert policy_of("reasons: { price: { track: offer } }").reasons["price"] == Action("offer", escalate=None)


def test_the_digest_identifies_the_content_of_the_file_and_the_name_stays_the_version() -> None:
    one, other = policy_of("promises: { grace: 1 day }"), policy_of("promises: { grace: 2 days }")
    assert (one.version, other.version) == ("1", "1")
    assert one.digest == policy_of("promises: { grace: 1 day }").digest != other.digest
    assert one.digest == blake2b(b'version: "1"\npromises: { grace: 1 day }', digest_size=8).hexdigest()


def test_two_files_of_the_same_terms_are_equal_policies() -> None:
    assert policy_of("") == policy_of("# a comment") == Policy()
    assert policy_of("").digest != policy_of("# a comment").digest


def test_limits_may_be_off() -> None:
    policy = policy_of(
        "limits: { max_recycles: off, max_age: off, cooldown: 0 days, holdout: { percent: 10, salt: x } }"
    )
    assert policy.limits == PolicyLimits(None, None, PlainTime(0), 10, "x")


@pytest.mark.parametrize(
    ("text", "place"),
    [(f"reasons: {{ price: {{ track: {'x' * 257} }} }}", "reasons.price.track"), ("", "version")],
)
def test_a_text_that_no_record_would_hold_is_a_fault(text: str, place: str) -> None:
    with pytest.raises(PolicyError, match=f"{place}: 'x+… does not fit; write at most 256 characters"):
        parse_policy(f"version: {'1' if text else 'x' * 70_000}\n{text}", "policy.yml")


def test_business_time_must_say_of_which_calendar_if_there_are_several() -> None:
    several = OFFICE + "  home: { timezone: UTC, hours: { sat: 09:00-17:00 } }\n"
    [line] = faults_of(several + "promises: { grace: 4 business hours }")
    assert line == "policy.yml:6: promises.grace: business time of which calendar?; write 'business hours on NAME'"
    [line] = faults_of(several + "promises: { grace: 4 business hours on ofice }")
    assert line == "policy.yml:6: promises.grace: there is no calendar 'ofice'; did you mean 'office'?"


def test_a_rule_that_no_lead_comes_to_is_a_fault() -> None:
    rules = """rules:
  - when: { origin: ["web*", fair] }
    promises: {}
  - when: { origin: webinar, segment: smb }
    promises: {}
  - when: { origin: [phone, fair] }
    promises: {}
  - promises: {}
  - when: { segment: smb }
    promises: {}
"""
    assert faults_of(rules) == [
        f"policy.yml:{line}: rules[{n}]: no lead ever comes to this rule: "
        f"the one on line {first} takes all of its leads; put it before that one, or leave it out"
        for line, n, first in ((5, 1, 3), (10, 4, 9))
    ]


def test_all_faults_are_named_at_once_in_order_of_lines() -> None:
    lines = faults_of(
        "promises:\n  grace: x\n  grace: y\n  no_progress: z\nlimits: { holdout: { percent: lots } }\nrule: []"
    )
    assert [line.split(":")[1] for line in lines] == ["3", "4", "5", "6", "7"]


def test_a_file_that_is_no_yaml_is_a_fault_with_its_line() -> None:
    [line] = faults_of("promises: [")
    assert line.startswith("policy.yml:")


def test_a_version_is_needed() -> None:
    with pytest.raises(PolicyError, match=r"policy.yml:1: 'version' is missing; write 'version: …'"):
        parse_policy("", "policy.yml")
