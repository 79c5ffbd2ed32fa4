"""What of a lead a snapshot is written for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.agents.leads import milestones
from streams.domain.apply import fold
from streams.domain.fact_of_record import fact_of
from tests.builders import DAY, T0, a_contact, a_created

if TYPE_CHECKING:
    from schemas.events import FactRecord


def test_a_late_fact_that_changes_only_when_the_lead_was_created_is_a_milestone() -> None:
    known: list[FactRecord] = [a_created("lead", T0, event_id="later"), a_contact("lead", T0 + DAY, event_id="touch")]
    earlier = a_created("lead", T0 - DAY, event_id="earlier")
    before, after = fold(fact_of(one) for one in known), fold(fact_of(one) for one in [earlier, *known])
    assert before.created_at != after.created_at
    assert milestones(before, None) != milestones(after, None)
