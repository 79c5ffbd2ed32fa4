"""HubSpot's webhooks: arrays of changes, with signature version 3. An item is named by its subscriptionType.

`objectType` is added to each item: contact, company, deal and so on, which `object.*` items say as a number only.
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import unquote

from schemas.json_value import JsonObject, JsonValue

from .items import (
    DeadItem,
    InvalidSignature,
    MappableItem,
    RequestContext,
    SignedRequest,
    WebhookDialect,
    WebhookItem,
    as_list,
    check_age,
    is_one_of,
    merge,
    not_an_item,
)

_SIGNATURE, _TIMESTAMP = "x-hubspot-signature-v3", "x-hubspot-request-timestamp"
_DECODED_BEFORE_SIGNING = re.compile(
    "%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE
)  # : / ? @ ! $ ' ( ) * , ;
_OBJECT_TYPES = {"0-1": "contact", "0-2": "company", "0-3": "deal", "0-5": "ticket", "0-136": "lead"}


def items(value: JsonValue, _: RequestContext) -> Iterator[WebhookItem]:
    for each in as_list(value):
        yield _item(each)


def verify(signed: SignedRequest) -> None:
    """Check the signature.

    Raises:
        InvalidSignature: it is missing, too old, or not of one of the secrets.
    """
    signature, at = signed.headers.get(_SIGNATURE, ""), signed.headers.get(_TIMESTAMP, "")
    if not signature or not at:
        raise InvalidSignature(f"{_SIGNATURE} or {_TIMESTAMP} is missing")
    check_age(at, signed.now)
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
    object_type, event = _object_type(each, name), name.rpartition(".")[2]
    if event == "merge" and object_type == "contact":
        return _merge(each)
    if event == "privacyDeletion":
        return DeadItem("privacy_deletion", f"{each.get('objectId')} is to be erased", each)
    # Neither eventId nor subscriptionId: each subscription reports the same change under ids of its own.
    key = f"{each.get('portalId', '')}:{object_type}/{each.get('objectId', '')}"
    return MappableItem(name, key, {**each, "objectType": object_type}, original=each)


def _object_type(each: JsonObject, name: str) -> str:
    type_id = str(each.get("objectTypeId") or "")
    named = name.partition(".")[0]
    return _OBJECT_TYPES.get(type_id, type_id) or (named if named != "object" else "")


def _merge(each: JsonObject) -> DeadItem:
    primary, new = each.get("primaryObjectId"), each.get("newObjectId")
    gone = as_list(each.get("mergedObjectIds"))
    if new and new != primary:
        return merge([*gone, primary], new, each)
    return merge(gone, primary, each)


DIALECT = WebhookDialect(items, verify, needs_url=True)
