"""Salesforce change events, as a relay posts them: bare, or wrapped in `payload` or `data.payload`.

An item is named Entity.CHANGE, such as Lead.UPDATE; an event with several recordIds becomes one item per `recordId`.
"""

from collections.abc import Iterator

from schemas.json_value import JsonObject, JsonValue

from .items import (
    DeadItem,
    IgnoredItem,
    MappableItem,
    RequestContext,
    WebhookDialect,
    WebhookItem,
    as_list,
    not_an_item,
)

_HEADER = "ChangeEventHeader"


def items(value: JsonValue, context: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        yield from _items_of(each, context)


def _items_of(each: JsonValue, context: RequestContext) -> Iterator[WebhookItem]:
    payload = _payload(each)
    header = payload.get(_HEADER) if payload is not None else None
    if payload is None or not isinstance(header, dict):
        yield not_an_item(each, f"a change event has a {_HEADER}")
    elif context.own_client and f"client={context.own_client}" in str(header.get("changeOrigin")).split(";"):
        yield IgnoredItem()
    else:
        for record_id in as_list(header.get("recordIds") or [None]):
            yield _item(each, payload, header, record_id)


def _item(each: JsonValue, payload: JsonObject, header: JsonObject, record_id: JsonValue) -> WebhookItem:
    change = str(header.get("changeType", ""))
    if change.startswith("GAP_") or "*" in str(record_id):
        of = record_id or header.get("entityName")  # an overflow names no record
        return DeadItem("gap", f"{change} of {of}: read the record again, its change was not sent", each)
    if not record_id:
        return not_an_item(each, "a change event names its recordIds")
    key = ":".join(str(header.get(part, "")) for part in ("transactionKey", "sequenceNumber"))
    name = f"{header.get('entityName', '')}.{change}"
    # Its own id only: with all recordIds, the total size would be quadratic.
    cells: JsonObject = {**payload, _HEADER: {**header, "recordIds": [record_id]}, "recordId": record_id}
    return MappableItem(name, f"{key}:{record_id}", cells)


def _payload(each: JsonValue) -> JsonObject | None:
    for step in ((), ("payload",), ("data", "payload")):
        found = each
        for name in step:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict) and _HEADER in found:
            return found
    return None


DIALECT = WebhookDialect(items)
