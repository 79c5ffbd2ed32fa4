"""What a person reads: whole explanations, word by word."""

import dataclasses
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from schemas.events import FactRecord, LeadUpdated
from streams.domain.policy import Absence, Intake, Policy, days
from streams.policy_file import parse_policy
from tests.builders import DAY, a_contact, a_created, a_loss, a_reply, a_stall, a_win
from tests.projected import CODEC
from tests.unit.explaining.lives import HOUR, a_life, lived
from workers.explaining.explanation_sentences import About
from workers.explaining.lead_explanation import Explainer
from workers.explaining.promise_sentences import UNKNOWN_POLICY

POLICY = parse_policy(
    """
version: "7"
calendars: { office: { timezone: Europe/Berlin, hours: { mon-fri: "09:00-17:30" } } }
promises: { never_contacted: 2 days, no_follow_up: 7 days, grace: 1 day, no_progress: off, max_attempts: 3 }
rules:
  - { name: hot inbound, when: { origin: webinar }, promises: { never_contacted: 4 business hours } }
reasons:
  never_contacted: { track: introduce-again, escalate: 4 business hours }
  no_follow_up: { track: keep-warm }
  price: { track: offer, delay: 30 days }
  competitor: { track: switch, disposition: triggered }
  invalid: never
limits: { cooldown: 14 days, max_recycles: 3 }
""",
    "policy",
)
TOO_SHORT = (
    "It must not be handed back: its consent ends on Sunday, 22 March 2026, 09:00, and marketing could not start to "
    "write before Thursday, 2 April 2026, 10:00."
)
MONDAY = int(datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp() * 1000)  # 09:00 in Berlin


def text_of(*facts: FactRecord, after: int, about: About | None = None, policy: Policy | None = POLICY) -> str:
    """The sentences (about one part) `after` so many milliseconds after MONDAY."""
    life = lived(facts, POLICY, MONDAY + after)
    found = Explainer(CODEC, policy)(life.document(), life.snapshot, life.now)
    return " ".join(one.text for one in found.sentences if about in (None, one.about))


def created(origin: str = "web", **fields: Any) -> FactRecord:
    return a_created("L", MONDAY, origin=origin, **{"owner_id": "ann", **fields})


def test_a_lead_that_nobody_has_contacted_is_explained_from_its_rule_to_what_comes_next() -> None:
    assert text_of(created("webinar"), after=HOUR) == (
        "Nobody has contacted this lead since it was created on Monday, 2 March 2026, 09:00 (Europe/Berlin). "
        "It belongs to ann. "
        'The rule "hot inbound" of policy 7 applies, because its origin is "webinar". '
        'The promise is a first contact within 4 business hours (calendar "office"), '
        "by Monday, 2 March 2026, 13:00. "
        "Nothing forbids handing it back to marketing. "
        "If nobody contacts it by Monday, 2 March 2026, 13:00 (in 3 hours), it counts as gone cold, and Leadloop "
        "asks sales to act by 17:00. "
        "If sales does not act by Monday, 2 March 2026, 17:00 (in 7 hours), Leadloop hands it back to marketing for "
        'the track "introduce-again"; marketing may start to write at once.'
    )


@pytest.mark.parametrize(
    ("owner_id", "sentence"),
    [
        ("ann", "It belongs to ann, who is away; escalations and warnings about it go to desk."),
        ("ben", "It belongs to ben."),
        ("", "It has no owner; escalations and warnings about it go to desk."),
    ],
)
def test_who_gets_the_escalations_of_a_lead_is_named_if_it_is_not_its_owner(owner_id: str, sentence: str) -> None:
    intake = Intake("desk", frozenset({Absence("ann", last=date(2026, 3, 2))}))
    policy = dataclasses.replace(POLICY, intake=intake)
    lead = created(owner_id=owner_id)
    assert sentence in text_of(lead, after=HOUR, about="state", policy=policy)
    assert "desk" not in text_of(lead, after=HOUR, about="state")


