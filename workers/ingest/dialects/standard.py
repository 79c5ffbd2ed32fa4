"""Any system that sends Standard Webhooks 1.0: signed JSON. An item is named by its `type`, else `event`."""

from collections.abc import Iterator
from hashlib import sha256

import msgspec

from schemas.json_value import JsonValue
from workers import signing

from .items import (
    InvalidSignature,
    MappableItem,
    RequestContext,
    SignedRequest,
    WebhookDialect,
    WebhookItem,
    as_list,
    not_an_item,
)


def items(value: JsonValue, context: RequestContext) -> Iterator[WebhookItem]:
    # Without a message id, the digest of the content identifies it.
    name = context.headers.get(signing.ID) or sha256(msgspec.json.encode(value)).hexdigest()
    for number, each in enumerate(as_list(value)):
        if isinstance(each, dict):
            yield MappableItem(str(each.get("type") or "event"), f"{name}:{number}", each)
        else:
            yield not_an_item(each, "an item is an object")


def verify(signed: SignedRequest) -> None:
    """Check the signature.

    Raises:
        InvalidSignature: it is missing, too old, or not of one of the secrets.
    """
    try:
        signing.verify(signed.headers, signed.body, [signing.parse_key(one) for one in signed.secrets], signed.now)
    except (signing.VerificationError, signing.InvalidKey) as error:
        raise InvalidSignature(str(error)) from error


DIALECT = WebhookDialect(items, verify)
