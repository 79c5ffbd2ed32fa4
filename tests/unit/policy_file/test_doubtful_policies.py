"""Doubtful policies: a worker takes them, and each warning names the line, the problem and what to write instead."""

from datetime import date
from pathlib import Path

import pytest

from streams.policy_file import PolicyError, parse_policy, policy_warnings

DEFAULT = Path(__file__).parents[3] / "deploy" / "config" / "policy.yml"
OFFICE = """calendars:
  office:
    timezone: Europe/Berlin
    hours: { mon-fri: "09:00-17:00" }
    holidays: { country: DE, region: BY }
"""
USED = "limits: { cooldown: 3 business days }\n"


def warnings_of(text: str, *, accepts: bool = True, today: date | None = None) -> list[str]:
    text = f'version: "1"\n{text}'
    parse_policy(text, "policy.yml")  # it is valid
    return [str(each) for each in policy_warnings(text, "policy.yml", accepts=lambda *_: accepts, today=today)]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        # calendars
        (OFFICE, "3: calendars.office: no promise, delay or limit uses the calendar 'office'; write for example '4"),
        (
            OFFICE.replace("17:00", "23:59") + USED,
            "5: calendars.office.hours.mon-fri: the last minute before midnight is closed; write 24:00, or 'always'",
        ),
        (
            OFFICE.replace("09:00-17:00", "17:00-09:00") + USED,
            "5: calendars.office.hours.mon-fri: this is a shift of 16 hours past midnight; write the earlier time",
        ),
        (
            OFFICE.replace("    holidays: { country: DE, region: BY }\n", "") + USED,
            "3: calendars.office: the calendar 'office' is open on public holidays; write for example",
        ),
        (
            OFFICE.replace("BY }", "BY, except: [2026-12-24] }") + USED,
            "6: calendars.office.holidays.except[0]: 2026-12-24 is no holiday, so it is no exception; check the date",
        ),
        (
            OFFICE.replace("DE, region: BY", "IN") + USED,
            "6: calendars.office.holidays: not all holidays of IN are known: Requested Holidays are available only",
        ),
        (
            OFFICE.replace("BY }", "BY, also: [2026-12-25] }") + USED,
            "6: calendars.office.holidays.also[0]: 2026-12-25 is a holiday of DE anyway; leave it out",
        ),
        (
            OFFICE + "  second: { timezone: Europe/Berlin, hours: { mon-fri: 09:00-17:00 }, "
            "holidays: { country: DE, region: BY } }"
            "\nlimits: { cooldown: 3 business days on office, max_age: 99 business days on second }",
            "7: calendars.second: 'second' is the same calendar as 'office'; use 'office' for both",
        ),
        # promises
        ("promises: { no_progress: 30 seconds }", "2: promises.no_progress: less than a minute: facts from other"),
        (
            OFFICE + USED + "promises: { never_contacted: 4 hours }",
            "8: promises.never_contacted: these hours also pass at night and on weekends; write '4 business hours', if",
        ),
        (
            "promises: { never_contacted: 9 days, no_progress: 8 days }",
            "2: promises.never_contacted: this promise can never be broken: no_progress is shorter and is always",
        ),
        (
            "promises:\n  no_progress: 8 days\n  no_next_step: 9 days",
            "4: promises.no_next_step: this promise can never be broken: no_progress is shorter and is always broken",
        ),
        (
            "promises:\n  grace: off\n  no_progress: 8 days\n  no_follow_up: 9 days",
            "5: promises.no_follow_up: this promise can never be broken: no_progress is shorter and is always broken",
        ),
        (
            "promises: { never_assigned: 3 days }",
            "2: promises.never_assigned: this promise can never be broken: never_contacted is shorter and is always",
        ),
        (
            OFFICE + "promises: { never_contacted: 300 business hours, no_progress: 10 days }",
            "7: promises.never_contacted: this promise can never be broken: no_progress is shorter",
        ),
        (
            "promises: { no_progress: { within: 2 days, warn: 3 days before } }",
            "2: promises.no_progress: the warning would come before the promise begins; warn later, or write 'warn:",
        ),
        (
            (
                "promises: { no_follow_up: { within: 5 days, warn: 2 days before } }\n"
                "rules: [{ when: { origin: web }, promises: { no_follow_up: 1 day } }]"
            ),
            "3: rules[0].promises.no_follow_up: the warning would come before the promise begins; warn later",
        ),
        ("promises: { max_attempts: 1 }", "2: promises.max_attempts: the first attempt without an answer breaks it"),
        (
            "promises: { never_contacted: { from: assigned } }",
            "2: promises.never_contacted: the clock starts with an owner, and no promise says when a lead has one;",
        ),
        (
            "promises:\n  no_follow_up: off\n  no_progress: off\n  grace: off",
            "4: promises.no_progress: after the first touch no clock runs: a lead that is touched once may be",
        ),
        (
            (
                "promises:\n  no_follow_up: off\n  no_progress: 9 days\n"
                "rules: [{ when: { origin: web }, promises: { no_progress: off, grace: off } }]"
            ),
            "5: rules[0].promises.no_progress: after the first touch no clock runs",
        ),
        # rules
        ("rules: [{ when: { origin: web }, promises: {} }]", "2: rules[0]: this rule changes nothing; write what is"),
        (
            "rules: [{ when: {}, promises: { no_progress: 9 days } }]",
            "2: rules[0]: this rule is for every lead; write its values under 'promises' at the top, or name whom",
        ),
        (
            (
                "rules:\n  - { name: a, when: { origin: x }, promises: { no_progress: 9 days } }\n"
                "  - { name: a, when: { origin: y }, promises: { no_progress: 8 days } }"
            ),
            "3: rules[0]: several rules have the name 'a'; give each rule a name of its own",
        ),
        *(
            (
                f"rules: [{{ when: {{ origin: '{pattern}' }}, promises: {{ no_progress: 9 days }} }}]",
                f"2: rules[0].when.origin: {found!r} in {pattern!r} stands for itself: only * and ? are special; write",
            )
            for pattern, found in (("web|fair", "|"), ("web.*", ".*"), ("web%", "%"), ("web, fair", ","), ("^web", "^"))
        ),
        # what counts
        (
            "counts: { progress: [connected, replied] }",
            "2: counts.progress: a lead that writes back stays in nurture: 'inbound' is no progress; add 'inbound'",
        ),
        (
            "rules: [{ when: { origin: web }, counts: { progress: [sent, inbound] } }]",
            "2: rules[0].counts.progress: 'sent' is progress although nobody answered: no_progress and max_attempts",
        ),
        # reasons
        (
            "reasons: { never_contcted: { track: a } }",
            "2: reasons.never_contcted: 'never_contcted' is similar to 'never_contacted', which the policy does not",
        ),
        (
            "reasons: { No Budget: { track: a } }",
            "2: reasons.No Budget: 'No Budget' is similar to 'no_budget', which the policy does not name; write",
        ),
        (
            "reasons: { price: { track: a } }",
            "2: reasons: the promise never_contacted is on, and no reason has its name: 'otherwise' applies; write",
        ),
        (
            "reasons: { price: { track: a, escalate: 4 hours } }",
            "2: reasons.price.escalate: sales reports 'price' itself: there is no broken promise to escalate; leave",
        ),
        (
            "reasons: { no_progress: { track: a, disposition: triggered } }",
            "2: reasons.no_progress.disposition: the detector names no date, so such a lead waits until sales reports",
        ),
        (
            "reasons: { competitor: { track: a, delay: 731 days } }",
            "2: reasons.competitor.delay: the delay is longer than two years, and no implied consent lasts longer;",
        ),
        (
            "reasons:\n  price: { track: keep-warm }\n  competitor: { track: Keep_Warm }",
            "4: reasons.competitor.track: the tracks 'Keep_Warm' and 'keep-warm' are two to marketing tools; write",
        ),
        # limits
        ("limits: { max_recycles: 0 }", "2: limits.max_recycles: no lead is ever handed back; write another number"),
        ("limits: { holdout: { percent: 100 } }", "2: limits.holdout.percent: no lead is ever handed back; write"),
        ("limits: { holdout: { percent: 60 } }", "2: limits.holdout.percent: 60 % of all leads are not handed back"),
        (
            "limits: { max_recycles: off, cooldown: 0 days }",
            "2: limits.cooldown: a lead may be handed back at any time and without end; write a cooldown",
        ),
        (
            "reasons: { price: never }\notherwise: never",
            "3: otherwise: all reasons are 'never': no lead is ever handed back; write a track for some",
        ),
        # who gets escalations
        (
            "intake: { owner: desk }",
            "2: intake: no reason escalates and no promise warns, so nothing is addressed to anybody; write",
        ),
        (
            "intake:\n  owner: desk\n  away: [ana, 'D*']",
            "4: intake.away[1]: the intake owner 'desk' is away, and nobody stands in for them; write another",
        ),
        (
            "promises: { never_assigned: 1 day }\nreasons:\n  never_assigned: { track: a, escalate: 4 hours }",
            "4: reasons.never_assigned.escalate: a lead that nobody was assigned to has no owner, so its escalation is",
        ),
    ],
)
def test_a_warning_names_line_place_problem_and_what_to_write_instead(text: str, warning: str) -> None:
    assert [line for line in warnings_of(text) if line.startswith(warning)], warnings_of(text)


