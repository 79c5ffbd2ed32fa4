"""Segment's webhooks: one call each. An item is called track.EVENT, or by its type: identify, page, group."""

import hmac
from collections.abc import Iterator
from typing import Any

from .items import Asked, BadSignature, Dialect, Item, Row, Signed, is_one_of, listed, no_item


def items(value: Any, _: Asked) -> Iterator[Item]:
    for each in listed(value):
        yield _item(each)


def verify(signed: Signed) -> None:
    """Raises BadSignature."""
    signature = signed.headers.get("x-signature", "").encode()
    expected = [hmac.digest(one.encode(), signed.body, "sha1").hex().encode() for one in signed.secrets]
    if not is_one_of(signature, expected):
        raise BadSignature("x-signature is not the HMAC-SHA1 of this body with the shared secret")


def _item(each: Any) -> Item:
    if not isinstance(each, dict) or not each.get("messageId") or not each.get("type"):
        return no_item(each, "a Segment call has a type and a messageId")
    kind = str(each["type"])
    return Row(f"track.{each.get('event', '')}" if kind == "track" else kind, str(each["messageId"]), each)


DIALECT = Dialect(items, verify)
