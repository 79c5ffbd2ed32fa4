"""`leadloop check-record` says what streams does, because it is decided by the same code."""

import base64
import json
import re
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import Catalogue
from schemas.codec import Codec, Reason
from schemas.errors import UserError
from schemas.events import FactRecord, Heartbeat, LeadCreated, LeadDecided, LeadStalled
from schemas.instants import FUTURE_MS
from schemas.topics import TOPIC_OF, TOPICS, partition_of
from streams.agents.inbound import Inbound, RejectedRecord
from streams.domain.errors import PoisonReason
from streams.domain.policy import Policy
from streams.domain.received import Misplaced
from tests.builders import T0, a_contact, a_created, a_loss, a_reply, a_stall, a_win
from tests.fakes import a_fetched_record
from workers.contract.examples import EXAMPLES
from workers.record_check.check import RecordCheck, Report
from workers.record_check.fixes import FIXES

NOW = T0 + 1_000
CATALOGUE = Catalogue.bundled()
CODEC = Codec(CATALOGUE)
CHECK = RecordCheck(catalogue=CATALOGUE, policy=Policy(), partitions=12, now=NOW)
FACTS = [topic.name for topic in TOPICS.values() if "upstream" in topic.written_by]


def text(report: Report) -> str:
    return "\n".join(report.lines)


def of_json(fields: dict[str, Any], topic: str = "", **more: Any) -> Report:
    return CHECK.run(json.dumps(fields).encode(), topic=topic, **more)


def warnings_about(record: FactRecord) -> str:
    report = CHECK.run(CODEC.encode(record))
    return "\n".join(line for line in report.lines if line.startswith("warning"))


def test_an_accepted_record_has_its_effect_fields_key_and_partition() -> None:
    report = CHECK.run(CODEC.encode(a_contact("L-1", T0, event_id="call-1", source="crm")))
    assert report.is_accepted
    assert report.lines[0] == "lead-contacted: accepted"
    assert "counts as a touch, without progress" in text(report)
    assert "field      occurred_at = 1760000000000 (2025-10-09T08:53:20.000Z)" in report.lines
    assert "key        L-1 (4c2d31)" in report.lines
    assert f"partition  {partition_of(b'L-1', 12)} of 12 (murmur2 of the key)" in report.lines
    assert "warning" not in text(report)


@pytest.mark.parametrize(
    ("record", "effect"),
    [
        (a_created("a"), "starts a pass"),
        (a_reply("a", T0), "counts as progress"),
        (a_contact("a", T0, by="marketing"), "counts as no touch"),
        (a_win("a", T0), "closes the deal as won"),
        (a_loss("a", T0), "closes the deal as lost, for the reason price"),
        (a_stall("a", T0), "for the reason bad_timing, declared by sales"),
    ],
)
def test_the_effect_of_a_fact_is_said_in_words(record: FactRecord, effect: str) -> None:
    assert effect in text(CHECK.run(CODEC.encode(record)))


GOOD = CODEC.encode(a_created("L-1", T0, event_id="e"))
DATUM = GOOD[5:]
FOREIGN = {"type": "record", "name": "Order", "namespace": "shop", "fields": [{"name": "id", "type": "string"}]}


