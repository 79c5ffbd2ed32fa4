"""Wrong policies: no worker starts with one, and each message names the line, the problem and what to write instead."""

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.policy_file import PolicyError, parse_policy, policy_warnings
from tests.unit.domain.histories import examples
from tests.waiting import TIMEOUT

DEFAULT = (Path(__file__).parents[3] / "deploy" / "config" / "policy.yml").read_text(encoding="utf-8")
WORDS = re.split(r"([\w+-]+|\s+|[{}\[\],:\"'])", DEFAULT)
OTHERS = (
    "",
    "null",
    "-1",
    "1e9",
    "true",
    "off",
    "always",
    "0 days",
    "9 weeks",
    "x: y",
    "{",
    "]",
    "&a",
    "*a",
    "\t",
    "2+",
)

STARTS = """
import contextlib, io, json, os, sys
from streams.__main__ import main
ends = []
for file in sys.argv[1:]:
    os.environ["LEADLOOP_POLICY_FILE"] = file
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            main()
        except SystemExit as end:
            ends.append((end.code, said.getvalue()))
print(json.dumps(ends))
"""
"""Starts a worker with one policy after the other; prints the exit code and the message of each."""

A_MINUTE_A_WEEK = "calendars: { a: { timezone: UTC, hours: { mon: '09:00-09:01' } } }\n"


def faults_of(text: str) -> list[str]:
    with pytest.raises(PolicyError) as faults:
        parse_policy(f'version: "1"\n{text}', "policy.yml")
    return str(faults.value).splitlines()