def test_a_broken_promise_is_explained_with_its_decision_and_its_policy() -> None:
    assert text_of(created("webinar"), after=5 * HOUR) == (
        "This lead went cold on Monday, 2 March 2026, 13:00 (Europe/Berlin): nobody had contacted it since it was "
        "created on Monday, 2 March 2026, 09:00. "
        "It belongs to ann. "
        'The rule "hot inbound" of policy 7 applies, because its origin is "webinar". '
        'The promise was a first contact within 4 business hours (calendar "office"), '
        "by Monday, 2 March 2026, 13:00. "
        "Nothing forbids handing it back to marketing. "
        "On Monday, 2 March 2026, 13:00, Leadloop asked sales to act by 17:00 "
        '(reason "never contacted", policy 7). '
        "If sales does not act by Monday, 2 March 2026, 17:00 (in 3 hours), Leadloop hands it back to marketing for "
        'the track "introduce-again"; marketing may start to write at once.'
    )


def test_a_lead_in_work_has_its_contacts_its_next_step_and_its_attempts() -> None:
    step = MONDAY + 10 * DAY
    contact = a_contact("L", MONDAY + DAY, next_step_at=step)
    text = text_of(created(), contact, after=2 * DAY)
    assert text.startswith(
        "Sales is working on this lead: one contact, on Tuesday, 3 March 2026, 09:00 (Europe/Berlin), since it was "
        "created on Monday, 2 March 2026, 09:00. Nothing has come of it yet: no answer and no meeting. "
        "The next step is agreed for Thursday, 12 March 2026, 09:00."
    )
    assert "No rule of policy 7 is for this lead, so the promises about every lead apply." in text
    assert (
        "The promise is a follow-up at the agreed next step, at the latest 1 day after it, "
        "by Friday, 13 March 2026, 09:00. Sales has made 1 of at most 3 contacts without an answer or a meeting."
    ) in text
    assert "If nobody follows up by Friday, 13 March 2026, 09:00 (in 9 days), it counts as gone cold" in text


def test_a_lead_that_is_with_marketing_says_when_marketing_starts_and_what_ends_it() -> None:
    text = text_of(created(consent_expires_at=MONDAY + 90 * DAY), a_loss("L", MONDAY + DAY), after=2 * DAY)
    assert text.startswith(
        "This lead is with marketing. It went cold on Tuesday, 3 March 2026, 09:00 (Europe/Berlin): "
        'the deal was lost, for the reason "price".'
    )
    assert "Its consent ends on Sunday, 31 May 2026, 10:00." in text
    assert text.endswith(
        'Leadloop handed it back to marketing for the track "offer"; marketing could start to write on Thursday, '
        '2 April 2026, 10:00, until its consent ends on Sunday, 31 May 2026, 10:00 (reason "price", policy 7). '
        "Marketing may start to write on Thursday, 2 April 2026, 10:00 (in 29 days). "
        "It stays with marketing until it answers or marketing passes it to sales again."
    )


def test_a_cooldown_is_named_with_its_end_and_what_follows() -> None:
    reply = a_reply("L", MONDAY + 3 * DAY)
    facts = created(), reply
    assert text_of(*facts, after=4 * DAY, about="gate") == (
        "It was handed back on Wednesday, 4 March 2026, 13:00, and may not be handed back again before Wednesday, "
        "18 March 2026, 13:00. It has been handed back once so far, of at most 3."
    )
    assert text_of(*facts, after=4 * DAY, about="next") == (
        "If nobody follows up by Thursday, 12 March 2026, 09:00 (in 6 days), it counts as gone cold, and Leadloop "
        "puts it on hold until Wednesday, 18 March 2026, 13:00, because it was handed back shortly before. "
        "If nothing is reported by Wednesday, 18 March 2026, 13:00 (in 12 days), Leadloop hands it back to "
        'marketing for the track "keep-warm"; marketing may start to write at once.'
    )
    took_back = "Leadloop took it back from marketing, because it moved again (policy 7)."
    assert took_back in text_of(*facts, after=4 * DAY, about="decision")


