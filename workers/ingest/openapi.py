"""The OpenAPI document of ingest, generated from the same table that reads the fields."""

from collections.abc import Collection, Mapping
from typing import TypeAlias, TypedDict

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schemas.json_value import JsonObject, JsonValue
from workers.http import problems
from workers.imports.mapping import CHANGES

from .envelopes import BATCH, MAX_EVENTS, PLAIN, STRUCTURED, TYPES
from .fields import FIELDS, REQUIRED

JsonSchema: TypeAlias = JsonObject

_TEXT: JsonSchema = {"type": "string"}
_COUNT: JsonSchema = {"type": "integer", "minimum": 0}
_CREATED: JsonObject = {
    "kind": "lead-created",
    "event_id": "form-7741",
    "lead_id": "L-1001",
    "occurred_at": "2026-03-02T09:14:00Z",
    "origin": "webinar",
}
_CONTACTED: JsonObject = {
    "kind": "lead-contacted",
    "lead_id": "L-1001",
    "occurred_at": "2026-03-03T10:00:00+01:00",
    "by": "sales",
    "activity": "call",
    "outcome": "no_answer",
}
_UPDATED: JsonObject = {
    "kind": "lead-updated",
    "lead_id": "L-1001",
    "occurred_at": "2026-03-21T08:00:00Z",
    "do_not_contact": True,
}
_EVENT: JsonObject = {
    "specversion": "1.0",
    "id": "7741",
    "source": "crm/eu",
    "type": "leadloop.v1.DealClosed",
    "subject": "L-1001",
    "time": "2026-03-20T16:00:00Z",
    "data": {"outcome": "lost", "reason": "price", "amount": 125000, "currency": "EUR"},
}
_HEADERS: Mapping[str, str] = {
    "Idempotency-Key": "with the content, determines the id of an event without event_id; in a list, its index too",
    "traceparent": "W3C trace context; propagated to all records that result",
}

_BODY = (
    "Facts as plain JSON, or CloudEvents 1.0. In binary mode (a header `ce-specversion: 1.0`, and the other attributes "
    "as `ce-` headers) the body is what `data` is otherwise."
)

_TITLES: Mapping[int, problems.ProblemType] = {status: kind for kind, (status, _) in problems.PROBLEM_TYPES.items()}
_OF_EVENTS = (400, 401, 403, 408, 413, 415, 422, 429, 503)
_OF_WEBHOOKS = (401, 403, 404, 408, 413, 415, 429, 503)


def events_operation() -> JsonSchema:
    """Return the OpenAPI operation of POST /v1/events."""
    one: JsonSchema = {"oneOf": [_ref(_schema_name(kind)) for kind in FIELDS]}
    content: JsonSchema = {
        PLAIN: {
            "schema": {"anyOf": [one, {"type": "array", "items": one, "maxItems": MAX_EVENTS}]},
            "examples": {
                "one": {"value": _CREATED},
                "change": {"value": _UPDATED},
                "several": {"value": [_CREATED, _CONTACTED]},
            },
        },
        STRUCTURED: {"schema": _ref("CloudEvent"), "examples": {"lost": {"value": _EVENT}}},
        BATCH: {
            "schema": {"type": "array", "items": _ref("CloudEvent"), "maxItems": MAX_EVENTS},
            "examples": {"batch": {"value": [_EVENT]}},
        },
    }
    return {
        "security": [{"key": []}],
        "requestBody": {"required": True, "content": content, "description": _BODY},
        "parameters": [_header(name, text) for name, text in _HEADERS.items()],
    }


def events_responses() -> dict[int | str, JsonSchema]:
    accepted: JsonSchema = {"anyOf": [_ref("Receipt"), _ref("Receipts")]}
    return {
        202: _response("The broker has acknowledged all events", accepted),
        207: _response(
            "A batch in part: the broker has acknowledged the items with 202; fix and resend those with 422",
            _ref("Receipts"),
        ),
        **_problems(_OF_EVENTS),
    }


def webhooks_operation() -> JsonSchema:
    content: JsonSchema = {
        PLAIN: {"schema": {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}}
    }
    return {"security": [{"key": []}, {"basic": []}], "requestBody": {"required": True, "content": content}}


def webhooks_responses() -> dict[int | str, JsonSchema]:
    return {
        202: _response("The broker has acknowledged all items, as facts or as dead letters", _ref("Taken")),
        **_problems(_OF_WEBHOOKS),
    }


