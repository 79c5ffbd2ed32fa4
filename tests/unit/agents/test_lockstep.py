"""The agent and the reference model decide the same, chunk by chunk: whatever comes in whatever order, and crashes."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.events import FactRecord, LeadUpdated
from streams.agents import lead_job
from streams.domain.policy import Policy
from tests.builders import T0
from tests.unit.domain.histories import examples, policies

from .agent_harness import Crash
from .histories import BOUNDLESS, END, Histories, histories, merged
from .lockstep import Lockstep

TOLD = ("lead-decisions", "lead-snapshots", "lead-stalled", "lead-recycled")
some_policy = policies | st.just(BOUNDLESS)


def coarse(history: Histories, step: int) -> list[FactRecord]:
    """With times so coarse that many are the same."""
    times = ((each, T0 + (each.occurred_at - T0) // step * step) for each in merged(history))
    return [replace(each, occurred_at=at) for each, at in times]


def crashes(dice: Random) -> Iterator[Crash | None]:
    """For the first hundred chunks: some of the outputs survive, or all and some of the state."""
    for _ in range(100):
        some = Crash([topic for topic in TOLD if dice.random() < 0.5])
        yield dice.choice([None, None, some, Crash(changes=dice.randrange(6))])


def sizes(dice: Random) -> Iterator[int]:
    while True:
        yield dice.randint(1, 5)


@pytest.fixture(autouse=True, scope="module")
def _one_lead_is_kept_in_memory() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lead_job, "CACHED", 1)
        yield


@examples(60)
@given(histories(3, 12), some_policy, st.sampled_from([1, 1, 20, 100]), st.randoms(use_true_random=False))
def test_the_agent_agrees_with_the_reference_model_for_any_order_and_crashes(
    history: Histories, policy: Policy, step: int, dice: Random
) -> None:
    facts, both = coarse(history, step), Lockstep(policy)
    facts += dice.choices(facts, k=dice.randrange(5))
    dice.shuffle(facts)
    for fact in facts:
        both.add(fact)
        if dice.random() < 0.3:
            both.until(T0 + dice.randrange(600))
    both.until(END).run(sizes(dice), crashes(dice))
    both.assert_same_stages()


@examples(60)
@given(histories(2, 60), some_policy, st.integers(4, 8), st.randoms(use_true_random=False))
def test_the_agent_agrees_with_the_reference_model_for_histories_longer_than_its_memory(
    history: Histories, policy: Policy, memory: int, dice: Random
) -> None:
    both = Lockstep(policy, memory=memory)
    for fact in merged(history):
        if isinstance(fact, LeadUpdated) and fact.retracts:
            continue  # what is forgotten cannot be retracted; the model forgets nothing
        both.add(fact)
        if dice.random() < 0.3:
            both.until(fact.occurred_at)
    both.until(END).run(sizes(dice), crashes(dice))
    both.assert_same_stages()
