"""What a record says of which lead, and what is left out, by its reason."""

from typing import Any

import pytest

from schemas.events import DealClosed, DeliveryResult, LeadEscalated, LeadSnapshot, LeadUpdated
from schemas.instants import FUTURE_MS
from schemas.topics import TOPIC_OF
from tests.builders import T0, a_created
from tests.projected import CODEC
from workers.projection.record_decoder import (
    SKIPPED,
    FactRecorded,
    LeadChanged,
    LeadDeleted,
    RecordDecoder,
    SkippedRecord,
)

INTAKE = RecordDecoder(CODEC)


def taken(record: Any, published_at: int = T0) -> Any:
    return INTAKE(TOPIC_OF[type(record)].name, b"ada", CODEC.encode(record), published_at)


def test_a_fact_is_an_entry_with_its_own_bytes() -> None:
    fact = a_created("ada", event_id="e1")
    happened = taken(fact)
    assert isinstance(happened, FactRecorded)
    assert (happened.lead_id, happened.entry.at, happened.entry.id) == ("ada", T0, "e1")
    assert happened.entry.value == CODEC.encode(fact)


def test_a_snapshot_is_the_truth_and_its_absence_forgets() -> None:
    assert taken(LeadSnapshot(lead_id="ada")) == LeadChanged(
        "ada", CODEC.encode(LeadSnapshot(lead_id="ada")), LeadSnapshot(lead_id="ada")
    )
    assert INTAKE("lead-snapshots", b"ada", None, T0) == LeadDeleted("ada")


def test_a_delivery_is_named_by_endpoint_action_and_recycle() -> None:
    result = DeliveryResult(lead_id="ada", endpoint="nurture", action="RECYCLE", recycle_id="r1", occurred_at=T0)
    assert taken(result).entry.id == "nurture RECYCLE r1"


def test_the_delivery_of_an_escalation_is_named_by_its_escalation() -> None:
    result = DeliveryResult(lead_id="ada", endpoint="desk", escalation="ESCALATE", escalation_id="x1", occurred_at=T0)
    assert taken(result).entry.id == "desk ESCALATE x1"


@pytest.mark.parametrize(
    "record",
    [
        LeadUpdated(event_id="e1", lead_id="ada", occurred_at=T0, do_not_contact="yes"),
        LeadEscalated(event_id="e1", lead_id="ada", occurred_at=T0, action="AT_RISK"),
    ],
)
def test_changes_and_escalations_are_entries(record: Any) -> None:
    assert (taken(record).lead_id, taken(record).entry.id) == ("ada", "e1")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (a_created("ada", event_id=""), "no_event_id"),
        (a_created("x" * 129), "lead_id_too_long"),
        (a_created("ada", T0 + FUTURE_MS + 1), "future"),
        (DealClosed(event_id="e", lead_id="ada", occurred_at=T0), "unknown_outcome"),
        (DeliveryResult(endpoint="nurture", occurred_at=T0), "unusable"),
        (LeadEscalated(event_id="e1", lead_id="ada"), "unusable"),
        (LeadUpdated(lead_id="ada", occurred_at=T0), "no_event_id"),
        (LeadSnapshot(), "no_lead_id"),
    ],
)
def test_what_is_no_fact_to_streams_is_none_here(record: Any, reason: str) -> None:
    assert taken(record) == SkippedRecord(reason)
    assert reason in SKIPPED


def test_bytes_that_are_no_record_are_left_out() -> None:
    assert INTAKE("lead-created", b"ada", b"{}", T0) == SkippedRecord("not_avro")
    assert INTAKE("lead-created", b"ada", None, T0) == SkippedRecord("empty")
