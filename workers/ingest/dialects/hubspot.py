"""HubSpot's webhooks: arrays of changes, with signature version 3. An item is named by its subscriptionType."""

import hmac
import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import unquote

from schemas.json_value import JsonValue

from .items import (
    DeadItem,
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

TOLERANCE_MS = 300_000
_SIGNATURE, _TIMESTAMP = "x-hubspot-signature-v3", "x-hubspot-request-timestamp"
_DECODED_BEFORE_SIGNING = re.compile(
    "%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE
)  # : / ? @ ! $ ' ( ) * , ;
_ID = ("eventId", "subscriptionId", "objectId", "occurredAt", "propertyName")  # an eventId alone is not unique


def items(value: JsonValue, _: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        yield _item(each)


def verify(signed: SignedRequest) -> None:
    """Check the signature.

    Raises:
        InvalidSignature: it is missing, too old, or not of one of the secrets.
    """
    signature, at = signed.headers.get(_SIGNATURE, ""), signed.headers.get(_TIMESTAMP, "")
    if not signature or not at.isascii() or not at.isdecimal():
        raise InvalidSignature(f"{_SIGNATURE} or {_TIMESTAMP} is missing")
    if abs(signed.now * 1000 - int(at[:20])) > TOLERANCE_MS:
        raise InvalidSignature("signed more than five minutes ago, or in the future")
    content = f"POST{_as_signed(signed.url)}".encode() + signed.body + at.encode()
    expected = [b64encode(hmac.digest(secret.encode(), content, "sha256")) for secret in signed.secrets]
    if not is_one_of(signature.encode(), expected):
        raise InvalidSignature("the signature does not fit this body, the address `public_url` and the secret")


def _as_signed(url: str) -> str:
    """Decode what HubSpot's guide to validating requests says is decoded before signing; all else stays encoded."""
    return _DECODED_BEFORE_SIGNING.sub(lambda found: unquote(found[0]), url)


def _item(each: JsonValue) -> WebhookItem:
    if not isinstance(each, dict) or not isinstance(name := each.get("subscriptionType"), str):
        return not_an_item(each, "a HubSpot item has a subscriptionType")
    if name.endswith(".merge"):
        merged, primary = each.get("mergedObjectIds"), each.get("primaryObjectId")
        return DeadItem("merge", f"{merged} became {primary}: facts of one lead stay with its lead_id", each)
    if name.endswith(".privacyDeletion"):
        return DeadItem("privacy_deletion", f"{each.get('objectId')} is to be erased", each)
    return MappableItem(name, ":".join(str(each.get(part, "")) for part in _ID), each)


DIALECT = WebhookDialect(items, verify, needs_url=True)