@pytest.mark.parametrize(
    ("value", "topic", "words"),
    [
        (DATUM, "lead-created", "not_avro .*a datum of lead-created without.*00 00 00 00 15 in front.*HeaderSchemaId"),
        (CODEC.encode(a_created("ada", event_id=""))[5:], "lead-created", "reason unknown_schema.*without the framing"),
        (b"\0\0\0\0\0\0\0\0\x01" + DATUM, "lead-created", "reason unknown_schema.*eight bytes.*Confluent"),
        (b"\xc3\x01" + bytes(8) + DATUM, "lead-created", "reason not_avro.*single-object encoding.*big-endian"),
        (b"Obj\x01" + DATUM, "lead-created", "reason not_avro.*container file.*a single datum"),
        (b"\x03\x00" + bytes(16) + DATUM, "lead-created", "reason not_avro.*AWS Glue.*wire format"),
        (b"\0\0\0\x09\x99" + DATUM, "lead-created", "reason unknown_schema.*leadloop schemas export"),
        (GOOD, "deal-closed", "reason wrong_record.*publish it to lead-created"),
        (GOOD + b"\0", "lead-created", "reason bad_avro.*every field in its order"),
        (b"\0\0\0\0\x01" + bytes(70_000), "lead-created", "reason oversized.*65536"),
    ],
)
def test_bytes_that_streams_cannot_read_are_named_with_the_fix(value: bytes, topic: str, words: str) -> None:
    report = CHECK.run(value, topic=topic, form="bytes")
    assert not report.is_accepted
    assert re.search(words.replace(" .*", ".*"), text(report), re.DOTALL), text(report)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"event_id": ""}, "no_event_id.*fix        set event_id"),
        ({"lead_id": ""}, "no_lead_id.*set lead_id"),
        ({"lead_id": "null"}, "no_lead_id.*publish nothing where there is none"),
        ({"lead_id": "x" * 129}, "lead_id_too_long.*128"),
        ({"origin": "x" * 257}, "text_too_long.*256"),
        ({"occurred_at": 0}, "no_time.*milliseconds"),
        ({"occurred_at": T0 * 1000}, "future.*the unit"),
        ({"occurred_at": T0 // 1000}, "time_out_of_range.*is it in seconds.*from 1990 on"),
        ({"consent_expires_at": T0 // 1000}, "time_out_of_range.*consent_expires_at"),
        ({"lead_id": "L-1 "}, "unclean_lead_id.*strip blanks"),
        ({"occurred_at": NOW + FUTURE_MS + 1}, "future.*ten minutes"),
    ],
)
def test_a_fact_that_streams_rejects_is_a_dead_letter_with_the_fix(overrides: dict[str, Any], words: str) -> None:
    fields = {"event_id": "e", "lead_id": "L-1", "occurred_at": T0, **overrides}
    report = CHECK.run(CODEC.encode(LeadCreated(**fields)))
    assert not report.is_accepted
    assert re.search(words, text(report), re.DOTALL), text(report)


def test_every_reason_of_a_dead_letter_has_a_fix() -> None:
    assert set(FIXES) == {*get_args(Reason), *get_args(PoisonReason)}


@given(
    st.sampled_from(FACTS),
    st.sampled_from([None, b"L-1", b"other"]),
    st.binary(max_size=60),
    st.sampled_from([b"", GOOD[:5], GOOD, *(CODEC.encode(EXAMPLES[LeadStalled][n]) for n in (0, 1))]),
)
def test_the_verdict_is_that_of_streams(topic: str, key: bytes | None, noise: bytes, start: bytes) -> None:
    value = start + noise
    record: Any = a_fetched_record(topic, key or b"L-1", value or None)
    _, consumed = Inbound(CODEC, "", lambda: NOW)(record)
    report = CHECK.run(value, topic=topic, form="bytes", key=(key or b"L-1").decode())
    assert report.is_accepted == (not isinstance(consumed, RejectedRecord))
    if isinstance(consumed, RejectedRecord):
        assert report.lines[0] == f"{topic}: dead letter, reason {consumed.reason}"
    assert ("the key is not the lead_id" in text(report)) == isinstance(consumed, Misplaced)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (GOOD, "auto"),
        (GOOD.hex().encode(), "auto"),
        (b"0x" + GOOD.hex().upper().encode() + b"\n", "auto"),
        (GOOD.hex(" ").encode(), "hex"),
        (base64.b64encode(GOOD), "auto"),
        (base64.urlsafe_b64encode(GOOD).rstrip(b"="), "base64"),
    ],
)
def test_bytes_may_be_written_in_several_forms(content: bytes, form: str) -> None:
    assert CHECK.run(content, form=form).lines[0] == "lead-created: accepted"


def test_json_is_encoded_as_a_producer_would() -> None:
    fields = {"event_id": "e", "lead_id": "L-1", "occurred_at": T0, "source": "crm", "amount": {"long": 5}}
    report = of_json({**fields, "outcome": "won", "currency": "EUR"}, "deal-closed")
    assert report.is_accepted
    expected = CODEC.encode(a_win("L-1", T0, event_id="e", recorded_at=0, source="crm", amount=5, currency="EUR"))
    assert report.lines[0] == f"bytes      {expected.hex()}"


def test_a_line_of_the_example_producers_names_its_topic() -> None:
    record = {"event_id": "e", "lead_id": "L-1", "occurred_at": T0}
    assert "lead-created: accepted" in of_json({"topic": "lead-created", "record": record}).lines


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ocurred_at": T0}, "LeadContacted has no such field.*did you mean 'occurred_at'"),
        ({"occurred_at": "2026-03-02T09:14:00Z"}, "does not fit its type.*milliseconds since 1970"),
        ({"outcome": "anwsered"}, "does not fit its type.*write one of unknown, no_answer"),
        ({"lead_id": 17}, "17 does not fit its type.*write a text"),
    ],
)
def test_json_that_no_serializer_encodes_names_each_field(fields: dict[str, Any], words: str) -> None:
    report = of_json(fields, "lead-contacted")
    assert not report.is_accepted
    assert re.search(words, text(report), re.DOTALL), text(report)


def test_an_event_for_ingest_is_checked_by_the_code_of_ingest() -> None:
    event = {"kind": "lead-created", "lead_id": "L-1", "occurred_at": "2025-10-09T08:00:00Z", "origin": "webinar"}
    report = of_json(event)
    assert report.is_accepted
    assert "ingest accepts this event" in report.lines[0]
    refused = of_json({**event, "occurred_at": "yesterday", "orgin": "x"})
    assert not refused.is_accepted
    assert "did you mean 'origin'?" in text(refused)
    assert "not a time" in text(refused)


