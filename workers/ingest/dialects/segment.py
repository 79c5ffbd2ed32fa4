"""Segment's webhooks, one call each. An item is named track.EVENT, or by its type: identify, page, group."""

import hmac
from collections.abc import Iterator
from typing import Any

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


def items(value: Any, _: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        yield _item(each)


def verify(signed: SignedRequest) -> None:
    """Raises InvalidSignature."""
    signature = signed.headers.get("x-signature", "").encode()
    expected = [hmac.digest(one.encode(), signed.body, "sha1").hex().encode() for one in signed.secrets]
    if not is_one_of(signature, expected):
        raise InvalidSignature("x-signature is not the HMAC-SHA1 of this body with the shared secret")


def _item(each: Any) -> WebhookItem:
    if not isinstance(each, dict) or not each.get("messageId") or not each.get("type"):
        return not_an_item(each, "a Segment call has a type and a messageId")
    kind = str(each["type"])
    return MappableItem(f"track.{each.get('event', '')}" if kind == "track" else kind, str(each["messageId"]), each)


DIALECT = WebhookDialect(items, verify)