@pytest.mark.parametrize(
    ("fields", "gate", "next_"),
    [
        (
            {"do_not_contact": True},
            "It must not be handed back: it asked not to be contacted.",
            "Leadloop evaluates it again as soon as it may be contacted.",
        ),
        (
            {"consent_expires_at": MONDAY + 20 * DAY},
            TOO_SHORT,
            "Leadloop evaluates it again as soon as a new consent is reported.",
        ),
        (
            {"consent_expires_at": MONDAY + DAY},
            "It must not be handed back: its consent ended on Tuesday, 3 March 2026, 09:00.",
            "Leadloop evaluates it again as soon as a new consent is reported.",
        ),
        (
            {"consent_expires_at": 0},
            "It must not be handed back: its consent was withdrawn.",
            "Leadloop evaluates it again as soon as a new consent is reported.",
        ),
    ],
)
def test_a_closed_gate_is_named_with_what_opens_it(fields: dict[str, Any], gate: str, next_: str) -> None:
    facts = created(**fields), a_loss("L", MONDAY + DAY)
    assert text_of(*facts, after=2 * DAY, about="gate").replace(" (Europe/Berlin)", "") == gate
    assert text_of(*facts, after=2 * DAY, about="next") == next_


def test_sales_is_warned_before_a_promise_breaks() -> None:
    policy = dataclasses.replace(POLICY, promises=dataclasses.replace(POLICY.promises, warn={"no_follow_up": days(1)}))
    text = text_of(created(), a_contact("L", MONDAY + DAY), after=2 * DAY, about="next", policy=policy)
    assert text.startswith(
        "If nobody follows up by Monday, 9 March 2026, 09:00 (in 5 days), Leadloop warns sales that this promise "
        "breaks on Tuesday, 10 March 2026, 09:00. If nobody follows up by Tuesday, 10 March 2026, 09:00"
    )


def test_a_reason_that_waits_for_a_date_says_so_and_goes_by_the_date() -> None:
    stall, resume_at = MONDAY + DAY, MONDAY + 100 * DAY
    text = text_of(created(), a_stall("L", stall, reason="competitor"), after=2 * DAY)
    assert 'It waits for a date: sales has reported "competitor" without a date to resume.' in text
    assert text.endswith("Leadloop evaluates it again as soon as sales reports a date to resume.")
    text = text_of(created(), a_stall("L", stall, reason="competitor", resume_at=resume_at), after=2 * DAY)
    assert "marketing could start to write on Wednesday, 10 June 2026, 10:00" in text


def test_the_start_of_a_promise_that_runs_from_the_first_owner_is_named() -> None:
    rule = dataclasses.replace(POLICY.promises, contact_from="assigned", never_assigned=days(1))
    policy = dataclasses.replace(POLICY, promises=rule)
    life = lived([created(owner_id="")], policy, MONDAY + HOUR)
    texts = [one.text for one in Explainer(CODEC, policy)(life.document(), life.snapshot, life.now).sentences]
    assert "The promise is an owner within 1 day, by Tuesday, 3 March 2026, 09:00." in texts
    assigned = LeadUpdated(event_id="u", lead_id="L", occurred_at=MONDAY + HOUR, owner_id="ann")
    life = lived([created(owner_id=""), assigned], policy, MONDAY + 2 * HOUR)
    texts = [one.text for one in Explainer(CODEC, policy)(life.document(), life.snapshot, life.now).sentences]
    assert (
        "The promise is a first contact within 2 days, from Monday, 2 March 2026, 10:00 (when it got an owner), "
        "by Wednesday, 4 March 2026, 10:00."
    ) in texts


