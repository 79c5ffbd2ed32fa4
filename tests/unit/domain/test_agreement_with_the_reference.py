"""Our domain and the reference model decide the same, fact by fact."""

from collections.abc import Iterable
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from streams.domain.facts import Fact, Updated
from streams.domain.lead import stage
from streams.domain.lead_fold import Emission, LeadFold
from streams.domain.lead_history import LeadHistory
from streams.domain.policy import Policy

from .histories import BOUNDLESS, END, LEAD_ID, examples, histories, live, policies
from .reference_model import (
    MODEL,
    emission_as_of_the_model,
    emitted_by_the_model,
    lead_as_the_model_says,
    policy_to_model,
    to_model,
)


class Ledger(MODEL.Ledger):  # type: ignore[misc,name-defined]  # the model is not typed
    """A ledger of the model that notes when it is stuck: it draws the id of a recycle that was revoked before.

    That takes a REVOKE that is read before its RECYCLE. Our domain draws the next id instead, so the stall has an end.
    """

    is_stuck = False

    def _own(self, fact: Any) -> bool:
        is_new: bool = super()._own(fact)
        self.is_stuck |= fact.kind == "recycle" and not is_new
        return is_new


def model_live(facts: Iterable[Fact], policy: Policy, repeats: int = 1) -> Ledger:
    ledger, now = Ledger(LEAD_ID, policy_to_model(policy)), 0
    for fact in facts:
        now = max(now, fact.at)
        for _ in range(repeats):
            ledger.tick(now)
            ledger.add(to_model(fact), now)
    ledger.tick(END)
    return ledger


def assert_same(ours: LeadFold, theirs: Any) -> None:
    assert lead_as_the_model_says(ours.lead) == lead_as_the_model_says(theirs.lead)
    assert stage(ours.lead) == MODEL.stage(theirs.lead)
    assert [emission_as_of_the_model(emission) for emission in ours.emissions] == [
        emitted_by_the_model(fact) for fact in theirs.emitted
    ]


@examples(400)
@given(histories(), policies, st.integers(1, 2), st.data())
def test_emissions_agree_with_the_reference_model_for_any_order_of_facts(
    facts: list[Fact], policy: Policy, repeats: int, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(facts))
    assert_same(live(order, policy, repeats=repeats), model_live(order, policy, repeats))


@examples(200)
@given(histories(8), policies, st.integers(0, 400), st.data())
def test_emissions_agree_with_the_reference_model_when_the_first_fact_is_taken_back(
    facts: list[Fact], policy: Policy, at: int, data: st.DataObject
) -> None:
    """Mostly the creation, also after the lead was handed back: the recycle stands, with both."""
    order = data.draw(st.permutations([*facts, Updated(at, "back", retracts=facts[0].event_id)]))
    assert_same(live(order, policy), model_live(order, policy))


def _fact_of(emission: Emission) -> Fact:
    return emission.fact


@examples(400)
@given(histories(8), st.data())
def test_emissions_agree_with_the_reference_model_when_own_emissions_are_read_back(
    facts: list[Fact], data: st.DataObject
) -> None:
    known = data.draw(st.integers(1, len(facts)))
    emitted = [_fact_of(emission) for emission in live(facts[:known]).emissions]
    mixed = data.draw(st.permutations([*facts, *emitted]))
    theirs = model_live(mixed, BOUNDLESS)
    assume(not theirs.is_stuck)
    assert_same(live(mixed), theirs)


@examples(200)
@given(histories(), policies, st.data())
def test_emissions_agree_with_the_reference_model_when_the_state_is_stored_after_every_fact(
    facts: list[Fact], policy: Policy, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(facts))
    ledger, now = LeadFold(LEAD_ID), 0
    emitted: list[Emission] = []
    for fact in order:
        now = max(now, fact.at)
        ledger = LeadFold(LEAD_ID, LeadHistory.decode(ledger.history.encode()))
        ledger.tick(policy, now)
        ledger.add(fact, policy, now)
        emitted += ledger.emissions
    ledger.emissions.clear()
    ledger.tick(policy, END)
    ledger.emissions[:0] = emitted
    assert_same(ledger, model_live(order, policy))
