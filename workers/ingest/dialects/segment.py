"""Segment's webhooks, one call each. An item is named track.EVENT, or by its type: identify, page, group."""

import hmac
from collections.abc import Iterator

from schemas.json_value import JsonValue

from .items import (
    InvalidSignature,
    MappableItem,
    RequestContext,
    SignedRequest,
    WebhookDialect,
    WebhookItem,
    as_list,
    is_one_of,
    not_an_item,
)


def items(value: JsonValue, _: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        yield _item(each)


def verify(signed: SignedRequest) -> None:
    """Check the signature.

    Raises:
        InvalidSignature: it is missing, too old, or not of one of the secrets.
    """
    signature = signed.headers.get("x-signature", "").encode()
    expected = [hmac.digest(one.encode(), signed.body, "sha1").hex().encode() for one in signed.secrets]
    if not is_one_of(signature, expected):
        raise InvalidSignature("x-signature is not the HMAC-SHA1 of this body with the shared secret")


def _item(each: JsonValue) -> WebhookItem:
    if not isinstance(each, dict) or not each.get("messageId") or not each.get("type"):
        return not_an_item(each, "a Segment call has a type and a messageId")
    kind = str(each["type"])
    return MappableItem(f"track.{each.get('event', '')}" if kind == "track" else kind, str(each["messageId"]), each)


DIALECT = WebhookDialect(items, verify)