WRONG = [
    (
        "promises: { no_progres: 1 day }",
        "2: promises.no_progres: there is no such key; did you mean 'no_progress'?",
    ),
    ("promises: { grace: 2 dayz }", "2: promises.grace: 'dayz' is no unit of time; did you mean 'day'?"),
    ("promises: { grace: soon }", "2: promises.grace: 'soon' is no duration; write for example '45 minutes'"),
    ("promises: { grace: 2 }", "2: promises.grace: 2 is no duration; write for example '45 minutes'"),
    ("promises:\n  no_progress: 0 days", "3: promises.no_progress: a promise of no time is broken at once"),
    ("limits: { cooldown: 9999 days }", "2: limits.cooldown: '9999 days' is more than ten years"),
    ("limits: { holdout: { percent: 101 } }", "2: limits.holdout.percent: 101 does not fit; write less than"),
    ("limits: { max_recycles: -1 }", "2: limits.max_recycles: -1 is no number of times; write a whole number"),
    ("intake: { away: [ana] }", "2: intake: 'owner' is missing; write"),
    ("intake: { owner: '' }", "2: intake.owner: '' does not fit; write some text"),
    (
        "intake: { owner: desk, away: [{ owner: ana, from: 2026-03-02, until: 2026-03-01 }] }",
        "2: intake.away[0]: the absence ends before it begins; write the earlier day at 'from'",
    ),
    ("intake: { owner: desk, away: [{ until: 2026-03-01 }] }", "2: intake.away[0]: 'owner' is missing; write"),
    (
        "intake: { owner: desk, away: [{ owner: ana, until: soon }] }",
        "2: intake.away[0].until: 'soon' is no date; write for example 2026-12-25",
    ),
    ("intake: { owner: desk, timezone: Berlin }", "2: intake.timezone: there is no time zone 'Berlin'"),
    ("promises: { grace: 4 business hours }", "2: promises.grace: business time needs a calendar; name one"),
    ("promises: { grace: 4 days on office }", "2: promises.grace: only business time is on a calendar; write"),
    (
        "rules: [{ when: { origin: [] }, promises: {} }]",
        "2: rules[0].when.origin: this does not fit; write at least one",
    ),
    (
        "rules: [{ when: { colour: red }, promises: {} }]",
        "2: rules[0].when.colour: there is no such key; write one of: account",
    ),
    ("rules: [{ when: { origin: a } }]", "2: rules[0]: 'promises' is missing; write 'promises: …'"),
    ("reasons: { price: nevr }", "2: reasons.price: no action; write 'never', or a track"),
    ("reasons: { price: }", "2: reasons.price: no action; write 'never', or a track"),
    ("reasons: { a: { track: b, dely: 1 day } }", "2: reasons.a.dely: there is no such key; did you mean 'delay'?"),
    (
        "reasons: { a: { track: b, escalate: 0 hours } }",
        "2: reasons.a.escalate: sales has no time to act; write for example '4 hours'",
    ),
    ("calendars: { a: { timezone: Europe/Berln, hours: { mon: 09:00-17:00 } } }", "did you mean 'Europe/Berlin'?"),
    ("calendars: { a: { timezone: UTC, hours: { mon: 9-17 } } }", "'9-17' are no open hours; write for example"),
    ("calendars: { a: { timezone: UTC, hours: { mon: '09:00-12:00, 11:00-13:00' } } }", "overlap"),
    (
        "calendars: { a: { timezone: UTC, hours: { mon-wed: 09:00-17:00, tue: 09:00-17:00 } } }",
        "tue has hours twice",
    ),
    ("calendars: { a: { timezone: UTC, hours: { fri-mon: 09:00-17:00 } } }", "goes backwards"),
    (
        "calendars: { a: { timezone: UTC, hours: { monday: 09:00-17:00 } } }",
        "'monday' is no weekday; did you mean 'mon'?",
    ),
    ("calendars: { a: { timezone: UTC, hours: {} } }", "a calendar that is never open"),
    (
        "calendars: { a: { timezone: UTC, hours: { mon: 09:00-17:00 }, holidays: [25.12.2026] } }",
        "2: calendars.a.holidays[0]: '25.12.2026' is no date; write for example 2026-12-25",
    ),
    (
        "calendars: { a: { timezone: UTC, hours: { mon: 09:00-17:00 }, holidays: [20261225] } }",
        "2: calendars.a.holidays[0]: 20261225 is no date; write for example 2026-12-25",
    ),
    (
        A_MINUTE_A_WEEK + "limits: { max_age: 999 business hours }",
        "3: limits.max_age: '999 business hours' is more than ten years; write less",
    ),
    (
        "calendars: { a: { timezone: UTC, hours: { mon: 09:00-17:00 } } }\npromises: { grace: 600 business days }",
        "3: promises.grace: '600 business days' is more than ten years; write less",
    ),
    ("promises: { ~: 1 day }", "this does not fit; write text, in quotes"),
    # promises
    (
        "promises: { never_contacted: never }",
        "2: promises.never_contacted: 'never' is no duration; write for example",
    ),
    (
        "promises: { no_progress: { from: assigned } }",
        "2: promises.no_progress.from: there is no such key; write one of: warn, within",
    ),
    (
        "promises:\n  never_contacted:\n    within: 2 days\n    from: owned",
        "5: promises.never_contacted.from: 'owned' is not known here; write one of: assigned, created",
    ),
    (
        "promises: { no_progress: { within: 9 days, warn: 2 hours } }",
        "2: promises.no_progress.warn: '2 hours' does not say before what; write for example '2 hours before'",
    ),
    (
        "promises: { no_progress: { within: 9 days, warn: 0 hours before } }",
        "2: promises.no_progress.warn: a warning at the end of a promise comes too late; write for example",
    ),
    ("promises: { max_attempts: 0 }", "2: promises.max_attempts: no attempt is allowed, so the first touch breaks"),
    ("promises: { max_attempts: { within: 3 } }", "2: promises.max_attempts: {'within': 3} is no number of times"),
    # what counts
    (
        "counts: { touch: [sales, marketing] }",
        "2: counts.touch: what marketing does is never a touch; write one of",
    ),
    ("counts: { touch: [sale] }", "2: counts.touch: 'sale' is not known here; did you mean 'sales'?"),
    ("counts: { progress: [no_show] }", "2: counts.progress: nothing came of such a contact, so it is no progress"),
    ("counts: { progress: [] }", "2: counts.progress: this does not fit; write at least one"),
    ("counts: { activities: [phone] }", "2: counts.activities: 'phone' is not known here; write one of: call"),
    (
        "counts: { ignore: [connected], progress: [connected] }",
        "2: counts: 'connected' is progress and is ignored; leave it out of one of the lists",
    ),
    # rules
    (
        "rules:\n  - when: { amount: { from: 50000, below: 10000 } }\n    promises: {}",
        "3: rules[0].when.amount: no amount is in this range; write the smaller amount at 'from'",
    ),
    ("rules: [{ when: { amount: {} }, promises: {} }]", "2: rules[0].when.amount: a range without bounds; write"),
    (
        "rules: [{ when: { amount: { from: '10,000' } }, promises: {} }]",
        "2: rules[0].when.amount: '10,000' is no amount; write digits alone: 10000 or 499.50",
    ),
    (
        "rules: [{ when: { amount: { from: 0.505 } }, promises: {} }]",
        "2: rules[0].when.amount: 0.505 has more than 2 digits after the point; write fewer, or set 'digits'",
    ),
    ("rules: [{ when: { amount: 10000 }, promises: {} }]", "2: rules[0].when.amount: 10000 does not fit; write"),
    ("rules: [{ when: { pass: 0 }, promises: {} }]", "2: rules[0].when.pass: 0 is no number of a pass; write 1"),
    ("rules: [{ when: { pass: first }, promises: {} }]", "2: rules[0].when.pass: 'first' is no number of a pass"),
    (
        "rules:\n  - when: { pass: '2+' }\n    promises: {}\n  - when: { pass: 3 }\n    promises: {}",
        "5: rules[1]: no lead ever comes to this rule: the one on line 3 takes all of its leads",
    ),
    (
        "rules:\n  - when: { origin: Web }\n    promises: {}\n  - when: { origin: web }\n    promises: {}",
        "5: rules[1]: no lead ever comes to this rule: the one on line 3 takes all of its leads",
    ),
    # reasons
    (
        "reasons: { fit: { disposition: never, track: x } }",
        "2: reasons.fit: a lead that is never handed back has no 'track'; leave 'track' out",
    ),
    (
        "reasons: { competitor: { track: x, disposition: triggered, delay: 9 days } }",
        "2: reasons.competitor: a triggered reason waits for the date that sales reports; leave 'delay' out",
    ),
    (
        "reasons: { competitor: { track: x, disposition: trigered } }",
        "2: reasons.competitor.disposition: 'trigered' is not known here; did you mean 'triggered'?",
    ),
    (
        "reasons: { price: { track: x, cause: money } }",
        "2: reasons.price.cause: 'money' is not known here; write one of: authority",
    ),
    ("reasons: { price: { delay: 9 days } }", "2: reasons.price: 'track' is missing; write 'track: …'"),
    # calendars
    ("calendars: { a: { timezone: UTC, hours: { mon: 09:00-09:00 } } }", "closes when it opens; write 'always'"),
    ("calendars: { a: { timezone: UTC, hours: { mon: 09:00-25:00 } } }", "'09:00-25:00' is later than 24:00"),
    (
        "calendars: { a: { timezone: UTC, hours: { mon: '22:00-06:00', tue: '05:00-12:00' } } }",
        "2: calendars.a.hours: the shift of mon reaches into the hours of tue; let it close before",
    ),
    ("calendars: { a: { timezone: UTC, hours: alway } }", "2: calendars.a.hours: 'alway' does not fit; write keys"),
    (
        "calendars: { a: { timezone: UTC, hours: always, holidays: { country: GER } } }",
        "2: calendars.a.holidays: there is no country 'GER'; ",
    ),
    (
        "calendars: { a: { timezone: UTC, hours: always, holidays: { country: DE, region: Bayern } } }",
        "2: calendars.a.holidays: DE has no region 'Bayern'; ",
    ),
    (
        "calendars: { a: { timezone: UTC, hours: always, holidays: { region: BY } } }",
        "2: calendars.a.holidays: the region 'BY' of which country?; write for example 'country: DE'",
    ),
    (
        "calendars: { a: { timezone: UTC, hours: always, holidays: [2062-12-25] } }",
        "2: calendars.a.holidays[0]: 2062-12-25 is not between 2000 and 2050; write the year of the holiday",
    ),
]
"""Wrong policies without their version, which stands on the first line, and what is said about each."""


