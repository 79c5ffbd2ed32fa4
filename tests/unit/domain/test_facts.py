"""Facts as the fold takes them, out of records."""

from typing import Any

import msgspec
import pytest

from schemas.events import DealClosed, FactRecord, LeadContacted, LeadCreated, LeadRecycled, LeadStalled, LeadUpdated
from streams.domain.errors import Poison
from streams.domain.fact_of_record import fact_of
from streams.domain.facts import (
    LAST_AT,
    NO_CONSENT,
    Closed,
    Contacted,
    Created,
    Decided,
    Fact,
    Revoked,
    Stalled,
    Updated,
    Warned,
)

KNOWN: Any = {"event_id": "e", "lead_id": "lead", "occurred_at": 5}


@pytest.mark.parametrize(
    ("record", "fact"),
    [
        (
            LeadCreated(**KNOWN, origin="web", segment="smb", consent_expires_at=9, do_not_contact=True),
            Created(5, "e", "web", segment="smb", consent_expires_at=9, do_not_contact=True),
        ),
        (LeadContacted(**KNOWN, outcome="voicemail", owner_id="ann"), Contacted(5, "e", owner_id="ann")),
        (LeadContacted(**KNOWN, outcome="replied", next_step_at=9), Contacted(5, "e", False, True, 9)),
        (LeadContacted(**KNOWN, direction="inbound"), Contacted(5, "e", is_progress=True)),
        (LeadContacted(**KNOWN, by="marketing"), Contacted(5, "e", is_no_touch=True)),
        (LeadContacted(**KNOWN, by="agent", outcome="sent"), Contacted(5, "e", is_no_touch=True)),
        (LeadContacted(**KNOWN, by="agent", outcome="replied"), Contacted(5, "e", is_progress=True)),
        (LeadContacted(**KNOWN, by="automation", direction="inbound"), Contacted(5, "e", is_progress=True)),
        (LeadContacted(**KNOWN, outcome="no_show"), Contacted(5, "e", loses_step=True)),
        (LeadUpdated(**KNOWN), Updated(5, "e")),
        (LeadUpdated(**KNOWN, owner_id="", do_not_contact="yes"), Updated(5, "e", "", do_not_contact=True)),
        (LeadUpdated(**KNOWN, do_not_contact="no", retracts="r"), Updated(5, "e", do_not_contact=False, retracts="r")),
        (LeadUpdated(**KNOWN, consent="granted"), Updated(5, "e", has_consent=True)),
        (LeadUpdated(**KNOWN, consent_expires_at=9), Updated(5, "e", has_consent=True, consent_expires_at=9)),
        (
            LeadUpdated(**KNOWN, consent="withdrawn", consent_expires_at=9),
            Updated(5, "e", has_consent=True, consent_expires_at=NO_CONSENT),
        ),
        (DealClosed(**KNOWN, outcome="won"), Closed(5, "e", is_won=True)),
        (DealClosed(**KNOWN, outcome="lost", reason="price"), Closed(5, "e", reason="price")),
        (DealClosed(**KNOWN, outcome="lost"), Closed(5, "e", reason="lost")),
        (LeadStalled(**KNOWN, reason="price", resume_at=9), Stalled(5, "e", "sales", "price", 0, 9)),
        (LeadStalled(**KNOWN), Stalled(5, "e", "sales", "unspecified")),
        (
            LeadStalled(**KNOWN, declared_by="detector", reason="no_progress", idle_since=3),
            Stalled(5, "e", "detector", "no_progress", 3),
        ),
        (
            LeadRecycled(**KNOWN, action="RECYCLE", recycle_id="r", stall_id="s", not_before=9),
            Decided(5, "r", "recycle", "s", 9),
        ),
        (
            LeadRecycled(**KNOWN, action="REVOKE", recycle_id="r", stall_id="s", cause="moved"),
            Revoked(5, "e", "r", "s", "moved"),
        ),
    ],
)
def test_a_record_is_converted_to_its_fact(record: FactRecord, fact: Fact) -> None:
    assert fact_of(record) == fact


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (LeadCreated(lead_id="lead", occurred_at=5), "no_event_id"),
        (LeadCreated(event_id="e", occurred_at=5), "no_lead_id"),
        (LeadCreated(event_id="e", lead_id="x" * 129, occurred_at=5), "lead_id_too_long"),
        (LeadCreated(event_id="e", lead_id="lead"), "no_time"),
        (LeadCreated(event_id="e", lead_id="lead", occurred_at=-1), "no_time"),
        (LeadCreated(event_id="e", lead_id="lead", occurred_at=LAST_AT), "time_out_of_range"),
        (DealClosed(**KNOWN), "unknown_outcome"),
        (LeadStalled(**KNOWN, declared_by="detector", idle_since=3), "no_reason"),
        (LeadStalled(**KNOWN, declared_by="detector", reason="no_progress"), "no_idle_since"),
        (LeadRecycled(**KNOWN, action="RECYCLE", stall_id="s"), "no_recycle_id"),
        (LeadRecycled(**KNOWN, action="RECYCLE", recycle_id="r"), "no_stall_id"),
        (LeadRecycled(**KNOWN, recycle_id="r", stall_id="s"), "unknown_action"),
    ],
)
def test_an_invalid_record_raises_poison(record: FactRecord, reason: str) -> None:
    with pytest.raises(Poison) as poison:
        fact_of(record)
    assert poison.value.reason == reason
    assert poison.value.detail


def test_a_lead_id_may_have_128_characters() -> None:
    assert fact_of(LeadCreated(event_id="e", lead_id="x" * 128, occurred_at=5)) == Created(5, "e")


def test_an_instant_outside_of_the_calendar_range_is_clamped() -> None:
    recycled = LeadRecycled(**KNOWN, action="RECYCLE", recycle_id="r", stall_id="s", not_before=253_402_300_799_000)
    assert fact_of(recycled) == Decided(5, "r", "recycle", "s", LAST_AT)


def test_facts_are_ordered_by_time_then_kind_then_id() -> None:
    facts: list[Fact] = [
        Created(5, "z"),
        Updated(5, "z"),
        Contacted(5, "a"),
        Contacted(5, "b"),
        Closed(5, "a"),
        Stalled(5, "a"),
        Decided(5, "z", "suppress"),
        Decided(5, "y", "escalate"),
        Decided(5, "x", "hold"),
        Decided(5, "a"),
        Revoked(5, "a"),
        Created(6, "a"),
    ]
    backwards = facts[::-1]
    assert sorted(backwards, key=lambda fact: fact.order) == facts


@pytest.mark.parametrize(
    ("fact", "stored"),
    [
        (Created(5, "e"), [0, 5, "e", "", "", "", "", "", None, False, None, ""]),
        (Contacted(5, "e"), [1, 5, "e", False, False, None, "", False, None]),
        (Warned(5, "e"), [7, 5, "e", "", 0]),
        (Closed(5, "e"), [2, 5, "e", False, "lost", None, ""]),
        (Stalled(5, "e"), [3, 5, "e", "sales", "", 0, None]),
        (Decided(5, "e"), [4, 5, "e", "recycle", "", None]),
        (Revoked(5, "e"), [5, 5, "e", "", "", ""]),
        (Updated(5, "e"), [6, 5, "e", None, None, None, None, False, None, None, None, "", ""]),
    ],
)
def test_the_stored_format_of_facts_does_not_change(fact: Fact, stored: list[object]) -> None:
    assert msgspec.to_builtins(fact) == stored
