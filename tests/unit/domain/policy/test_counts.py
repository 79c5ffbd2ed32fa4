"""What a contact counts as."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import By, ContactOutcome, Direction, LeadContacted
from streams.domain.fact_of_record import fact_of
from streams.domain.facts import Contacted
from streams.domain.policy.counts import (
    ACTIVITIES,
    ACTORS,
    DEFAULT_COUNTING,
    INBOUND,
    OUTCOMES,
    Counted,
    Counting,
)
from tests.unit.domain.histories import examples

ANSWERS = ("connected", "replied", "meeting_set", "meeting_held")


def subsets(symbols: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(symbols))


any_counting = st.builds(
    Counting, subsets(ACTORS), subsets(ACTIVITIES), subsets(OUTCOMES), subsets((INBOUND, *OUTCOMES))
)
everybody = st.sampled_from([*ACTORS, "marketing", "automation", "unknown"])
contacts = st.tuples(
    everybody,
    st.sampled_from(ACTIVITIES),
    st.sampled_from(["unknown", "outbound", "inbound"]),
    st.sampled_from(OUTCOMES),
)


@pytest.mark.parametrize(
    ("by", "direction", "outcome", "counted"),
    [
        ("sales", "outbound", "no_answer", "touch"),
        ("sales", "outbound", "no_show", "touch"),
        ("sales", "outbound", "connected", "progress"),
        ("unknown", "unknown", "unknown", "touch"),  # a symbol of a newer version, or none given
        ("lead", "outbound", "unknown", "touch"),
        ("lead", "inbound", "unknown", "progress"),
        ("agent", "outbound", "sent", "none"),
        ("agent", "outbound", "meeting_set", "progress"),
        ("agent", "inbound", "unknown", "progress"),
        ("automation", "outbound", "sent", "none"),
        ("automation", "outbound", "no_show", "none"),
        ("automation", "outbound", "meeting_set", "progress"),
        ("automation", "inbound", "unknown", "progress"),
        ("marketing", "outbound", "sent", "none"),
        ("marketing", "inbound", "replied", "none"),
    ],
)
def test_by_default_an_unanswered_message_of_software_is_not_sales_work(
    by: str, direction: str, outcome: str, counted: Counted
) -> None:
    assert DEFAULT_COUNTING.touch(by, "email", direction, outcome) == counted


def test_a_rule_may_count_what_agents_do() -> None:
    counts = Counting(by=frozenset(ACTORS))
    assert counts.touch("agent", "message", "outbound", "sent") == "touch"
    assert counts.touch("automation", "message", "outbound", "sent") == "none"


def test_a_rule_may_count_some_activities_alone() -> None:
    counts = Counting(activities=frozenset({"call", "meeting"}))
    assert counts.touch("sales", "call", "outbound", "no_answer") == "touch"
    assert counts.touch("sales", "email", "outbound", "sent") == "none"
    assert counts.touch("sales", "email", "outbound", "replied") == "progress"


def test_a_rule_may_ignore_outcomes_in_which_nobody_was_reached() -> None:
    counts = Counting(ignored=frozenset({"bounced"}))
    assert counts.touch("sales", "email", "outbound", "bounced") == "none"
    assert counts.touch("sales", "email", "outbound", "sent") == "touch"


def test_a_rule_may_count_meetings_that_were_held_alone_as_progress() -> None:
    counts = Counting(progress=frozenset({"meeting_held", INBOUND}))
    assert counts.touch("sales", "call", "outbound", "meeting_set") == "touch"
    assert counts.touch("sales", "meeting", "outbound", "meeting_held") == "progress"
    assert counts.touch("lead", "email", "inbound", "unknown") == "progress"


@examples(300)
@given(any_counting, contacts)
def test_marketing_never_touches_a_lead(counts: Counting, contact: tuple[str, str, str, str]) -> None:
    _, *rest = contact
    assert counts.touch("marketing", *rest) == "none"


@examples(300)
@given(any_counting, contacts)
def test_an_answer_is_progress_whoever_asked(counts: Counting, contact: tuple[str, str, str, str]) -> None:
    _, *rest = contact
    is_progress = counts.touch("sales", *rest) == "progress"
    assert (counts.touch("lead", *rest) == "progress") is is_progress
    assert (counts.touch("agent", *rest) == "progress") is is_progress
    assert (counts.touch("automation", *rest) == "progress") is is_progress


def test_every_actor_of_a_record_is_named() -> None:
    assert {*ACTORS, "marketing", "automation", "unknown"} == set(get_args(By))


def test_by_default_a_contact_counts_as_the_fact_that_is_made_of_its_record() -> None:
    for by, direction, outcome in product(get_args(By), get_args(Direction), get_args(ContactOutcome)):
        record = LeadContacted(event_id="e", lead_id="l", occurred_at=1, by=by, direction=direction, outcome=outcome)
        fact = fact_of(record)
        assert isinstance(fact, Contacted)
        counted = "none" if fact.is_no_touch else "progress" if fact.is_progress else "touch"
        assert DEFAULT_COUNTING.touch(by, "call", direction, outcome) == counted, record
