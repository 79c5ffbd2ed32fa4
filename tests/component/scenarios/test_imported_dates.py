"""What becomes of leads whose history is imported with dates that have no time, or that stand for "never"."""

from datetime import datetime
from pathlib import Path

import pytest

from schemas.events import LeadRecycled
from streams.policy_file import parse_policy
from tests.builders_imports import CONTACTED, CREATED, facts_of
from tests.component.scenarios.in_memory import decided_in_memory
from tests.world import CODEC

POLICY = parse_policy((Path(__file__).parents[3] / "deploy/config/policy.yml").read_text("utf-8"), "policy.yml")
WALK = (
    {**CREATED, "when": {"what": "form"}},
    {**CONTACTED, "when": {"what": "call"}, "outcome": {"constant": "no_answer"}, "next_step_at": "next"},
    {**CONTACTED, "when": {"what": "talked"}, "outcome": {"constant": "connected"}},
    {"kind": "deal-closed", "when": {"what": "lost"}, "lead_id": "id", "occurred_at": "at",
     "outcome": {"constant": "lost"}, "reason": "reason"},
)  # fmt: skip


def walked(*rows: dict[str, str], until: str, zone: str = "UTC") -> tuple[list[LeadRecycled], str]:
    """The recycle events of one lead with these rows, in their order, and its stage."""
    facts = sorted(
        (fact for row in rows for fact in facts_of(row, *WALK, zone=zone)), key=lambda fact: fact.occurred_at
    )
    ms = round(datetime.fromisoformat(until).timestamp() * 1000)
    found = decided_in_memory({"L1": facts}, POLICY, ms)
    assert found.conflicts == []
    events = [
        CODEC.decode(value, LeadRecycled) for (kind, _), value in found.values.items() if kind in ("RECYCLE", "REVOKE")
    ]
    return events, found.stage_of["L1"]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_a_deal_that_was_lost_on_the_day_of_the_last_call_stays_lost(zone: str) -> None:
    rows = (
        {"at": "2025-03-02T09:00:00Z", "what": "form"},
        {"at": "2025-03-20T10:00:00Z", "what": "talked"},
        {"at": "2025-03-20", "what": "lost", "reason": "price"},
    )
    events, stage = walked(*rows, until="2025-04-10T00:00Z", zone=zone)
    last = events[-1]  # a REVOKE of the first recycle, by the call, comes before
    assert (last.action, last.reason, last.track, stage) == ("RECYCLE", "price", "offer", "nurture")


@pytest.mark.parametrize("never", ["9999-12-30", "2099-12-31", "0001-01-01T00:00:00", ""])
def test_a_next_step_that_stands_for_never_keeps_no_lead_from_going_cold(never: str) -> None:
    rows = (
        {"at": "2025-03-02T09:00:00Z", "what": "form"},
        {"at": "2025-03-03T09:00:00Z", "what": "call", "next": never},
    )
    events, _ = walked(*rows, until="2025-03-20T00:00Z")
    assert [(event.action, event.reason) for event in events] == [("RECYCLE", "no_follow_up")]
