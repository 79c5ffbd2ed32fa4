"""EspoCRM's webhooks: arrays of records, which do not say what happened to them.

One webhook is about one event, so its URL names the item: `?type=Lead.update`.
"""

import hmac
from base64 import b64decode
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
    content_key,
    is_one_of,
    not_an_item,
)


def items(value: JsonValue, context: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        if not isinstance(each, dict) or not each.get("id"):
            yield not_an_item(each, "an EspoCRM record has an id")
        else:
            yield MappableItem(context.item_type or "event", content_key(each), each)


def verify(signed: SignedRequest) -> None:
    """Check the signature, the base64 of `WEBHOOK_ID:HMAC`; before version 9 in X-Signature, with the HMAC as bytes.

    Raises:
        InvalidSignature: it is missing, or not of one of the secrets.
    """
    given = signed.headers.get("signature") or signed.headers.get("x-signature", "")
    try:
        code = b64decode(given, validate=True).partition(b":")[2]
    except ValueError:
        code = b""
    expected = [hmac.digest(secret.encode(), signed.body, "sha256") for secret in signed.secrets]
    if not is_one_of(code, [*expected, *(one.hex().encode() for one in expected)]):
        raise InvalidSignature("the header Signature is not the HMAC-SHA256 of this body with one of the secret keys")


DIALECT = WebhookDialect(items, verify)