@pytest.mark.parametrize(("text", "fault"), WRONG)
def test_a_fault_names_line_place_problem_and_what_to_write_instead(text: str, fault: str) -> None:
    [line] = faults_of(text)
    assert line.startswith("policy.yml:")
    assert fault in line


def test_no_worker_starts_with_a_wrong_policy_and_each_exits_with_2_and_the_line(tmp_path: Path) -> None:
    assert len(WRONG) >= 50
    for number, (text, _) in enumerate(WRONG):
        (tmp_path / f"{number}.yml").write_text(f'version: "1"\n{text}', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", STARTS, *(str(tmp_path / f"{number}.yml") for number in range(len(WRONG)))],
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", "LEADLOOP_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT,
    )
    ends = json.loads(done.stdout)
    assert {code for code, _ in ends} == {2}
    for (_, message), (_, fault) in zip(ends, WRONG, strict=True):
        assert re.search(r"\.yml:\d+: ", message), message
        assert fault in message
    assert not (tmp_path / "data").exists()


changes = st.lists(
    st.tuples(st.integers(0, len(WORDS) - 1), st.sampled_from(OTHERS) | st.sampled_from(WORDS)), min_size=1, max_size=3
)


@examples(100)
@given(changes)
def test_whatever_is_written_is_either_a_policy_or_a_list_of_violations(changes: list[tuple[int, str]]) -> None:
    words = list(WORDS)
    for place, word in changes:
        words[place] = word
    with suppress(PolicyError):
        policy_warnings("".join(words), "policy.yml")
