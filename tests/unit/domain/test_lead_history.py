"""The bounded memory of one lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.domain.apply import fold
from streams.domain.facts import Fact, Revoked, Updated
from streams.domain.lead import NOBODY, Lead, stage
from streams.domain.lead_fold import Emission, LeadFold
from streams.domain.lead_history import KEPT_REVOKED, LeadHistory
from streams.domain.policy import Policy
from streams.domain.state import UnknownFormat, lead_of
from tests.builders_domain import contacted, created, lost, progressed, revoked, stalled, verdict

from .histories import BOUNDLESS, END, LEAD_ID, examples, histories, in_order, live, policies


def history_of(*facts: Fact, kept: int = 64) -> LeadHistory:
    history = LeadHistory(kept)
    for fact in facts:
        history.add(fact)
        history.forget()
    return history


def test_a_duplicate_fact_is_recognised_and_changes_nothing() -> None:
    history = history_of(created(1), contacted(2))
    before = history.lead
    assert history.add(contacted(2)) == "repeat"
    assert (history.lead, history.repeated) == (before, 1)


def test_a_late_fact_is_folded_at_its_event_time() -> None:
    history = history_of(created(1), contacted(5, "b", next_step_at=50))
    assert history.add(contacted(3, "a", next_step_at=30)) == "new"
    assert history.lead.next_step_at == 50
    assert history.lead.touches == 2


def test_the_oldest_facts_are_dropped_and_their_effect_is_kept() -> None:
    touches = [contacted(n, f"t{n}") for n in range(2, 102)]
    history = history_of(created(1, origin="fair"), *touches, kept=10)
    assert len(history.facts) == 10
    assert (history.lead.origin, history.lead.touches) == ("fair", 100)


def test_a_fact_older_than_the_history_is_counted_and_not_folded() -> None:
    history = history_of(created(10), *(contacted(n, f"t{n}") for n in range(20, 30)), kept=3)
    assert history.add(contacted(12, "too late")) == "late"
    assert (history.late, history.lead.touches) == (1, 10)


def test_a_revoke_applies_to_a_recycle_that_is_no_longer_in_the_history() -> None:
    long_after = [contacted(n, f"t{n}") for n in range(20, 40)]
    history = history_of(created(1), stalled(10), verdict(10), *long_after, kept=3)
    assert stage(history.lead) == "nurture"
    assert history.add(revoked(11, "v")) == "new"
    assert stage(history.lead) == "stalled"
    assert history.lead.stall is not None
    assert history.lead.stall.decided is None


def test_a_dropped_revoke_is_recognised_as_a_duplicate() -> None:
    long_after = [contacted(n, f"t{n}") for n in range(20, 40)]
    history = history_of(created(1), stalled(10), verdict(10), revoked(11, "v"), *long_after, kept=3)
    assert history.add(revoked(11, "v")) == "repeat"


def test_an_unknown_recycle_older_than_the_history_is_revoked() -> None:
    history = history_of(created(1), *(contacted(n, f"t{n}") for n in range(20, 40)), kept=3)
    assert history.add(verdict(15, "forgotten")) == "late"
    assert [(doubt.recycle_id, doubt.cause) for doubt in history.lead.to_revoke] == [("forgotten", "void")]


def test_a_late_recycle_of_a_finished_pass_is_not_revoked() -> None:
    second_pass: list[Fact] = [stalled(10), created(15, "again"), *(contacted(n, f"t{n}") for n in range(20, 40))]
    history = history_of(created(1), *second_pass, kept=3)
    assert history.add(verdict(10, "forgotten")) == "late"
    assert history.lead.to_revoke == ()


def test_a_late_recycle_before_the_creation_belongs_to_the_first_pass_and_is_revoked() -> None:
    orphaned: list[Fact] = [lost(5), created(15), *(progressed(n, f"p{n}") for n in range(20, 40))]
    history = history_of(*orphaned, kept=3)
    assert history.add(verdict(5, "forgotten", stall_id="l")) == "late"
    assert [doubt.recycle_id for doubt in history.lead.to_revoke] == ["forgotten"]


def test_a_decision_about_the_current_stall_is_never_late() -> None:
    history = history_of(created(1), stalled(10), *(contacted(n, f"t{n}") for n in range(20, 40)), kept=3)
    assert history.add(verdict(10)) == "new"
    assert stage(history.lead) == "nurture"


def test_the_ids_of_revoked_recycles_are_bounded() -> None:
    history = LeadHistory(kept=4)
    for n in range(1, 2_000, 5):
        facts: list[Fact] = [stalled(n, f"s{n}"), verdict(n, f"v{n}", stall_id=f"s{n}"), progressed(n + 1, f"p{n}")]
        for fact in (*facts, revoked(n + 1, f"v{n}", f"s{n}")):
            history.add(fact)
        history.forget()
    assert len(history.facts) == 4
    assert len(history.lead.revoked) <= KEPT_REVOKED + 4
    assert len(history.encode()) < 8_000


@examples(150)
@given(histories(), policies, st.integers(1, 4), st.data())
def test_the_lead_is_always_the_fold_of_its_history(
    facts: list[Fact], policy: Policy, kept: int, data: st.DataObject
) -> None:
    ledger, now = LeadFold(LEAD_ID, LeadHistory(kept)), 0
    for fact in data.draw(st.permutations(facts)):
        now = max(now, fact.at)
        ledger.tick(policy, now)
        ledger.add(fact, policy, now)
        history = ledger.history
        assert history.lead == fold(history.facts, history.base or NOBODY)
        assert len(history.facts) <= kept


@examples(300)
@given(histories(), policies, st.integers(1, 6), st.data())
def test_a_bounded_history_decides_the_same_for_all_facts_that_it_folds(
    facts: list[Fact], policy: Policy, kept: int, data: st.DataObject
) -> None:
    """Except facts older than the history: the bounded one only counts them, and the other one does not get them.

    What was forgotten cannot be retracted either: neither gets such a retraction.
    """
    bounded, boundless, now = LeadFold(LEAD_ID, LeadHistory(kept)), LeadFold(LEAD_ID, LeadHistory(10_000)), 0
    for fact in data.draw(st.permutations(facts)):
        now = max(now, fact.at)
        bounded.tick(policy, now)
        boundless.tick(policy, now)
        if isinstance(fact, Updated) and fact.retracts in _ids(boundless) - _ids(bounded):
            continue
        if bounded.add(fact, policy, now) == "new":
            boundless.add(fact, policy, now)
    bounded.tick(policy, END)
    boundless.tick(policy, END)
    assert list(map(_emitted, bounded.emissions)) == list(map(_emitted, boundless.emissions))
    assert _in_any_order(bounded.lead) == _in_any_order(boundless.lead)


def _emitted(emission: Emission) -> tuple[object, ...]:
    return emission.what, emission.fact, emission.now, _in_any_order(emission.lead)


def _in_any_order(lead: Lead) -> Lead:
    """Revocations of one instant have no order among each other."""
    return replace(lead, revoked=tuple(sorted(lead.revoked, key=lambda sent: (sent.recycle_id, sent.stall_id))))


def _ids(fold: LeadFold) -> set[str]:
    return {fact.event_id for fact in fold.history.facts}


@examples(200)
@given(histories(8), st.integers(1, 6), st.data())
def test_every_recycle_is_current_or_revoked_however_short_the_history(
    facts: list[Fact], kept: int, data: st.DataObject
) -> None:
    """Emissions of before a crash are read back among other facts; one pass only."""
    facts = [fact for fact in facts if type(fact).__name__ != "Created" or fact.event_id == "e0"]
    known = data.draw(st.integers(1, len(facts)))
    emitted = [each.fact for each in live(facts[:known]).emissions]
    ledger, now = LeadFold(LEAD_ID, LeadHistory(kept)), 0
    for fact in data.draw(st.permutations([*facts, *emitted])):
        now = max(now, fact.at)
        ledger.add(fact, BOUNDLESS, now)
    ledger.tick(BOUNDLESS, END)
    sent = [*emitted, *(each.fact for each in ledger.emissions)]
    recycles = {fact.event_id for fact in sent if getattr(fact, "decided", None) == "recycle"}
    revokes = {fact.recycle_id for fact in sent if isinstance(fact, Revoked)}
    assert recycles - revokes == ({ledger.lead.recycle.recycle_id} if ledger.lead.recycle else set())


@examples(150)
@given(histories(), policies)
def test_applying_the_newest_fact_equals_folding_the_history_again(facts: list[Fact], policy: Policy) -> None:
    history = live(in_order(facts), policy).history
    assert history.lead == fold(history.facts)


@examples(100)
@given(histories(), policies, st.integers(1, 10))
def test_a_history_survives_encoding_and_decoding(facts: list[Fact], policy: Policy, kept: int) -> None:
    history = live(facts, policy, repeats=2, kept=kept).history
    state = history.encode()
    again = LeadHistory.decode(state, kept)
    assert all(getattr(again, name) == getattr(history, name) for name in LeadHistory.__struct_fields__)
    assert again.encode() == state
    assert lead_of(state) == history.lead


@pytest.mark.parametrize("state", [b"", b"\x00\x90", b"\x03\x90"])
def test_a_state_of_another_format_version_is_refused(state: bytes) -> None:
    with pytest.raises(UnknownFormat, match="format"):
        LeadHistory.decode(state)
    with pytest.raises(UnknownFormat, match="format"):
        lead_of(state)
