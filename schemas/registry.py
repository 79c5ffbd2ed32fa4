"""What a schema registry does, where it is, and what can go wrong with it. `schemas.connect` opens one.

RegistryUnavailable   it does not answer, or not as it should: try again later
NotRegistered         it lacks one of our schemas: run `leadloop schemas push`
RegistryRejected      it does not accept one of our schemas: the schema breaks the compatibility of its subject
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from . import events
from .compiled import Schema
from .errors import UserError


class RegistryUnavailable(UserError, ConnectionError):
    """The registry does not answer, or not as it should. This says nothing about records: try again later."""


class NotRegistered(UserError, LookupError):
    """The registry lacks one of our schemas. `leadloop schemas push` registers it."""


class RegistryRejected(UserError, ValueError):
    """The registry does not accept a schema: it breaks the compatibility of its subject."""


@dataclass(frozen=True, kw_only=True)
class RegistryConf:
    """Where the registry is. `basic_auth_user_info` is "name:password"; a request ends after the timeout."""

    url: str
    basic_auth_user_info: str | None = field(default=None, repr=False)
    ssl_ca_location: str | None = None
    timeout_seconds: float = 5.0


@dataclass(frozen=True)
class Pushed:
    """What the registry now holds: one released version of a record."""

    subject: str
    version: int
    id: int


class SchemaRegistry(Protocol):
    """Gives an id to each of our schemas, and the schema of any id."""

    def id_of(self, record: type[events.AnyRecord]) -> int:
        """The id of a record's current schema.

        Raises:
            NotRegistered: it has none; run `leadloop schemas push`.
            RegistryUnavailable: the registry does not answer.
        """
        ...

    def schema_of_id(self, schema_id: int) -> Schema | None:
        """The Avro schema of an id; None if there is none.

        Raises:
            RegistryUnavailable: the registry does not answer; the id may well exist.
        """
        ...

    def push(self, record: type[events.AnyRecord]) -> Iterator[Pushed]:
        """Register every released version of a record, oldest first.

        Raises:
            RegistryRejected: a version breaks the compatibility with what the registry holds.
            RegistryUnavailable: the registry does not answer; pushing again is safe.
        """
        ...
