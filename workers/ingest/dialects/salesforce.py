"""Salesforce change events, as a relay posts them: bare, or wrapped in `payload` or `data.payload`.

An item is named Entity.CHANGE, such as Lead.UPDATE; an event with several recordIds becomes one item per `recordId`.
Also added to an item: `changed`, an object with the names of the changed fields, and `LeadId`, the WhoId of an
activity if it is a lead. Fields that are null, and not among the changed ones, count as absent.
"""

from collections.abc import Iterator, Mapping

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
_LEAD_PREFIX = "00Q"  # of the ids of leads
_AVRO_TYPES = frozenset({"string", "boolean", "int", "long", "float", "double"})


def items(value: JsonValue, context: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        yield from _items_of(each, context)


def _items_of(each: JsonValue, context: RequestContext) -> Iterator[WebhookItem]:
    payload = _payload(each)
    header = payload.get(_HEADER) if payload is not None else None
    if payload is None or not isinstance(header, dict):
        yield not_an_item(each, f"a change event has a {_HEADER}")
        return
    plain = _plain(header)
    if context.own_client and f"client={context.own_client}" in str(plain.get("changeOrigin")).split(";"):
        yield IgnoredItem()
        return
    fields = _plain({name: value for name, value in payload.items() if name != _HEADER})
    cells = {**fields, **_added(fields, plain)}
    for record_id in as_list(plain.get("recordIds") or [None]):
        if problem := _problem(each, plain, record_id):
            yield problem
        else:
            # Its own id only: with all recordIds, the total size would be quadratic.
            own: JsonObject = {**cells, _HEADER: {**plain, "recordIds": [record_id]}, "recordId": record_id}
            original: JsonObject = {**payload, _HEADER: {**header, "recordIds": [record_id]}}
            name = f"{plain.get('entityName', '')}.{plain.get('changeType', '')}"
            yield MappableItem(name, str(record_id), own, original=original)


def _problem(each: JsonValue, header: JsonObject, record_id: JsonValue) -> DeadItem | None:
    change = str(header.get("changeType", ""))
    if change.startswith("GAP_") or "*" in str(record_id):
        of = record_id or header.get("entityName")  # an overflow names no record
        return DeadItem("gap", f"{change} of {of}: read the record again, its change was not sent", each)
    return None if record_id else not_an_item(each, "a change event names its recordIds")


def _added(fields: JsonObject, header: JsonObject) -> JsonObject:
    changed: JsonObject = dict.fromkeys(_changed(fields, header), True)
    who = fields.get("WhoId")
    return {"changed": changed, **({"LeadId": who} if isinstance(who, str) and who.startswith(_LEAD_PREFIX) else {})}


def _changed(fields: JsonObject, header: JsonObject) -> list[str]:
    """The names of the changed fields. Without names (none, or a bitmap that only the schema decodes): all non-null."""
    named = [name for name in as_list(header.get("changedFields")) if isinstance(name, str)]
    if named and not any(name.startswith("0x") or "-0x" in name for name in named):
        return named
    return [name for name, value in fields.items() if value is not None]


def _plain(values: Mapping[str, JsonValue]) -> JsonObject:
    """Unwrap unions as Avro's JSON encoding writes them: {"string": "New"}."""
    return {name: _unwrapped(value) for name, value in values.items()}


def _unwrapped(value: JsonValue) -> JsonValue:
    if isinstance(value, dict) and len(value) == 1 and not _AVRO_TYPES.isdisjoint(value):
        return next(iter(value.values()))
    return value


def _payload(each: JsonValue) -> JsonObject | None:
    for step in ((), ("payload",), ("data", "payload")):
        found = each
        for name in step:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict) and _HEADER in found:
            return found
    return None


DIALECT = WebhookDialect(items)
