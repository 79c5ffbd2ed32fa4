import copy
import io
from contextlib import suppress
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins

from schemas.catalogue import RECORDS, Catalogue, schema_of
from schemas.codec import Codec, Undecodable, Unencodable
from schemas.compiled import reader_of
from schemas.events import AnyRecord, DealClosed, Heartbeat, LeadContacted, LeadCreated, LeadUpdated
from schemas.topics import MAX_RECORD_BYTES
from schemas.varint import write_long
from tests.builders_schemas import any_record

CODEC = Codec(Catalogue.bundled())
ANY_RECORD = st.one_of(*(any_record(record) for record in RECORDS))


def _refusal(value: bytes | None, expected: type[AnyRecord] = LeadCreated, codec: Codec = CODEC) -> str:
    with pytest.raises(Undecodable) as refusal:
        codec.decode(value, expected)
    return refusal.value.reason


def _written(schema: dict[str, Any], fields: dict[str, Any], schema_id: int) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), fields)
    return b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()


def _codec_that_knows(schema: Any, schema_id: int = 77) -> Codec:
    bundled = Catalogue.bundled()
    return Codec(Catalogue(bundled.ids, lambda i: schema if i == schema_id else bundled.schema_of_id(i)))


@given(ANY_RECORD)
def test_a_record_comes_back_as_it_went(record: AnyRecord) -> None:
    assert CODEC.decode(CODEC.encode(record), type(record)) == record


@given(ANY_RECORD)
def test_the_bytes_are_those_of_another_implementation(record: AnyRecord) -> None:
    fields = to_builtins(record)
    value = CODEC.encode(record)
    assert value == _written(schema_of(type(record)), fields, int.from_bytes(value[1:5], "big"))


@pytest.mark.parametrize("text", [None, "", "ann", "x" * 200])
def test_no_text_and_an_empty_text_stay_apart(text: str | None) -> None:
    assert CODEC.decode(CODEC.encode(LeadUpdated(owner_id=text)), LeadUpdated).owner_id == text


@given(ANY_RECORD, st.data())
def test_bytes_that_were_damaged_are_refused_or_are_another_record(record: AnyRecord, data: st.DataObject) -> None:
    value = bytearray(CODEC.encode(record))
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Undecodable):
        assert isinstance(CODEC.decode(bytes(value), type(record)), type(record))


@given(ANY_RECORD, st.data())
def test_a_datum_that_is_cut_short_is_refused(record: AnyRecord, data: st.DataObject) -> None:
    value = CODEC.encode(record)
    cut = data.draw(st.integers(0, len(value) - 1))
    assert _refusal(value[:cut], type(record)) == ("bad_avro" if cut >= 5 else "not_avro")


@given(ANY_RECORD, st.binary(min_size=1, max_size=9))
def test_bytes_after_the_datum_are_a_fault(record: AnyRecord, more: bytes) -> None:
    assert _refusal(CODEC.encode(record) + more, type(record)) == "bad_avro"


@pytest.mark.parametrize("length", [2**62, 2**31, MAX_RECORD_BYTES + 1, -1, -(2**63)])
def test_a_length_that_lies_is_refused(length: int) -> None:
    framing = CODEC.encode(LeadCreated())[:5]
    assert _refusal(framing + write_long(length) + b"abc") == "bad_avro"


def test_a_negative_length_is_refused_even_where_nothing_else_is_wrong() -> None:
    value = CODEC.encode(LeadCreated())
    assert _refusal(value[:5] + b"\x01" + value[6:]) == "bad_avro"


@pytest.mark.parametrize("branch", [b"\x04\x02", b"\x01\x02", b"\x03\x02", b"\x80\x00"])
def test_a_branch_that_the_union_lacks_is_refused(branch: bytes) -> None:
    value = CODEC.encode(LeadContacted(next_step_at=1))
    assert value.endswith(b"\x02\x02")
    assert _refusal(value[:-2] + branch, LeadContacted) == "bad_avro"


@pytest.mark.parametrize("field", [b"\x08", b"\x01", b"\xff\x01"])
def test_a_symbol_that_the_enum_lacks_is_refused(field: bytes) -> None:
    value = CODEC.encode(Heartbeat())
    assert _refusal(value[:-1] + field, Heartbeat) == "bad_avro"


def test_text_that_is_not_utf_8_is_refused_without_being_repeated() -> None:
    value = CODEC.encode(LeadCreated(event_id="secret"))
    with pytest.raises(Undecodable) as refusal:
        CODEC.decode(value.replace(b"secret", b"secre\xff"), LeadCreated)
    assert refusal.value.reason == "bad_avro"
    assert "secr" not in refusal.value.detail


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "not_avro"),
        (b"\0\0\0", "not_avro"),
        (b'{"lead_id": "1"}', "not_avro"),
        (b"\0\0\0\x27\x10abc", "unknown_schema"),
        (b"\0" * (MAX_RECORD_BYTES + 1), "oversized"),
        (CODEC.encode(DealClosed()), "wrong_record"),
    ],
)
def test_each_kind_of_broken_value_has_its_reason(value: bytes | None, reason: str) -> None:
    assert _refusal(value) == reason
    assert _refusal(value) == reason, "decoded again"