def document(app: FastAPI, systems: Collection[str]) -> None:
    """Make the application serve its OpenAPI document, with the components that the operations refer to."""

    def generate() -> JsonSchema:
        if app.openapi_schema is None:
            generated = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            _name_systems(generated["paths"]["/v1/webhooks/{system}"]["post"], systems)
            components = generated.setdefault("components", {})
            components["schemas"] = _schemas()
            components["securitySchemes"] = {
                "key": {"type": "http", "scheme": "bearer", "description": "a key of the keys file"},
                "basic": {"type": "http", "scheme": "basic", "description": "a key of the keys file as the password"},
            }
            app.openapi_schema = generated
        return app.openapi_schema

    app.openapi = generate  # type: ignore[method-assign]  # the documented way to extend it


class _Operation(TypedDict):
    """What is used of the operation that FastAPI generates."""

    responses: dict[str, JsonSchema]
    parameters: list[JsonSchema]


def _name_systems(operation: _Operation, systems: Collection[str]) -> None:
    """List the systems of this deployment; drop the framework's 422, which cannot occur for a string parameter."""
    operation["responses"].pop("422", None)
    if systems:
        operation["parameters"][0]["schema"] = {"type": "string", "enum": [*sorted(systems)]}


def _schemas() -> JsonSchema:
    facts = {_schema_name(kind): _fact(kind) for kind in FIELDS}
    receipt = _object({"status": _COUNT, "event_id": _TEXT, "topic": _TEXT, "partition": _COUNT, "offset": _COUNT})
    rejected = _object({"status": {"const": 422}, "errors": problems.errors_schema()})
    items: JsonSchema = {"type": "array", "items": {"anyOf": [_ref("Receipt"), rejected]}}
    return {
        **facts,
        "CloudEvent": _cloudevent(),
        "Receipt": receipt,
        "Receipts": _object({"accepted": _COUNT, "refused": _COUNT, "items": items}),
        "Taken": _object({"accepted": _COUNT, "ignored": _COUNT, "dead_letters": _COUNT}),
        "Problem": problems.schema(),
    }


def _fact(kind: str) -> JsonSchema:
    has_change: JsonSchema = {"anyOf": [{"required": [name]} for name in CHANGES]}
    return {
        **(has_change if kind == "lead-updated" else {}),
        "type": "object",
        "required": ["kind", *REQUIRED[kind]],
        "properties": {"kind": {"const": kind}, **_fields(kind)},
        "additionalProperties": False,
    }


def _fields(kind: str) -> JsonSchema:
    return {name: _nullable(field.schema, name in REQUIRED[kind]) for name, field in FIELDS[kind].items()}


def _nullable(schema: JsonSchema, is_required: bool) -> JsonSchema:
    return dict(schema) if is_required else {"anyOf": [dict(schema), {"type": "null"}]}


def _cloudevent() -> JsonSchema:
    data: list[JsonValue] = [{"type": "object", "properties": _fields(kind)} for kind in FIELDS]
    filled: JsonSchema = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": filled,
            "source": filled,
            "type": {"enum": [*TYPES]},
            "subject": {"type": "string", "description": "the lead_id, unless the data names it"},
            "time": {"type": "string", "format": "date-time", "description": "occurred_at, unless the data names it"},
            "data": {"anyOf": data},
        },
    }


def _schema_name(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split("-"))


def _ref(name: str) -> JsonSchema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: JsonSchema) -> JsonSchema:
    return {"type": "object", "required": [*properties], "properties": properties}


def _header(name: str, text: str) -> JsonSchema:
    return {"name": name, "in": "header", "required": False, "description": text, "schema": _TEXT}


def _response(text: str, schema: JsonSchema) -> JsonSchema:
    return {"description": text, "content": {PLAIN: {"schema": schema}}}


def _problems(statuses: tuple[int, ...]) -> dict[int | str, JsonSchema]:
    return {status: _problem(status) for status in statuses}


def _problem(status: int) -> JsonSchema:
    response: JsonSchema = {
        "description": problems.PROBLEM_TYPES[_TITLES[status]][1],
        "content": {problems.MEDIA_TYPE: {"schema": _ref("Problem")}},
    }
    if status in (429, 503):
        response["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "string"}}}
    return response
