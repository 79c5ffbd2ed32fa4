"""Any system that sends JSON, signed by Standard Webhooks 1.0 or with a key. An item is named by its `type`.

If it has none, by the `type` in the query of the URL, else `event`.
"""

from collections.abc import Iterator

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
    content_key,
    not_an_item,
)


def items(value: JsonValue, context: RequestContext) -> Iterator[WebhookItem]:
    message_id = signing.header(context.headers, signing.ID)
    for number, each in enumerate(as_list(value), context.first):
        if not isinstance(each, dict):
            yield not_an_item(each, "an item is an object")
            continue
        name = str(each.get("type") or context.item_type or "event")
        if message_id:
            yield MappableItem(name, f"{message_id}:{number}", each, "event")
        else:
            yield MappableItem(name, content_key(each), each)


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
