"""What every dialect is taken apart into: items, each a row for the mapping, or a dead letter, or nothing."""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

DialectName = Literal["hubspot", "salesforce", "pipedrive", "segment", "standard-webhooks"]
DeadReason = Literal[
    "not_json", "not_an_item", "unmapped", "unfit", "gap", "merge", "privacy_deletion", "too_large", "too_many"
]


@dataclass(frozen=True, slots=True)
class MappableItem:
    """Something that happened. `name` picks the table of the mapping; `key` is the same when it is told again."""

    name: str
    key: str
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeadItem:
    """What can be no fact, and why."""

    reason: DeadReason
    error: str
    value: Any


@dataclass(frozen=True, slots=True)
class IgnoredItem:
    """What is to be passed over: our own doing."""


WebhookItem = MappableItem | DeadItem | IgnoredItem


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request, as far as signatures are about it. Header names in lower case."""

    headers: Mapping[str, str]
    body: bytes
    url: str
    now: float
    secrets: tuple[str, ...] = field(repr=False)


class InvalidSignature(Exception):
    """The request was not signed by who shares this secret, or not just now. The text may be shown."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What a dialect needs to know beside the body."""

    headers: Mapping[str, str]
    own_client: str = ""


@dataclass(frozen=True, slots=True)
class WebhookDialect:
    """`verify` is None where the system signs nothing and sends a key."""

    items: Callable[[Any, RequestContext], Iterator[WebhookItem]]
    verify: Callable[[SignedRequest], None] | None = None
    needs_url: bool = False


def is_one_of(given: bytes, expected: Iterable[bytes]) -> bool:
    """Compares with all of them, each in constant time."""
    fitting = [hmac.compare_digest(given, one) for one in expected]
    return any(fitting)


def as_list(value: Any) -> list[Any]:
    """One item or several, as several."""
    return value if isinstance(value, list) else [value]


def not_an_item(value: Any, error: str) -> DeadItem:
    return DeadItem("not_an_item", error, value)
