"""What dialects split a body into: items, each to be mapped, dead-lettered or ignored."""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

import msgspec

from schemas.json_value import JsonObject, JsonValue

DialectName = Literal["hubspot", "salesforce", "pipedrive", "segment", "standard-webhooks", "espocrm", "twenty"]
DeadReason = Literal[
    "not_json", "not_an_item", "unmapped", "unfit", "gap", "merge", "privacy_deletion", "too_large", "too_many"
]
Identifies = Literal["event", "object"]
TOLERANCE_SECONDS = 300
"""Between the signature of a request and its receipt."""
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class MappableItem:
    """An item for the mapping.

    Attributes:
        name: Selects the table of the mapping.
        key: Names what the item is about; the same in every message about it.
        cells: The item, with what the dialect adds; `a.b` in a mapping is b inside a.
        identifies: What `key` names: one event, or an object, to which something happened at the time of the fact.
        original: The item as it was received, if `cells` differ from it.
    """

    name: str
    key: str
    cells: JsonObject
    identifies: Identifies = "object"
    original: JsonObject | None = None

    @property
    def received(self) -> JsonObject:
        """The item as it was received."""
        return self.cells if self.original is None else self.original


@dataclass(frozen=True, slots=True)
class DeadItem:
    """An item that cannot become a fact, and why."""

    reason: DeadReason
    error: str
    value: JsonValue | bytes


@dataclass(frozen=True, slots=True)
class IgnoredItem:
    """An item to ignore: a change that Leadloop itself made, or one that the configuration excludes."""


WebhookItem = MappableItem | DeadItem | IgnoredItem


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What signatures cover of a request. Header names in lower case; `now` in seconds since 1970."""

    headers: Mapping[str, str]
    body: bytes
    url: str
    now: float
    secrets: tuple[str, ...] = field(repr=False)


class InvalidSignature(Exception):
    """The request was not signed with one of the secrets, or too long ago. The message contains no secret."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What a dialect needs besides the body.

    Attributes:
        headers: Of the request; names in lower case.
        own_client: Changes made by this client are our own and ignored.
        item_type: The `type` in the query of the URL, for systems whose items do not say what they are.
        first: The number of the first item of the body in its request.
    """

    headers: Mapping[str, str]
    own_client: str = ""
    item_type: str = ""
    first: int = 0


@dataclass(frozen=True, slots=True)
class WebhookDialect:
    """How to read one system's webhooks.

    Attributes:
        items: Splits a parsed body into items.
        verify: Checks the signature, raises InvalidSignature; None if the system sends a key instead of signing.
        needs_url: The signature covers the public URL.
    """

    items: Callable[[JsonValue, RequestContext], Iterator[WebhookItem]]
    verify: Callable[[SignedRequest], None] | None = None
    needs_url: bool = False


def is_one_of(signature: bytes, expected: Iterable[bytes]) -> bool:
    """Whether `signature` equals one of `expected`; compares with all, each in constant time."""
    matches = [hmac.compare_digest(signature, one) for one in expected]
    return any(matches)


def check_age(timestamp: str, now: float) -> None:
    """Check the time of a signature, epoch ms as text.

    Raises:
        InvalidSignature: it is not one, or too far from `now` (seconds since 1970).
    """
    if not timestamp.isascii() or not timestamp.isdecimal():
        raise InvalidSignature("the time of the signature is missing")
    if abs(now * 1000 - int(timestamp[:20])) > TOLERANCE_SECONDS * 1000:
        raise InvalidSignature("signed more than five minutes ago, or in the future")


def as_list(value: JsonValue) -> list[JsonValue]:
    """Wrap a single item into a list."""
    return value if isinstance(value, list) else [value]


def content_key(value: JsonValue) -> str:
    """The key of an item that has no id: a digest of its content."""
    return sha256(_encode(value)).hexdigest()


def merge(gone: Iterable[JsonValue], survivor: JsonValue, value: JsonValue) -> DeadItem:
    """The dead letter of a merge, whose words name the ids that are gone and the one that remains."""
    ids = ", ".join(str(one) for one in gone if one)
    return DeadItem(
        "merge", f"{ids} became {survivor}: facts so far stay with the old id, later ones have the new", value
    )


def not_an_item(value: JsonValue, error: str) -> DeadItem:
    return DeadItem("not_an_item", error, value)
