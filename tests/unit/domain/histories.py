"""Random histories: of one lead, several passes, any order, repeats."""

import os
from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st

from streams.domain.facts import Closed, Contacted, Created, Fact, Stalled, Updated
from streams.domain.lead_fold import LeadFold
from streams.domain.lead_history import LeadHistory
from streams.domain.policy import Action, PlainTime, Policy, PolicyLimits
from tests.builders_domain import a_policy, within

LEAD_ID = "L"
END = 1_000
QUICK = within(20, 30, 60, 5, 3)
BOUNDLESS = a_policy(QUICK)

_AT = st.integers(0, 300)
_SOON = st.none() | st.integers(0, 400)


def examples(count: int) -> settings:
    """So many examples, or LEADLOOP_EXAMPLES times as many: for a long search by hand."""
    return settings(max_examples=count * int(os.environ.get("LEADLOOP_EXAMPLES", "1")), deadline=None)


def _named(facts: list[Fact]) -> list[Fact]:
    return [_with_id(fact, f"e{n}") for n, fact in enumerate(facts)]


def _with_id(fact: Fact, event_id: str) -> Fact:
    values = [getattr(fact, name) for name in fact.__struct_fields__]
    return type(fact)(values[0], event_id, *values[2:])


creations = st.builds(
    Created,
    at=_AT,
    event_id=st.just(""),
    origin=st.sampled_from(["web", "fair"]),
    consent_expires_at=st.none() | st.integers(100, 900),
    do_not_contact=st.sampled_from([False, False, False, True]),
)
contacts = st.builds(
    Contacted,
    at=_AT,
    event_id=st.just(""),
    is_no_touch=st.sampled_from([False, False, False, True]),
    is_progress=st.booleans(),
    next_step_at=_SOON,
    loses_step=st.sampled_from([False, False, False, True]),
)
closings = st.builds(
    Closed,
    at=_AT,
    event_id=st.just(""),
    is_won=st.sampled_from([False, False, True]),
    reason=st.sampled_from(["lost", "price", "poor_fit"]),
)
declarations = st.builds(
    Stalled, at=_AT, event_id=st.just(""), reason=st.sampled_from(["bad_timing", "invalid"]), resume_at=_SOON
)
_changes = {"at": _AT, "event_id": st.just("")}
changes: st.SearchStrategy[Fact] = st.one_of(
    st.builds(Updated, **_changes, do_not_contact=st.booleans()),
    st.builds(
        Updated, **_changes, has_consent=st.just(True), consent_expires_at=st.none() | st.sampled_from([0, 150, 500])
    ),
    st.builds(Updated, **_changes, retracts=st.sampled_from(["e1", "e2", "e3"])),
)
first_creations = st.builds(Created, at=st.just(0), event_id=st.just(""), origin=st.just("web"))
any_fact: st.SearchStrategy[Fact] = st.one_of(contacts, contacts, creations, closings, declarations, changes)


def histories(at_most: int = 12) -> st.SearchStrategy[list[Fact]]:
    """Facts of one lead, mostly created at 0, in no order."""
    rest = st.lists(any_fact, min_size=1, max_size=at_most)
    return st.builds(lambda first, facts: _named([first, *facts]), first_creations | contacts, rest)


limits = st.builds(
    PolicyLimits,
    max_recycles=st.none() | st.integers(0, 3),
    max_age=st.none() | st.builds(PlainTime, st.integers(0, 200)),
    cooldown=st.builds(PlainTime, st.integers(0, 200)),
    holdout_percent=st.sampled_from([0, 0, 50]),
    holdout_salt=st.sampled_from(["", "a", "b"]),
)
policies: st.SearchStrategy[Policy] = st.builds(
    lambda bounds, promises, escalate, delay: a_policy(
        promises,
        bounds,
        {
            "invalid": None,
            "poor_fit": None,
            "price": Action("offer", PlainTime(delay)),
            "never_contacted": Action("introduce-again", escalate=escalate and PlainTime(escalate)),
            "no_follow_up": Action("keep-warm", PlainTime(delay)),
        },
    ),
    limits,
    st.builds(
        within,
        st.none() | st.integers(1, 100),
        st.integers(1, 100),  # never off: the model goes by agreed next steps even then
        st.none() | st.integers(1, 100),
        st.integers(0, 20),
        st.none() | st.integers(1, 4),
    ),
    st.none() | st.integers(1, 50),
    st.integers(0, 50),
)


def live(facts: Iterable[Fact], policy: Policy = BOUNDLESS, *, repeats: int = 1, kept: int = 10_000) -> LeadFold:
    """Take facts in as they come, as the stream would; then let time go on to the end."""
    ledger, now = LeadFold(LEAD_ID, LeadHistory(kept)), 0
    for fact in facts:
        now = max(now, fact.at)
        for _ in range(repeats):
            ledger.tick(policy, now)
            ledger.add(fact, policy, now)
    ledger.tick(policy, END)
    return ledger


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """The facts as they happened."""
    return sorted(facts, key=lambda fact: fact.order)
