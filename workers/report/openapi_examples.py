"""Examples in the OpenAPI document: one for each response, from its schema and the examples of its fields. Pure."""

from collections.abc import Mapping
from typing import Any, cast

TIME = "2026-03-16T09:30:00.000Z"
_BY_NAME = {
    "lead_id": "L-1001",
    "owner_id": "ann",
    "origin": "webinar",
    "campaign_id": "spring-26",
    "segment": "smb",
    "account_id": "acme",
    "stage": "working",
    "due_reason": "no_follow_up",
    "reason": "price",
    "stall_reason": "",
    "track": "offer",
    "endpoint": "nurture",
    "timezone": "Europe/Berlin",
    "owner": "ann",
    "value": "webinar",
}
OpenApiSchema = Mapping[str, Any]
DEEPEST = 8


def add_examples(document: dict[str, Any]) -> None:
    """Give every response in JSON of the API an example."""
    schemas = document.get("components", {}).get("schemas", {})
    for path, operations in document.get("paths", {}).items():
        if not path.startswith("/v1/"):
            continue
        for operation in operations.values():
            content = operation["responses"].get("200", {}).get("content", {}).get("application/json")
            if content and "example" not in content:
                content["example"] = example_of(content["schema"], schemas)


def example_of(schema: OpenApiSchema, schemas: Mapping[str, OpenApiSchema], name: str = "", depth: int = 0) -> Any:
    """A value that fits a schema. `name`: of its field; `depth`: how far it is nested."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name, depth + 1)
    if "examples" in schema:
        return schema["examples"][0]
    if "default" in schema:
        return schema["default"]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas, name, depth)
    if "allOf" in schema:
        return example_of(schema["allOf"][0], schemas, name, depth)
    return _plain(schema, schemas, name, depth)


def _plain(schema: OpenApiSchema, schemas: Mapping[str, OpenApiSchema], name: str, depth: int) -> Any:
    allowed = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if allowed:
        return _BY_NAME[name] if _BY_NAME.get(name) in allowed else allowed[0]
    if schema.get("type") == "object":
        return _object(schema, schemas, depth)
    if schema.get("type") == "array":
        item = cast("OpenApiSchema", schema.get("items", {}))
        return [] if depth > DEEPEST else [example_of(item, schemas, name.removesuffix("s"), depth + 1)]
    if schema.get("format") == "date-time":
        return TIME
    simple = {"string": _BY_NAME.get(name, ""), "integer": max(1, schema.get("minimum", 1)), "number": 1.5}
    return {**simple, "boolean": False}.get(schema.get("type", ""))


def _object(schema: OpenApiSchema, schemas: Mapping[str, OpenApiSchema], depth: int) -> dict[str, Any]:
    if "properties" in schema:
        return {name: example_of(one, schemas, name, depth + 1) for name, one in schema["properties"].items()}
    values = schema.get("additionalProperties")
    if not isinstance(values, Mapping):
        return {}
    names = example_of(schema.get("propertyNames", {"type": "string"}), schemas, "value", depth + 1)
    return {str(names): example_of(values, schemas, "", depth + 1)}
