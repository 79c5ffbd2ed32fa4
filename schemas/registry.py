"""Where a schema registry is, and what can come of asking it.

Its client is an optional dependency, and takes longer to load than all the rest of a process: who uses no registry
neither needs nor loads it.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .confluent import Registry


class RegistryUnavailable(ConnectionError):
    """The registry does not answer, or not as it should. Says nothing about records: try again."""


class NotRegistered(LookupError):
    """The registry lacks a schema of ours. `leadloop schemas push` registers it."""


class Refused(ValueError):
    """The registry will not take a schema: it breaks the compatibility of its subject."""


@dataclass(frozen=True, kw_only=True)
class RegistryConf:
    """Where the registry is. `basic_auth_user_info` is "name:password"; a request gives up after the timeout."""

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


def connected(conf: RegistryConf, prefix: str = "") -> "Registry":
    """The registry, asked through its client. `prefix`: of the physical topics.

    Raises:
        RegistryUnavailable: the client is not installed.
    """
    try:
        from .confluent import Registry  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise RegistryUnavailable(
            f"a registry is asked through {missing.name}: install leadloop[registry]"
        ) from missing
    return Registry(conf, prefix)
