"""Headers of a record: CloudEvents' Kafka binding in binary mode, and the trace it belongs to, passed through."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import assert_never
from urllib.parse import quote

from . import events
from .catalogue import RECORDS
from .instants import DAY_MS, LAST_MS

Headers = list[tuple[str, bytes]]

SCHEMA_ID_HEADERS = frozenset({"__value_schema_id", "apicurio.value.globalId", "apicurio.value.contentId"})
"""Where other serializers write the id of a value's schema. Our codec reads it before the value alone."""

_VERSION = ("ce_specversion", b"1.0")
_CONTENT = ("content-type", b"application/avro")
_TYPES = {record: ("ce_type", f"leadloop.v1.{record.__name__}".encode()) for record in RECORDS}
_MINUTE_MS = 60_000
_MINUTES = [b"T%02d:%02d:" % divmod(minute, 60) for minute in range(1440)]
_SECONDS = [b"%02d." % second for second in range(60)]
_MILLIS = [b"%03dZ" % ms for ms in range(1000)]
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]{1,200})?"
)

_SAMPLED = b"13579bdf"  # the last hex digit of the flags is odd


def cloudevents_headers(record: events.AnyRecord, topic: str, traceparent: bytes | None = None) -> Headers:
    """The headers that CloudEvents requires, and the trace. The topic is the source of a record that has none."""
    headers = [
        _VERSION,
        _TYPES[type(record)],
        _CONTENT,
        ("ce_id", _id_of(record).encode()),
        _source(getattr(record, "source", "") or topic),
    ]
    if 0 <= record.occurred_at <= LAST_MS:
        headers.append(_time(record.occurred_at))
    if lead_id := getattr(record, "lead_id", ""):
        headers.append(("ce_subject", lead_id.encode()))
    if traceparent is not None:
        headers.append(("traceparent", traceparent))
    return headers


def ce_type(record: type[events.AnyRecord]) -> str:
    """The `ce_type` of a record."""
    return _TYPES[record][1].decode()


def traceparent_of(headers: Iterable[tuple[str, bytes | None]] | None) -> bytes | None:
    """The W3C trace a record belongs to; None if it names none, or something that is not one."""
    if not headers:
        return None
    for name, value in headers:
        if name == "traceparent" and value and _TRACEPARENT.fullmatch(value):
            return value
    return None


def is_sampled(traceparent: bytes) -> bool:
    """Whether the trace is recorded."""
    return traceparent[54] in _SAMPLED


def exemplar_of(traceparent: bytes | None) -> dict[str, str] | None:
    """The exemplar of an observation in a histogram; None if the record has no trace, or its trace is not sampled."""
    if not traceparent or not is_sampled(traceparent):
        return None
    return {"trace_id": traceparent[3:35].decode()}


def _id_of(record: events.AnyRecord) -> str:
    """The id of a record, unique within its source."""
    match record:
        case events.Record():
            return record.event_id
        case events.LeadSnapshot():
            return f"{record.lead_id}:{record.occurred_at}:{record.recorded_at}:{record.stage}"
        case events.DeliveryResult():
            if record.escalation_id:
                return f"{record.endpoint}:{record.escalation_id}:{record.escalation}:{record.occurred_at}"
            return f"{record.endpoint}:{record.recycle_id}:{record.action}:{record.occurred_at}"
        case events.EndpointState():
            return f"{record.endpoint}:{record.state}:{record.occurred_at}"
        case events.Heartbeat():
            return f"{record.says}:{record.occurred_at}:{record.recorded_at}"
        case never:
            assert_never(never)


@lru_cache(maxsize=1024)
def _source(source: str) -> tuple[str, bytes]:
    return "ce_source", quote(source, safe="/:?#[]@!$&'()*+,;=%").encode()


@lru_cache(maxsize=4096)
def _time(at: int) -> tuple[str, bytes]:
    """An instant in RFC 3339. Cached, because records that result from a fact often have its time."""
    day, ms = divmod(at, DAY_MS)
    minute, ms = divmod(ms, _MINUTE_MS)
    second, ms = divmod(ms, 1000)
    return "ce_time", _day(day) + _MINUTES[minute] + _SECONDS[second] + _MILLIS[ms]


@lru_cache(maxsize=4096)
def _day(day: int) -> bytes:
    """Cached, because days repeat and strftime would take half of the time of a header."""
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%d").encode()
