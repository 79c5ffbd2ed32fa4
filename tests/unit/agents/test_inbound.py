"""What a fetched record is to the loop: a time and a value, whatever it contains."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Heartbeat, LeadCreated, LeadRecycled
from schemas.headers import SCHEMA_ID_HEADERS
from schemas.instants import FUTURE_MS
from schemas.topics import INPUTS
from streams.agents.inbound import AT_ONCE, Inbound, RejectedRecord, Tombstone
from streams.domain.facts import Created, Decided
from streams.domain.received import Misplaced
from tests.builders import T0, a_created, a_win
from tests.fakes import a_fetched_record

from .agent_harness import CODEC

NOW = T0 + 1000
PREFIX = "eu-"


def read(topic: str, key: bytes | None, value: bytes | None) -> tuple[int, Any]:
    record: Any = a_fetched_record(PREFIX + topic, key, value)
    return Inbound(CODEC, PREFIX, lambda: NOW)(record)


def test_the_time_of_a_fact_is_its_event_time() -> None:
    at, value = read("lead-created", b"ada", CODEC.encode(a_created("ada", T0, event_id="e", origin="fair")))
    assert (at, value) == (T0, Created(T0, "e", origin="fair"))


def test_an_own_recycle_record_is_read_back_as_a_decided_fact() -> None:
    recycled = LeadRecycled(
        event_id="r", lead_id="ada", occurred_at=T0, action="RECYCLE", recycle_id="r", stall_id="s", reason="price"
    )
    assert read("lead-recycled", b"ada", CODEC.encode(recycled)) == (T0, Decided(T0, "r", "recycle", "s"))


def test_a_heartbeat_needs_no_key() -> None:
    beat = Heartbeat(occurred_at=T0, says="complete")
    assert read("stream-heartbeats", None, CODEC.encode(beat)) == (T0, beat)


@pytest.mark.parametrize("is_live", [True, False])
def test_an_own_heartbeat_does_not_declare_history_complete(is_live: bool) -> None:
    record: Any = a_fetched_record("stream-heartbeats", None, CODEC.encode(Heartbeat(occurred_at=T0, says="alive")))
    at, _ = Inbound(CODEC, "", lambda: NOW, is_live=is_live)(record)
    assert at == (T0 if is_live else AT_ONCE)


@pytest.mark.parametrize("key", [b"bob", b"", None, b"\xff"])
def test_a_fact_under_another_key_is_misplaced_and_not_merged_by_time(key: bytes | None) -> None:
    assert read("deal-closed", key, CODEC.encode(a_win("ada", T0))) == (AT_ONCE, Misplaced("ada"))


def test_facts_slightly_ahead_of_the_clock_are_accepted() -> None:
    at, value = read("lead-created", b"ada", CODEC.encode(a_created("ada", NOW + FUTURE_MS)))
    assert (at, type(value)) == (NOW + FUTURE_MS, Created)


@pytest.mark.parametrize(
    "record", [a_created("ada", NOW + FUTURE_MS + 1), Heartbeat(occurred_at=NOW + FUTURE_MS + 1, says="complete")]
)
def test_facts_further_ahead_of_the_clock_are_rejected_without_a_wait(record: LeadCreated | Heartbeat) -> None:
    topic = "stream-heartbeats" if isinstance(record, Heartbeat) else "lead-created"
    at, value = read(topic, b"ada", CODEC.encode(record))
    assert (at, value.reason) == (AT_ONCE, "future")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "not_avro"),
        (b"{}", "not_avro"),
        (CODEC.encode(a_win("ada", T0, event_id="w")), "wrong_record"),
        (CODEC.encode(LeadCreated(lead_id="ada", occurred_at=T0)), "no_event_id"),
        (CODEC.encode(LeadCreated(lead_id="ada", event_id="e")), "no_time"),
        (CODEC.encode(LeadCreated(event_id="e", occurred_at=T0)), "no_lead_id"),
    ],
)
def test_undecodable_records_and_invalid_facts_are_rejected_with_a_reason(value: bytes | None, reason: str) -> None:
    at, refused = read("lead-created", b"ada", value)
    assert (at, refused.reason) == (AT_ONCE, reason)
    assert refused.error


@pytest.mark.parametrize("topic", INPUTS)
def test_a_null_value_is_a_tombstone_and_no_fault(topic: str) -> None:
    assert read(topic, b"ada", None) == (AT_ONCE, Tombstone())


@pytest.mark.parametrize(
    "value",
    [
        CODEC.encode(a_created("ada", T0))[5:],
        CODEC.encode(LeadCreated(lead_id="ada", occurred_at=T0))[5:],  # begins with a zero byte, an empty event_id
        b"\x00" + bytes(3) + b"\xff" + bytes(20),
        b"{}",
    ],
)
@pytest.mark.parametrize("header", sorted(SCHEMA_ID_HEADERS))
@pytest.mark.parametrize(
    "schema_id", [b"\x01" + bytes(range(16)), b"\x00" + (7).to_bytes(4, "big")], ids=["guid", "id"]
)
def test_a_schema_id_in_a_header_is_named_by_the_dead_letter(value: bytes, header: str, schema_id: bytes) -> None:
    headers = [("traceparent", b"x"), (header, schema_id)]
    record: Any = a_fetched_record(PREFIX + "lead-created", b"ada", value, headers=headers)
    _, refused = Inbound(CODEC, PREFIX, lambda: NOW)(record)
    assert isinstance(refused, RejectedRecord)
    assert f"in the header {header}" in refused.error


GOOD = CODEC.encode(a_created("ada", T0))


@given(st.sampled_from(INPUTS), st.none() | st.binary(max_size=20), st.binary(max_size=60), st.booleans())
def test_decoding_raises_nothing_whatever_a_record_contains(
    topic: str, key: bytes | None, noise: bytes, is_framed: bool
) -> None:
    at, value = read(topic, key, GOOD[:5] + noise if is_framed else noise)
    assert at >= 0
    assert isinstance(value, RejectedRecord) or at > 0 or isinstance(value, Misplaced | Heartbeat)


@pytest.mark.parametrize(("is_live", "at"), [(False, AT_ONCE), (True, T0)])
def test_only_a_heartbeat_of_an_importer_bounds_the_processing_of_history(is_live: bool, at: int) -> None:
    alive = Heartbeat(occurred_at=T0, says="alive")
    record: Any = a_fetched_record(PREFIX + "stream-heartbeats", None, CODEC.encode(alive))
    assert Inbound(CODEC, PREFIX, lambda: NOW, is_live=is_live)(record) == (at, alive)
