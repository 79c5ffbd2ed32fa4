"""Checks that an endpoint may be dialled: its name is resolved, and nothing is sent."""

from collections.abc import Callable, Iterable

from workers.delivery.connectors.http_target import HttpTarget
from workers.delivery.target import Endpoint
from workers.outbound import destination_of
from workers.outbound.addresses import Network, denial_reason_of_any

from .findings import Finding, fail, ok

ResolveHost = Callable[[str], list[str]]


def check(endpoint: Endpoint, allowed: Iterable[Network], resolve: ResolveHost) -> list[Finding]:
    """One finding; none for an endpoint that is a topic and not a URL."""
    target = endpoint.target
    if not isinstance(target, HttpTarget):
        return []
    destination = destination_of(target.url, target.url_policy)
    about, host = f"endpoint {endpoint.name}", destination.host
    try:
        found = [host] if destination.address is not None else resolve(host)
    except OSError as error:
        todo = "see that the name is right, and that this machine's DNS knows it"
        return [fail(about, f"{host} cannot be resolved ({error.strerror or type(error).__name__})", todo)]
    if reason := denial_reason_of_any(found, allowed):
        todo = "nothing is dialled there; if it is meant, name its network in `allow_networks` of the endpoints file"
        return [fail(about, f"{host}: {reason}", todo)]
    return [ok(about, f"{host} may be dialled ({', '.join(found)})")]
