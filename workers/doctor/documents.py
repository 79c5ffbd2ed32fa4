"""Checks that the user's documents can be read and are valid."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.errors import UserError
from streams.domain.policy import Policy
from streams.policy_file import PolicyError, parse_policy, policy_warnings
from streams.runtime.documents import DocumentError, Violation
from streams.runtime.settings import Settings
from workers.console import text_of
from workers.delivery.configuration import endpoints_of
from workers.delivery.target import Endpoint
from workers.http.auth import KeyRing
from workers.ingest.systems import load_systems
from workers.outbound.addresses import Network

from .findings import Finding, fail, ok, warn

MOST_WARNINGS = 8


class NamedDocument(NamedTuple):
    """The parts of an endpoints file that are checked."""

    endpoints: tuple[Endpoint, ...] = ()
    allowed: tuple[Network, ...] = ()


def policy(settings: Settings, endpoints: Sequence[Endpoint]) -> tuple[list[Finding], Policy | None]:
    """The findings, its warnings included, and the policy of the streams workers; None if it is invalid."""
    path = settings.policy_file
    if path is None:
        return [ok("policy", "the default: LEADLOOP_POLICY_FILE is not set")], Policy()
    policies: list[Policy] = []
    warnings: list[Violation] = []

    def read() -> str:
        text, name = text_of(path), str(path)
        policies.append(parse_policy(text, name))
        warnings.extend(policy_warnings(text, name, accepts=_accepts(endpoints), today=datetime.now(UTC).date()))
        return f"version {policies[0].version} in {path}"

    found = _read("policy", read)
    return [found, *_doubtful(str(path), warnings)], policies[0] if policies else None


def _accepts(endpoints: Sequence[Endpoint]) -> Callable[[str, str], bool] | None:
    """Whether any endpoint takes a RECYCLE of this reason and track; None: there are no endpoints."""
    if not endpoints:
        return None
    return lambda reason, track: any(endpoint.target.may_take(reason, track) for endpoint in endpoints)


def _doubtful(name: str, warnings: Sequence[Violation]) -> list[Finding]:
    shown = [
        warn("policy", f"{name}:{one.line}: {one.where}: {one.problem}", one.fix) for one in warnings[:MOST_WARNINGS]
    ]
    more = len(warnings) - len(shown)
    return [*shown, warn("policy", f"{more} more warnings", f"run `leadloop policy check {name}`")] if more else shown


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