@pytest.mark.parametrize(
    "record",
    [
        LeadCreated(lead_id=None),  # type: ignore[arg-type]  # what a caller may do wrong
        LeadCreated(occurred_at="noon"),  # type: ignore[arg-type]  # the same
        LeadCreated(occurred_at=None),  # type: ignore[arg-type]  # the same
        LeadCreated(occurred_at=2**63),
        LeadCreated(origin="\ud800"),
        LeadUpdated(owner_id=1),  # type: ignore[arg-type]  # the same
        LeadContacted(by="robot"),  # type: ignore[arg-type]  # the same
        LeadCreated(origin="x" * MAX_RECORD_BYTES),
        object(),
    ],
)
def test_what_a_schema_cannot_say_is_not_written(record: Any) -> None:
    with pytest.raises(Unencodable):
        CODEC.encode(record)


@given(any_record(LeadCreated))
def test_an_older_version_is_read_with_defaults_for_what_it_lacks(record: LeadCreated) -> None:
    older = copy.deepcopy(schema_of(LeadCreated))
    del older["fields"][-3:]
    fields = {field["name"]: getattr(record, field["name"]) for field in older["fields"]}
    read = _codec_that_knows(older).decode(_written(older, fields, 77), LeadCreated)
    assert read == LeadCreated(**fields)


def test_a_newer_version_is_read_without_what_is_new_in_it() -> None:
    newer = copy.deepcopy(schema_of(Heartbeat))
    newer["fields"].insert(0, {"name": "hosts", "type": {"type": "array", "items": "string"}, "default": []})
    newer["fields"][-1]["type"]["symbols"].append("tired")
    value = _written(
        newer, {"hosts": ["a", "b"], "occurred_at": 5, "recorded_at": 0, "source": "", "says": "tired"}, 77
    )
    codec = _codec_that_knows(newer)
    assert codec.decode(value, Heartbeat) == Heartbeat(occurred_at=5, says="unknown")
    assert _refusal(value + b"\0", Heartbeat, codec) == "bad_avro"


@given(st.binary(max_size=60))
def test_bytes_of_another_version_are_a_record_or_refused(datum: bytes) -> None:
    newer = copy.deepcopy(schema_of(LeadContacted))
    newer["fields"].insert(2, {"name": "tags", "type": {"type": "map", "values": "double"}, "default": {}})
    with suppress(Undecodable):
        read = _codec_that_knows(newer).decode(b"\0\0\0\0\x4d" + datum, LeadContacted)
        assert isinstance(read, LeadContacted)


def test_a_schema_is_asked_for_once() -> None:
    requested: list[int] = []
    bundled = Catalogue.bundled()

    def schema_of_id(schema_id: int) -> dict[str, Any] | None:
        requested.append(schema_id)
        return bundled.schema_of_id(schema_id)

    codec = Codec(Catalogue(bundled.ids, schema_of_id))
    for value in [codec.encode(Heartbeat()), codec.encode(LeadCreated())] * 3:
        with suppress(Undecodable):
            codec.decode(value, Heartbeat)
    assert requested == [bundled.ids[Heartbeat], bundled.ids[LeadCreated]]


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "array", "items": "null"},
        {"type": "array", "items": {"type": "fixed", "name": "Nothing", "size": 0}},
        {"type": "array", "items": {"type": "record", "name": "Nothing", "fields": []}},
        ["null", "Heartbeat"],
        {"type": "map", "values": "leadloop.v1.Heartbeat"},
    ],
)
def test_a_schema_whose_data_may_take_for_ever_is_refused(kind: Any) -> None:
    newer = copy.deepcopy(schema_of(Heartbeat))
    newer["fields"].append({"name": "trap", "type": kind})
    assert _refusal(b"\0\0\0\0\x4d" + b"\xff" * 9, Heartbeat, _codec_that_knows(newer)) == "wrong_record"


@pytest.mark.parametrize(
    "schema", ["string", {"type": "recor"}, {"type": "record", "name": "Other", "fields": []}, [], 5]
)
def test_a_schema_that_is_not_a_version_of_the_record_is_refused(schema: Any) -> None:
    assert _refusal(b"\0\0\0\0\x4d\0", Heartbeat, _codec_that_knows(schema)) == "foreign"


def test_a_schema_of_a_kind_that_cannot_be_compiled_says_which_field() -> None:
    schema = {"name": "R", "type": "record", "fields": [{"name": "when", "type": "double"}]}
    with pytest.raises(NotImplementedError, match="when"):
        reader_of(schema, Heartbeat)
