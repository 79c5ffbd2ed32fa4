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
class Row:
    """Something that happened. `name` picks the table of the mapping; `key` is the same when it is told again."""

    name: str
    key: str
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dead:
    """What can be no fact, and why."""

    reason: DeadReason
    error: str
    value: Any


@dataclass(frozen=True, slots=True)
class Ignored:
    """What is to be passed over: our own doing."""


Item = Row | Dead | Ignored


@dataclass(frozen=True, slots=True)
class Signed:
    """A request, as far as signatures are about it. Header names in lower case."""

    headers: Mapping[str, str]
    body: bytes
    url: str
    now: float
    secrets: tuple[str, ...] = field(repr=False)


class BadSignature(Exception):
    """The request was not signed by who shares this secret, or not just now. The text may be shown."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a dialect needs to know beside the body."""

    headers: Mapping[str, str]
    own_client: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`verify` is None where the system signs nothing and sends a key."""

    items: Callable[[Any, Asked], Iterator[Item]]
    verify: Callable[[Signed], None] | None = None
    needs_url: bool = False


def is_one_of(given: bytes, expected: Iterable[bytes]) -> bool:
    """Compares with all of them, each in constant time."""
    fitting = [hmac.compare_digest(given, one) for one in expected]
    return any(fitting)


def listed(value: Any) -> list[Any]:
    """One item or several, as several."""
    return value if isinstance(value, list) else [value]


def no_item(value: Any, error: str) -> Dead:
    return Dead("not_an_item", error, value)
