"""A policy in words, for the page that sales and marketing share."""

from streams.policy_file import parse_policy
from workers.policies.agreement import WhatFollows, agreement_of

POLICY = """
version: "7"
calendars:
  office: {timezone: Europe/Berlin, hours: {mon-fri: "09:00-17:00"}}
promises:
  never_contacted: {within: 4 business hours on office, warn: 1 business hour on office before, from: assigned}
  no_follow_up: 7 days
  grace: 1 day
  no_progress: off
  max_attempts: 6
rules:
  - name: hot
    when: {origin: webinar}
    promises: {no_follow_up: 2 days}
  - name: partners
    when: {origin: partner}
    promises: {no_follow_up: off}
reasons:
  price: {track: offer, delay: 30 days, escalate: 1 day}
  bad_timing: {track: right-time, disposition: triggered}
  invalid: never
intake: {owner: mia}
limits: {max_recycles: 2, cooldown: 14 days, holdout: {percent: 10, salt: s}}
"""
AGREED = agreement_of(parse_policy(POLICY, "policy"))


def test_each_promise_says_who_gets_what_by_when() -> None:
    assert AGREED.promises[0].startswith(
        'Each lead gets a first contact within 4 business hours (calendar "office") of getting its first owner.'
    )
    assert 'Sales is warned 1 business hour (calendar "office") before.' in AGREED.promises[0]
    assert "Each lead gets a follow-up within 7 days of the last contact." in AGREED.promises
    assert not [one for one in AGREED.promises if "within 30 days" in one]


def test_the_intake_owner_is_named() -> None:
    assert AGREED.promises[-1].endswith('about a lead without an owner, or with one who is away goes to "mia".')


def test_a_rule_says_only_what_it_changes() -> None:
    hot = [one for one in AGREED.rules if '"hot"' in one]
    assert hot == [
        'For leads whose origin is "webinar" ("hot"): each lead gets a follow-up within 2 days of the last contact.'
    ]
    assert [one for one in AGREED.rules if '"partners"' in one][-1].endswith("nothing is promised about a follow-up.")


def test_each_reason_says_what_follows() -> None:
    by_reason = {one.reason: one for one in AGREED.reasons}
    assert by_reason["price"] == WhatFollows("price", "offer", "30 days later", "1 day")
    assert by_reason["bad_timing"].start == "on the date that sales reports"
    assert by_reason["invalid"] == WhatFollows("invalid")
    assert AGREED.reasons[-1].reason == ""


def test_the_limits_are_said() -> None:
    said = " ".join(AGREED.gates)
    assert "A lead is handed back at most twice." in said
    assert "Of a hundred leads, 10 are left alone" in said
