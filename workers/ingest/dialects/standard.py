"""Whoever speaks Standard Webhooks 1.0: any JSON, signed. An item is called by its `type`, else `event`."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec

from workers import signing

from .items import Asked, BadSignature, Dialect, Item, Row, Signed, listed, no_item


def items(value: Any, asked: Asked) -> Iterator[Item]:
    # Without an id of the message its content is its name.
    name = asked.headers.get(signing.ID) or sha256(msgspec.json.encode(value)).hexdigest()
    for number, each in enumerate(listed(value)):
        if isinstance(each, dict):
            yield Row(str(each.get("type") or "event"), f"{name}:{number}", each)
        else:
            yield no_item(each, "an item is an object")


def verify(signed: Signed) -> None:
    """Raises BadSignature."""
    try:
        signing.verify(signed.headers, signed.body, [signing.secret_of(one) for one in signed.secrets], signed.now)
    except (signing.Unverified, signing.UnfitSecret) as fault:
        raise BadSignature(str(fault)) from fault


DIALECT = Dialect(items, verify)