def test_an_absence_that_is_over_is_doubtful() -> None:
    text = "intake: { owner: desk, away: [{ owner: ana, until: 2026-03-01 }, { owner: ben, until: 2026-03-02 }] }"
    lines = [line for line in warnings_of(text, today=date(2026, 3, 2)) if "is over" in line]
    assert lines == ["2: intake.away[0]: the absence of 'ana' is over; remove it"]
    assert not [line for line in warnings_of(text) if "is over" in line]


def test_a_policy_that_promises_nothing_is_doubtful() -> None:
    clocks = "never_contacted: off, no_follow_up: off, no_progress: off, grace: off, max_attempts: off"
    [line] = warnings_of(f"promises: {{ {clocks} }}")
    assert line.startswith(
        "2: promises: nothing is promised: no lead goes cold unless sales reports it; write at least"
    )


def test_a_track_that_no_endpoint_takes_is_doubtful() -> None:
    lines = warnings_of("reasons: { price: { track: offers } }\notherwise: never", accepts=False)
    assert [
        line for line in lines if line.startswith("2: reasons.price.track: no endpoint takes the track 'offers'; add")
    ]


def test_holidays_that_are_over_are_doubtful() -> None:
    calendar = "calendars: { a: { timezone: UTC, hours: always, holidays: [2026-12-25, 2027-01-01] } }\n"
    text = calendar + "limits: { cooldown: 3 business days }"
    assert warnings_of(text, today=date(2027, 1, 1)) == []
    [line] = warnings_of(text, today=date(2027, 1, 2))
    assert line.startswith("2: calendars.a.holidays: all of these holidays are over; add those to come, or name a")


def test_the_default_policy_has_no_warning() -> None:
    assert policy_warnings(DEFAULT.read_text(encoding="utf-8"), "policy.yml", accepts=lambda *_: True) == []
    assert warnings_of("") == []


def test_what_all_promises_have_is_reported_once_and_not_for_every_rule() -> None:
    rules = "rules: [{ when: { origin: a }, promises: { no_follow_up: 9 days } }]"
    assert len(warnings_of(f"promises: {{ max_attempts: 1 }}\n{rules}")) == 1


def test_warnings_are_in_the_order_of_the_lines() -> None:
    lines = warnings_of("limits: { max_recycles: 0 }\npromises: { max_attempts: 1 }\n" + OFFICE)
    assert [int(line.partition(":")[0]) for line in lines] == [2, 3, 5]


def test_a_wrong_policy_has_errors_and_no_warnings() -> None:
    with pytest.raises(PolicyError, match=r"policy.yml:1: 'version' is missing"):
        policy_warnings("promises: { max_attempts: 1 }", "policy.yml")
