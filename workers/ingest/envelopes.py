"""Unwraps posted events: plain JSON, or CloudEvents 1.0 (binary, structured, batch)."""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from schemas.headers import traceparent_of
from schemas.json_value import JsonObject, JsonValue
from streams.domain.facts import MAX_TEXT
from streams.runtime.documents import did_you_mean
from workers.http.problems import FieldError, Problem
from workers.imports.conversion import derived_id
from workers.imports.records import RECORDS

from .fields import has_control_characters
from .rejections import InvalidEvent, Rejection, RejectionReason
from .validation import EMPTY, KINDS, PostedEvent, qualified_source

PLAIN = "application/json"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MEDIA_TYPES = (PLAIN, STRUCTURED, BATCH)

MAX_EVENTS = 500
_ATTRIBUTES = ("id", "source", "type")
TYPES: Mapping[str, str] = {
    **{f"leadloop.v1.{record.__name__}": kind for kind, record in RECORDS.items()},
    **{kind: kind for kind in KINDS},
}
"""The kind of fact that a CloudEvents `type` names."""

Unwrapped = PostedEvent | InvalidEvent


def unwrap(
    media_type: str, value: JsonValue, headers: Mapping[str, str], principal: str
) -> tuple[list[Unwrapped], bool]:
    """Split a body into events.

    Args:
        media_type: One of MEDIA_TYPES.
        value: The parsed body.
        headers: All headers, names in lower case.
        principal: The authenticated source.

    Returns:
        Each event, or why it is invalid; and whether the body is a list, so that the response must be one.

    Raises:
        Problem: 400, 413 or 422, for what concerns the body as a whole.
    """
    trace = traceparent_of([("traceparent", headers.get("traceparent", "").encode())])
    if media_type == PLAIN and "ce-specversion" in headers:
        return [_cloudevent(_binary(headers, value), "header ce-", "", principal, trace)], False
    if media_type == STRUCTURED:
        return [_cloudevent(value, "/", "/data", principal, trace)], False
    items = _events_of(value, media_type)
    if media_type == BATCH:
        return [_cloudevent(each, f"/{n}/", f"/{n}/data", principal, trace) for n, each in enumerate(items)], True
    key = _idempotency_key(headers)
    if isinstance(value, list):
        return [_plain(each, f"/{n}", trace, key, n) for n, each in enumerate(items)], True
    return [_plain(value, "", trace, key, None)], False


def _events_of(value: JsonValue, media_type: str) -> list[JsonValue]:
    if not isinstance(value, list):
        if media_type == BATCH:
            problem = FieldError("", "a batch must be a list of events", f"send it in [ ], or as {STRUCTURED}")
            raise Problem("invalid", "not a batch", errors=[problem])
        return [value]
    if len(value) > MAX_EVENTS:
        raise Problem("too-large", f"{len(value)} events, at most {MAX_EVENTS} in one request: send several")
    return value


def _plain(event: JsonValue, path: str, trace: bytes | None, key: str, number: int | None) -> Unwrapped:
    if not isinstance(event, dict):
        return _not_an_object(path)
    kind = event.pop("kind", None)
    if not isinstance(kind, str) or kind not in RECORDS:
        return _unknown_kind(f"{path}/kind", kind, KINDS)
    discriminators = {"idempotency-key": key, "number": number} if key else EMPTY
    return PostedEvent(path, kind, event, traceparent=trace, discriminators=discriminators)


def _cloudevent(event: JsonValue, path: str, data_path: str, principal: str, trace: bytes | None) -> Unwrapped:
    """Convert one CloudEvent: its attributes (at `path`) identify the fact, its data is the fact."""
    if not isinstance(event, dict):
        return _not_an_object(path.rstrip("/"))
    if rejections := _invalid_attributes(event, path):
        return InvalidEvent(rejections)
    if (kind := TYPES.get(str(event["type"]))) is None:
        return _unknown_kind(f"{path}type", event["type"], [name for name in TYPES if "." in name])
    fields = event.get("data")
    if not isinstance(fields, dict):
        return _invalid(data_path, "not_a_cloudevent", "data is missing, or not an object", "write the fact in `data`")
    return _posted(event, kind, fields, data_path, principal, trace)


def _posted(
    event: JsonObject, kind: str, fields: JsonObject, path: str, principal: str, trace: bytes | None
) -> PostedEvent:
    source, message_id = qualified_source(str(event["source"]), principal), str(event["id"])
    fields.setdefault("source", source)
    for attribute, name in (("subject", "lead_id"), ("time", "occurred_at")):
        if event.get(attribute) is not None and fields.get(name) is None:
            fields[name] = event[attribute]
    event_id = f"{source}:{message_id}"
    if len(event_id) > MAX_TEXT:
        event_id = derived_id(source, "cloudevents-id", {"id": message_id})
    own = event.get("traceparent")
    own_trace = traceparent_of([("traceparent", own.encode())]) if isinstance(own, str) else None
    return PostedEvent(path, kind, fields, event_id, own_trace or trace)


def _invalid_attributes(event: JsonObject, path: str) -> list[Rejection]:
    rejections = [
        Rejection.at(f"{path}{name}", "not_a_cloudevent", f"a CloudEvent needs its {name}", f"add `{name}`, a text")
        for name in _ATTRIBUTES
        if not isinstance(event.get(name), str) or not event[name]
    ]
    if isinstance(message_id := event.get("id"), str) and has_control_characters(message_id):
        detail = "the id contains a control character"
        rejections.append(Rejection.at(f"{path}id", "unprintable", detail, "remove it"))
    if event.get("specversion") != "1.0":
        rejections.append(Rejection.at(f"{path}specversion", "not_a_cloudevent", "not CloudEvents 1.0", 'write "1.0"'))
    if "data_base64" in event:
        rejections.append(
            Rejection.at(f"{path}data_base64", "not_a_cloudevent", "binary data is not supported", "use `data`")
        )
    return rejections


def _binary(headers: Mapping[str, str], data: JsonValue) -> JsonObject:
    """Read the attributes from the `ce-` headers, percent-encoded as CloudEvents' HTTP binding specifies."""
    attributes = {name[3:]: _unquoted(value) for name, value in headers.items() if name.startswith("ce-")}
    return {**attributes, "data": data}


def _unquoted(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        return value


def _idempotency_key(headers: Mapping[str, str]) -> str:
    key = headers.get("idempotency-key", "")
    if len(key) > MAX_TEXT:
        raise Problem("malformed", f"Idempotency-Key has {len(key)} characters, at most {MAX_TEXT}")
    return key


def _unknown_kind(path: str, kind: object, known: Iterable[str]) -> InvalidEvent:
    return _invalid(path, "unknown_kind", f"{str(kind)[:60]!r} is not a kind of fact", did_you_mean(kind, known))


def _not_an_object(path: str) -> InvalidEvent:
    return _invalid(path, "not_an_object", "not an object", "write { } with the fields of a fact")


def _invalid(path: str, reason: RejectionReason, detail: str, fix: str) -> InvalidEvent:
    return InvalidEvent([Rejection.at(path, reason, detail, fix)])
