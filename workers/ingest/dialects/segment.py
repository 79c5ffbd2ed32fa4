"""Segment's webhooks: a call, or a batch of them. An item is named track.EVENT, or by its type: identify, page, group.

Segment signs a batch over its first call alone: the other calls of a batch are as trustworthy as their sender.
"""

import hmac
import json
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

_BLANKS = " \t\r\n"
_DECODER = json.JSONDecoder()


def items(value: JsonValue, _: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        yield _item(each)


def verify(signed: SignedRequest) -> None:
    """Check the signature: of the whole body, or of the first call of a batch.

    Raises:
        InvalidSignature: it is missing, or not of one of the secrets.
    """
    signature = signed.headers.get("x-signature", "").encode()
    contents = [signed.body, *_first_call(signed.body)]
    expected = [
        hmac.digest(secret.encode(), content, "sha1").hex().encode()
        for secret in signed.secrets
        for content in contents
    ]
    if not is_one_of(signature, expected):
        raise InvalidSignature("x-signature is not the HMAC-SHA1 of this body, or of its first call, with the secret")


def _first_call(body: bytes) -> list[bytes]:
    """The bytes of the first call of a batch; none if the body is no batch."""
    try:
        text = body.decode()
        start = text.index("[") + 1
        if text[: start - 1].strip(_BLANKS + "\ufeff"):
            return []
        start = len(text) - len(text[start:].lstrip(_BLANKS))
        _, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return []
    return [text[start:end].encode()]


def _item(each: JsonValue) -> WebhookItem:
    if not isinstance(each, dict) or not each.get("messageId") or not each.get("type"):
        return not_an_item(each, "a Segment call has a type and a messageId")
    kind = str(each["type"])
    name = f"track.{each.get('event', '')}" if kind == "track" else kind
    return MappableItem(name, str(each["messageId"]), each, "event")


DIALECT = WebhookDialect(items, verify)
