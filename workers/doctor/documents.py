"""Checks that the user's documents can be read and are valid."""

from collections.abc import Callable
from typing import NamedTuple

from schemas.errors import UserError
from streams.policy_file import PolicyError, parse_policy
from streams.runtime.documents import DocumentError
from streams.runtime.settings import Settings
from workers.console import text_of
from workers.delivery.configuration import endpoints_of
from workers.delivery.target import Endpoint
from workers.http.auth import KeyRing
from workers.ingest.systems import load_systems
from workers.outbound.addresses import Network

from .findings import Finding, fail, ok, warn


class NamedDocument(NamedTuple):
    """The parts of an endpoints file that are checked."""

    endpoints: tuple[Endpoint, ...] = ()
    allowed: tuple[Network, ...] = ()


def policy(settings: Settings) -> list[Finding]:
    path = settings.policy_file
    if path is None:
        return [ok("policy", "the default: LEADLOOP_POLICY_FILE is not set")]
    return [_read("policy", lambda: f"version {parse_policy(text_of(path), str(path)).version} in {path}")]


def keys(settings: Settings) -> list[Finding]:
    path = settings.keys_file
    if path is None:
        todo = "name a keys file; `leadloop keys new` prints what stands in one"
        return [warn("keys", "LEADLOOP_KEYS_FILE is not set: ingest and report will not start", todo)]
    return [_read("keys", lambda: f"{len(KeyRing(path).sources)} sources in {path}")]


def webhooks(settings: Settings) -> list[Finding]:
    path = settings.webhooks_file
    if path is None:
        return [ok("webhooks", "none: LEADLOOP_WEBHOOKS_FILE is not set")]
    return [_read("webhooks", lambda: f"{len(load_systems(path))} systems in {path}")]


def endpoints(settings: Settings) -> tuple[list[Finding], NamedDocument]:
    """The finding, and the endpoints of the file: none if it is invalid."""
    path = settings.endpoints_file
    if path is None:
        todo = "name a file that lists the endpoints of recycle events: docs/delivery.md"
        return [warn("endpoints", "LEADLOOP_ENDPOINTS_FILE is not set: deliver will not start", todo)], NamedDocument()
    named: list[NamedDocument] = []

    def read() -> str:
        document, found = endpoints_of(settings)
        named.append(NamedDocument(found, document.allow_networks))
        return f"{len(found)} endpoints in {path}"

    return [_read("endpoints", read)], (named or [NamedDocument()])[0]


def _read(about: str, read: Callable[[], str]) -> Finding:
    try:
        return ok(about, read())
    except (DocumentError, PolicyError) as error:
        return fail(about, str(error), "fix these lines")
    except UserError as error:
        return fail(about, str(error), "let the user of this process read it, or name another")
