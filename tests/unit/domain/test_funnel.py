"""Live counts of leads."""

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from streams.domain.apply import fold
from streams.domain.facts import Fact
from streams.domain.funnel import Census, Funnel, Step, contribution
from tests.builders_domain import contacted, created, detected, progressed, stalled, verdict, won

from .histories import examples, histories, live

if TYPE_CHECKING:
    from streams.domain.lead import Lead

NEW = fold([created(1, origin="web")])
WORKING = fold([created(1, origin="web"), contacted(2)])
COLD = fold([created(1, origin="web"), detected(5, "s", "never_contacted", 1)])


def steps_of(*facts: Fact) -> list[tuple[str, str, str]]:
    return [tuple(step) for step in contribution(fold(facts))]  # type: ignore[misc]  # a step is such a tuple


def test_a_pass_contributes_each_step_that_it_reached() -> None:
    assert steps_of(created(1, origin="web"), progressed(2), won(3)) == [
        ("1", "web", "created"),
        ("1", "web", "touched"),
        ("1", "web", "progressed"),
        ("1", "web", "won"),
    ]


def test_reached_steps_remain_counted_when_the_lead_progresses() -> None:
    steps = steps_of(created(1), stalled(2), verdict(2), progressed(3))
    assert {step for _, _, step in steps} == {"created", "touched", "progressed", "stalled", "recycled"}


def test_each_pass_is_counted_with_its_own_origin() -> None:
    assert steps_of(created(1, origin="web"), stalled(2), created(3, "c2", origin="fair")) == [
        ("1", "web", "created"),
        ("1", "web", "stalled"),
        ("2", "fair", "created"),
    ]


def test_passes_from_the_fourth_on_are_counted_together() -> None:
    passes = [fact for n in range(1, 12, 2) for fact in (created(n, f"c{n}"), stalled(n + 1, f"s{n}"))]
    labels = [label for label, _, step in steps_of(*passes) if step == "created"]
    assert labels == ["1", "2", "3", "4+", "4+", "4+"]


def test_a_lead_that_was_never_created_contributes_no_step() -> None:
    assert steps_of(contacted(1)) == []


def test_an_update_subtracts_the_old_contribution_and_adds_the_new_one() -> None:
    funnel = Funnel()
    funnel.replace(None, NEW)
    funnel.replace(None, NEW)
    funnel.replace(NEW, WORKING)
    assert dict(funnel.stages) == {("new", "web"): 1, ("working", "web"): 1}
    assert funnel.steps[Step("1", "web", "touched")] == 1


def test_leads_stalled_by_the_detector_are_counted_as_overdue_by_reason() -> None:
    funnel = Funnel()
    funnel.replace(None, COLD)
    assert dict(funnel.overdue) == {"never_contacted": 1}
    funnel.replace(COLD, WORKING)
    assert dict(funnel.overdue) == {}


def test_a_removed_lead_leaves_no_counts() -> None:
    funnel = Funnel()
    leads: list[Lead | None] = [None, NEW, WORKING, COLD, None]
    for old, new in pairwise(leads):
        funnel.replace(old, new)
    assert (dict(funnel.steps), dict(funnel.stages), dict(funnel.overdue)) == ({}, {}, {})


@examples(100)
@given(st.lists(histories(), max_size=8))
def test_counting_many_leads_equals_counting_each_alone(leads: list[list[Fact]]) -> None:
    census, funnel = Census(), Funnel()
    for facts in leads * 2:
        lead = live(facts).lead
        census.add(lead)
        funnel.replace(None, lead)
    counted = census.funnel()
    assert (counted.steps, counted.stages, counted.overdue) == (funnel.steps, funnel.stages, funnel.overdue)