def test_where_only_the_newest_decisions_are_listed_the_number_of_the_others_is_given() -> None:
    stalls = [a_stall("L", MONDAY + n * DAY, event_id=f"s{n}", reason=f"reason {n}") for n in range(1, 6)]
    decided = text_of(created(), *stalls, after=6 * DAY, about="decision")
    assert decided.startswith("Leadloop made 3 decisions before the following ones. On ")
    assert decided.count("because sales reported something else") == 3
    assert "before the following" not in text_of(created(), *stalls[:3], after=6 * DAY, about="decision")


def test_a_customer_is_not_handed_back() -> None:
    facts = created(), a_win("L", MONDAY + DAY), a_created("L", MONDAY + 2 * DAY), a_stall("L", MONDAY + 3 * DAY)
    text = text_of(*facts, after=4 * DAY)
    assert "It must not be handed back: it is a customer, because a deal with it was won before." in text
    assert text.endswith("Customers are not handed back: nothing happens unless it moves again.")


def test_a_won_deal_ends_the_story() -> None:
    facts = created(), a_win("L", MONDAY + DAY)
    assert text_of(*facts, after=2 * DAY, about="state") == "The deal with this lead was won."
    assert text_of(*facts, after=2 * DAY, about="next") == (
        "Nothing more happens to it, unless marketing passes it to sales again."
    )


def test_a_reason_that_is_never_handed_back_is_named() -> None:
    facts = created(), a_stall("L", MONDAY + DAY, reason="invalid")
    assert text_of(*facts, after=2 * DAY, about="decision").endswith(
        'Leadloop decided not to hand it back any more, because leads with the reason "invalid" are never handed back '
        "(policy 7)."
    )
    assert text_of(*facts, after=2 * DAY, about="next") == (
        "It stays as it is, unless it moves again (an answer or a meeting) or sales reports something else."
    )


def test_a_new_pass_is_named_by_its_number() -> None:
    again = a_created("L", MONDAY + 5 * DAY)
    text = text_of(created(), a_loss("L", MONDAY + DAY), again, after=5 * DAY + HOUR)
    assert text.startswith(
        "Marketing passed this lead to sales for the 2nd time on Saturday, 7 March 2026, 09:00 (Europe/Berlin). "
        "Nobody has contacted it since. It has no owner."
    )


def test_without_a_policy_the_date_that_streams_has_published_is_what_comes_next() -> None:
    text = text_of(created(), after=HOUR, policy=None)
    assert UNKNOWN_POLICY in text
    assert text.endswith(
        "If nobody contacts it by Wednesday, 4 March 2026, 08:00 (in 47 hours), it counts as gone cold."
    )
    assert text.startswith("Nobody has contacted this lead since it was created on Monday, 2 March 2026, 08:00 (UTC).")


def test_a_policy_of_the_same_version_and_another_content_is_not_taken_for_the_one_that_decided() -> None:
    edited = dataclasses.replace(POLICY, digest="0123456789abcdef")
    text = text_of(created(), a_loss("L", MONDAY + DAY), after=2 * DAY, policy=edited, about="decision")
    assert text.endswith('(reason "price", policy 7 before its file was changed).')


def test_events_that_are_no_longer_known_are_mentioned() -> None:
    life = lived([created(), a_contact("L", MONDAY + DAY)], POLICY, MONDAY + 2 * DAY)
    found = Explainer(CODEC, POLICY)(life.document(since=MONDAY + 1), life.snapshot, life.now)
    assert not found.is_whole
    assert "Older events of this lead are no longer known here, so that counts may be too small." in [
        one.text for one in found.sentences
    ]


def test_every_sentence_of_random_leads_is_a_whole_sentence() -> None:
    for seed in range(300):
        life = a_life(seed)
        for about, text in Explainer(CODEC, life.policy)(life.document(), life.snapshot, life.now).sentences:
            assert about
            assert re.fullmatch(r"[A-Z][^{}_]*\.", text), text
            assert not re.search(r"None|\s\s|\s[.,;]|\.\.", text), text
