"""What dialects split a body into: items, each to be mapped, dead-lettered or ignored."""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from schemas.json_value import JsonObject, JsonValue

DialectName = Literal["hubspot", "salesforce", "pipedrive", "segment", "standard-webhooks"]
DeadReason = Literal[
    "not_json", "not_an_item", "unmapped", "unfit", "gap", "merge", "privacy_deletion", "too_large", "too_many"
]


@dataclass(frozen=True, slots=True)
class MappableItem:
    """An item for the mapping.

    Attributes:
        name: Selects the table of the mapping.
        key: Stays the same when the system repeats the item.
        cells: The item; `a.b` in a mapping is b inside a.
    """

    name: str
    key: str
    cells: JsonObject


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
    """What a dialect needs besides the body."""

    headers: Mapping[str, str]
    own_client: str = ""


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


def as_list(value: JsonValue) -> list[JsonValue]:
    """Wrap a single item into a list."""
    return value if isinstance(value, list) else [value]


def not_an_item(value: JsonValue, error: str) -> DeadItem:
    return DeadItem("not_an_item", error, value)
