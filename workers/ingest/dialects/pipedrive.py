"""Pipedrive's webhooks, version 2: one change each. An item is named action.entity, such as change.deal."""

from collections.abc import Iterator

from schemas.json_value import JsonObject, JsonValue

from .items import (
    MappableItem,
    RequestContext,
    WebhookDialect,
    WebhookItem,
    as_list,
    merge,
    not_an_item,
)


def items(value: JsonValue, _: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        yield from _items_of(each)


def _items_of(each: JsonValue) -> Iterator[WebhookItem]:
    meta = each.get("meta") if isinstance(each, dict) else None
    if not isinstance(each, dict) or not isinstance(meta, dict) or not (meta.get("id") and meta.get("entity")):
        yield not_an_item(each, "a Pipedrive item has a meta with an id and an entity (is the webhook of version 2.0?)")
        return
    entity, entity_id = str(meta.get("entity", "")), _entity_id(each, meta)
    merged = _merged_to(each, meta)
    if merged:
        yield merge([f"{entity} {entity_id}"], merged, each)
    if not merged or (entity == "person" and entity_id):  # the person is gone, too
        # The object, not meta.id, which each edit of the object has anew.
        key = f"{entity}/{entity_id}" if entity_id else str(meta["id"])
        yield MappableItem(f"{meta.get('action', '')}.{entity}", key, each)


def _parts(each: JsonObject) -> Iterator[JsonObject]:
    for name in ("data", "previous"):
        if isinstance(part := each.get(name), dict):
            yield part


def _entity_id(each: JsonObject, meta: JsonObject) -> str:
    """The id of the changed object. It is in `meta` and in `data`; a deleted one has no `data`."""
    found = (part["id"] for part in (*_parts(each), {"id": meta.get("entity_id")}) if part.get("id"))
    return str(next(found, ""))


def _merged_to(each: JsonObject, meta: JsonObject) -> JsonValue:
    parts = (part["merged_to_id"] for part in (meta, *_parts(each)) if part.get("merged_to_id"))
    return next(parts, None)


DIALECT = WebhookDialect(items)
