"""tail writes every record that it can meet, as JSON and as one line that no content of a record breaks."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from confluent_kafka import Message
from hypothesis import given

from schemas.events import AnyRecord, LeadContacted, LeadSnapshot, PastPass
from schemas.topics import TOPICS
from tests.builders_schemas import any_record
from tests.world import CODEC
from workers.tail import as_json, as_text, described

BERLIN = ZoneInfo("Europe/Berlin")
SCHEMAS = {name: topic.record for name, topic in TOPICS.items() if topic.record is not None}


def told(topic: str, record: AnyRecord | None, value: bytes | None = None, key: bytes | None = b"ada") -> Any:
    """The record as tail describes it, from its bytes on the topic."""
    content = value if record is None else CODEC.encode(record)
    return described(Message(topic=f"t.{topic}", partition=3, offset=7, key=key, value=content), CODEC, "t.")


@pytest.mark.parametrize("topic", SCHEMAS)
def test_every_record_of_every_schema_is_written(topic: str) -> None:
    @given(any_record(SCHEMAS[topic]))
    def is_written(record: AnyRecord) -> None:
        row = told(topic, record)
        assert json.loads(as_json(row)) == row
        line = as_text(row, BERLIN)
        assert line.isprintable(), "one line, without anything that controls a terminal"
        assert topic in line

    is_written()


def test_times_are_written_as_such_also_within_the_passes_of_a_lead() -> None:
    snapshot = LeadSnapshot(lead_id="ada", until=1000, passes=(PastPass(pass_no=1, created_at=0),))
    row = told("lead-snapshots", snapshot)
    assert row["until"] == "1970-01-01T00:00:01.000+00:00"
    assert row["passes"][0]["created_at"] == "1970-01-01T00:00:00.000+00:00"


def test_a_line_has_the_time_in_the_zone_and_the_fields_that_have_a_value() -> None:
    call = LeadContacted(event_id="c", lead_id="ada", occurred_at=1_772_442_840_000, outcome="busy", owner_id="Ann Lee")
    assert as_text(told("lead-contacted", call), BERLIN) == (
        '2026-03-02T10:14:00.000+01:00  lead-contacted    ada  event_id=c by=sales outcome=busy owner_id="Ann Lee"'
    )


@pytest.mark.parametrize(
    ("value", "key"), [(b"rubbish", b"ada"), (None, b"ada"), (b"", None), (b"\x1b[2J", b"\x1b[2J")]
)
def test_what_is_no_record_is_named_with_its_place(value: bytes | None, key: bytes | None) -> None:
    row = told("lead-created", None, value, key)
    assert json.loads(as_json(row))["bytes"] == (value or b"").hex()
    line = as_text(row, BERLIN)
    assert "not readable: partition 3, offset 7" in line
    assert line.isprintable()
