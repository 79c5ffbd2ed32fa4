"""A changed policy takes effect at a chunk boundary; the deadlines of the leads follow, slice by slice."""

from itertools import pairwise

import pytest

from schemas.events import LeadDecided
from streams.agents import policy_switch
from streams.domain.policy import Policy
from tests.builders import T0, a_created
from tests.builders_domain import a_policy, within

from .loop_harness import LoopHarness, decoded

NAMES = [f"lead-{n:02}" for n in range(25)]
SHORT, LONG = a_policy(within(never_contacted=30)), a_policy(within(never_contacted=90))


@pytest.fixture(autouse=True)
def _ten_leads_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_switch, "SLICE", 10)


def with_leads(policy: Policy, *, cached: int = 1000) -> LoopHarness:
    harness = LoopHarness(policy, is_live=True, cached=cached)
    harness.chunk(*(a_created(name) for name in NAMES), complete_until=T0 + 1)
    return harness


def due_at(harness: LoopHarness) -> list[int | None]:
    return [due and due - T0 for due in (harness.loop.clock.due_of(name.encode()) for name in NAMES)]


@pytest.mark.parametrize("cached", [1000, 3])
def test_deadlines_move_slice_by_slice_until_all_follow_the_new_policy(cached: int) -> None:
    harness = with_leads(LONG, cached=cached)
    harness.policy.current = SHORT
    moved: list[int] = []
    while not harness.loop.may_skip_tick(T0 + 1) or not moved:
        chunk = harness.chunk(complete_until=T0 + 1)
        moved.append(due_at(harness).count(30))
        assert [decoded(one).due_at for one in chunk.to("lead-snapshots")] == [T0 + 30] * (
            moved[-1] - (moved[-2] if len(moved) > 1 else 0)
        )
        if harness.loop.sweep is None:
            break
    assert moved == [10, 20, 25]
    assert len(harness.chunk(complete_until=T0 + 41).to("lead-stalled")) == len(NAMES)


def test_a_lead_whose_deadline_has_not_moved_yet_is_still_judged_by_the_new_policy() -> None:
    harness = with_leads(SHORT)
    harness.policy.current = LONG
    chunk = harness.chunk(complete_until=T0 + 60)
    assert chunk.to("lead-stalled") == []
    assert len(harness.chunk(complete_until=T0 + 101).to("lead-stalled")) == len(NAMES)


def test_no_chunk_is_decided_by_two_policies() -> None:
    harness = with_leads(SHORT)
    changed = a_policy(within(never_contacted=30))
    harness.policy.current = changed
    harness.chunk(complete_until=T0 + 5)
    assert harness.loop.policy is changed
    for one in harness.chunk(complete_until=T0 + 41).to("lead-decisions"):
        decision = decoded(one)
        assert isinstance(decision, LeadDecided)
        assert decision.policy_version == changed.version


def test_a_tick_is_not_skipped_while_deadlines_have_to_move() -> None:
    harness = with_leads(LONG)
    harness.chunk(complete_until=T0 + 1)
    assert harness.loop.may_skip_tick(T0 + 1)
    harness.policy.current = SHORT
    skipped = []
    for _ in range(5):
        skipped.append(harness.loop.may_skip_tick(T0 + 1))
        harness.chunk(complete_until=T0 + 1)
    assert skipped == [False, False, False, True, True]


def test_a_second_change_begins_the_walk_anew() -> None:
    harness = with_leads(LONG)
    for policy in (SHORT, a_policy(within(never_contacted=50))):
        harness.policy.current = policy
        harness.chunk(complete_until=T0 + 1)
    counts = []
    while harness.loop.sweep is not None:
        counts.append(due_at(harness).count(50))
        harness.chunk(complete_until=T0 + 1)
    assert all(one < other for one, other in pairwise(counts))
    assert due_at(harness) == [50] * len(NAMES)
