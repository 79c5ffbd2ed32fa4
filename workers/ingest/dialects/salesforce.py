"""Salesforce change events, as a relay posts them: bare, or wrapped in `payload` or `data.payload`.

An item is named Entity.CHANGE, such as Lead.UPDATE; an event with several recordIds becomes one item per `recordId`.
"""

from collections.abc import Iterator
from typing import Any

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


def items(value: Any, asked: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        yield from _rows(each, asked)


def _rows(each: Any, asked: RequestContext) -> Iterator[WebhookItem]:
    payload = _payload(each)
    header = payload.get(_HEADER) if payload is not None else None
    if payload is None or not isinstance(header, dict):
        yield not_an_item(each, f"a change event has a {_HEADER}")
    elif asked.own_client and f"client={asked.own_client}" in str(header.get("changeOrigin")).split(";"):
        yield IgnoredItem()
    else:
        for record_id in as_list(header.get("recordIds") or [None]):
            yield _row(each, payload, header, record_id)


def _row(each: Any, payload: dict[str, Any], header: dict[str, Any], record_id: Any) -> WebhookItem:
    change = str(header.get("changeType", ""))
    if change.startswith("GAP_") or "*" in str(record_id):
        of = record_id or header.get("entityName")  # an overflow names no record
        return DeadItem("gap", f"{change} of {of}: read the record again, its change was not sent", each)
    if not record_id:
        return not_an_item(each, "a change event names its recordIds")
    key = ":".join(str(header.get(part, "")) for part in ("transactionKey", "sequenceNumber"))
    name = f"{header.get('entityName', '')}.{change}"
    # Its own id only: with all recordIds, the total size would be quadratic.
    about = {**payload, _HEADER: {**header, "recordIds": [record_id]}, "recordId": record_id}
    return MappableItem(name, f"{key}:{record_id}", about)


def _payload(each: Any) -> dict[str, Any] | None:
    for step in ((), ("payload",), ("data", "payload")):
        found = each
        for name in step:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict) and _HEADER in found:
            return found
    return None


DIALECT = WebhookDialect(items)
