"""Twenty's webhooks: one change of a record each. An item is named by its event: person.updated."""

import hmac
from collections.abc import Iterator

from schemas.json_value import JsonObject, JsonValue

from .items import (
    InvalidSignature,
    MappableItem,
    RequestContext,
    SignedRequest,
    WebhookDialect,
    WebhookItem,
    as_list,
    check_age,
    content_key,
    is_one_of,
    not_an_item,
)

_SIGNATURE, _TIMESTAMP = "x-twenty-webhook-signature", "x-twenty-webhook-timestamp"
_NAMES = ("eventName", "event", "operation")  # by version
_RECORDS = ("record", "data")


def items(value: JsonValue, _: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        name = next((each[key] for key in _NAMES if each.get(key)), None) if isinstance(each, dict) else None
        if not isinstance(each, dict) or not isinstance(name, str):
            yield not_an_item(each, "a Twenty item has an eventName")
        else:
            yield MappableItem(name, _key(each, name), each)


def _key(each: JsonObject, name: str) -> str:
    for part in _RECORDS:
        record = each.get(part)
        if isinstance(record, dict) and record.get("id"):
            return f"{name.partition('.')[0]}/{record['id']}"
    return content_key(each)


def verify(signed: SignedRequest) -> None:
    """Check the signature.

    Raises:
        InvalidSignature: it is missing, too old, or not of one of the secrets.
    """
    at = signed.headers.get(_TIMESTAMP, "")
    check_age(at, signed.now)
    content = f"{at}:".encode() + signed.body
    expected = [hmac.digest(secret.encode(), content, "sha256").hex().encode() for secret in signed.secrets]
    if not is_one_of(signed.headers.get(_SIGNATURE, "").encode(), expected):
        raise InvalidSignature(f"{_SIGNATURE} does not fit this body, {_TIMESTAMP} and the secret")


DIALECT = WebhookDialect(items, verify)