def test_a_cloudevent_for_ingest_is_checked_as_well() -> None:
    event = {
        "specversion": "1.0",
        "id": "7",
        "source": "crm",
        "type": "leadloop.v1.LeadStalled",
        "subject": "L-1",
        "time": "2025-10-09T08:00:00Z",
        "data": {"reason": "bad_timing"},
    }
    assert "lead-stalled: accepted" in of_json(event).lines
    assert not of_json({**event, "type": "leadloop.v1.LeadLost"}).is_accepted


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (a_created("a", NOW + 60_000), "ahead of the clock"),
        (a_created("a", recorded_at=T0 // 1000), "is it in seconds"),
        (a_created("a", origin=""), "origin is empty"),
        (a_created("a", consent_expires_at=T0 - 1), "not after occurred_at"),
        (a_created("a", event_id="17"), "plain number"),
        (a_created("a", event_id="a"), "event_id is the lead_id"),
        (a_created("1.23457E+11"), "spreadsheet"),
        (a_created("1001.0"), "spreadsheet"),
        (a_created("crm/undefined"), "no_id"),
        (a_created("501;777"), "several_ids"),
        (a_created("a", event_id=" e"), "blanks"),
        (a_contact("a", T0, by="lead", outcome="unknown"), "direction is not inbound"),
        (a_contact("a", T0, next_step_at=253_402_300_799_000), "if that means never"),
        (a_stall("a", T0, reason="bad_timming"), "did you mean 'bad_timing'"),
        (a_stall("a", T0, declared_by="detector", idle_since=T0 - 5), "only streams declares"),
        (a_win("a", T0, amount=5), "no currency"),
        (a_win("a", T0, amount=-5, currency="EUR"), "negative"),
        (a_win("a", T0, amount=5, currency="euro"), "ISO 4217"),
        (a_loss("a", T0, reason="pricey"), "not in the policy"),
        (a_created("a", source=""), "source is empty"),
    ],
)
def test_a_doubtful_value_is_a_warning(record: FactRecord, words: str) -> None:
    assert words in warnings_about(record)


@pytest.mark.parametrize("record", [record for topic in FACTS for record in EXAMPLES[TOPICS[topic].record]])  # type: ignore[index]
def test_the_examples_of_the_contract_are_accepted_without_a_doubt(record: FactRecord) -> None:
    later = RecordCheck(catalogue=CATALOGUE, policy=Policy(), partitions=12, now=1_800_000_000_000)
    report = later.run(CODEC.encode(record))
    assert report.is_accepted
    doubts = [line for line in report.lines if line.startswith("warning")]
    is_detector = isinstance(record, LeadStalled) and record.declared_by == "detector"
    assert len(doubts) == is_detector, doubts


def test_another_key_is_said_to_be_rerouted() -> None:
    report = CHECK.run(GOOD, key="L-2")
    assert report.is_accepted
    assert "streams publishes the record again under the right key" in text(report)


def test_a_tombstone_is_no_fact_and_no_dead_letter() -> None:
    report = CHECK.run(b"", topic="lead-created", form="bytes")
    assert report.is_accepted
    assert "a null value (a tombstone): streams ignores and counts it" in text(report)


def test_a_record_of_another_system_is_named() -> None:
    foreign = Catalogue({**CATALOGUE.ids}, {77: {**FOREIGN}}.get)
    check = RecordCheck(catalogue=foreign, policy=Policy(), partitions=12, now=NOW)
    assert "reason foreign" in text(check.run(b"\0\0\0\0\x4d\x02a", topic="lead-created", form="bytes"))


def test_a_topic_that_streams_does_not_consume_is_said() -> None:
    assert "does not consume lead-decisions" in text(CHECK.run(CODEC.encode(EXAMPLES[LeadDecided][0])))
    assert "a heartbeat (complete)" in text(CHECK.run(CODEC.encode(Heartbeat(occurred_at=T0, says="complete"))))


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (b"[1]", {}, "write one JSON object"),
        (b'{"lead_id": "a"}', {}, "add --topic"),
        (b"\x01\x02", {}, "add --topic"),
        (GOOD, {"topic": "lead-creatd"}, "did you mean 'lead-created'"),
        (GOOD, {"form": "hexa"}, "did you mean 'hex'"),
        (b"xyz", {"form": "hex"}, "not hexadecimal"),
        (b"{", {"form": "json"}, "not JSON"),
        (b"!!", {"form": "base64"}, "not base64"),
    ],
)
def test_what_cannot_be_checked_is_an_error_that_says_what_to_do(
    content: bytes, arguments: dict[str, str], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        CHECK.run(content, **arguments)


def test_every_topic_of_facts_is_found_by_the_schema_in_the_bytes() -> None:
    for record in (a_created("a"), a_contact("a", T0), a_stall("a", T0), a_win("a", T0)):
        assert CHECK.run(CODEC.encode(record)).lines[0].startswith(TOPIC_OF[type(record)].name)
