"""Pipedrive's webhooks, version 2: one change each. An item is named action.entity, such as change.deal."""

from collections.abc import Iterator

from schemas.json_value import JsonObject, JsonValue

from .items import DeadItem, MappableItem, RequestContext, WebhookDialect, WebhookItem, as_list, not_an_item


def items(value: JsonValue, _: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        yield _item(each)


def _item(each: JsonValue) -> WebhookItem:
    meta = each.get("meta") if isinstance(each, dict) else None
    if not isinstance(each, dict) or not isinstance(meta, dict) or not meta.get("id"):
        return not_an_item(each, "a Pipedrive item has a meta with an id (is the webhook of version 2.0?)")
    if merged := _merged_to(each):
        return DeadItem("merge", f"became {merged}: facts of one lead stay with its lead_id", each)
    return MappableItem(f"{meta.get('action', '')}.{meta.get('entity', '')}", str(meta["id"]), each)


def _merged_to(each: JsonObject) -> JsonValue:
    parts = (each.get("data"), each.get("previous"))
    return next((part["merged_to_id"] for part in parts if isinstance(part, dict) and part.get("merged_to_id")), None)


DIALECT = WebhookDialect(items)
