"""Parses URLs strictly: what two parsers could interpret differently is rejected.

InvalidDestination(ValueError)   not a permitted destination; `problem` contains no secret, `fix` says what to write
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

from .addresses import Address

_FORBIDDEN_CHARACTERS = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_NAME_CHARACTERS = 253
_LAST_PORT = 65_535
_STANDARD = {"https": 443, "http": 80}


class InvalidDestination(ValueError):
    """The URL is not a permitted destination. `problem` contains no part of it, `fix` says what to write."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}; {fix}")
        self.problem = problem
        self.fix = fix


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """What is permitted beyond https on port 443: plain http, and further ports."""

    allow_http: bool = False
    ports: frozenset[int] = frozenset()

    def allows(self, scheme: str, port: int) -> bool:
        return port == _STANDARD[scheme] or port in self.ports


@dataclass(frozen=True, slots=True)
class Destination:
    """A parsed URL. `host` is lower-case ASCII without brackets; `address` is set if the host is an IP address."""

    scheme: str
    host: str
    port: int
    path_and_query: str
    address: Address | None = None

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _STANDARD[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path_and_query}"


def destination_of(url: str, url_policy: UrlPolicy) -> Destination:
    """Parse a URL.

    Raises:
        InvalidDestination: it is not a URL, is ambiguous, or the policy does not permit it.
    """
    if _FORBIDDEN_CHARACTERS.search(url):
        raise InvalidDestination(
            "a space, a backslash or a control character in the URL", "remove it, or percent-encode it"
        )
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidDestination("this is not a URL", "write https://host/path") from None
    scheme = _scheme(parts.scheme, url_policy)
    if "@" in parts.netloc:
        raise InvalidDestination("a user or password in the URL", "write it as a secret of its own")
    if parts.fragment:
        raise InvalidDestination("a fragment (#…) in the URL", "leave it out")
    if not (parts.path + parts.query).isascii():
        raise InvalidDestination("a character that is not ASCII after the host", "percent-encode it")
    host, port = _authority(parts.netloc, scheme)
    if not url_policy.allows(scheme, port):
        raise InvalidDestination(f"port {port}", f"leave it out, or allow it: ports: [{port}]")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    name, address = _host(host)
    return Destination(scheme, name, port, path, address)


def _scheme(scheme: str, url_policy: UrlPolicy) -> str:
    if scheme == "https" or (scheme == "http" and url_policy.allow_http):
        return scheme
    if scheme == "http":
        raise InvalidDestination("not encrypted", "write https://, or 'allow_http: true'")
    raise InvalidDestination("neither https nor http", "write https://host/path")


def _authority(netloc: str, scheme: str) -> tuple[str, int]:
    """Split into host and port, as they are written."""
    if netloc.startswith("["):
        host, bracket, rest = netloc.partition("]")
        host += bracket
    else:
        host, colon, rest = netloc.partition(":")
        rest = colon + rest
    if not rest:
        return host, _STANDARD[scheme]
    if not rest.startswith(":") or not _PORT.fullmatch(rest[1:]) or int(rest[1:]) > _LAST_PORT:
        raise InvalidDestination("an invalid port after the host", "write host:port with a port from 1 to 65535")
    return host, int(rest[1:])


def _host(text: str) -> tuple[str, Address | None]:
    if text.startswith("["):
        address = _ipv6(text[1:-1])
        return str(address), address
    name = _ascii(text).lower()
    labels = name.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return name, _ipv4(name)
    if len(name) > _NAME_CHARACTERS or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidDestination("an invalid host name", "write it as in DNS, without a dot at the end")
    return name, None


def _ipv6(text: str) -> IPv6Address:
    try:
        address = IPv6Address(text)
    except AddressValueError:
        address = None
    if address is None or address.scope_id is not None:
        raise InvalidDestination("an invalid IPv6 address in the brackets", "write [2a00::1], without a zone")
    return address


def _ipv4(text: str) -> IPv4Address:
    """Accept four decimal numbers only: parsers disagree about other notations."""
    try:
        return IPv4Address(text)
    except AddressValueError:
        raise InvalidDestination("an address that is not four decimal numbers", "write it as 192.0.2.1") from None


def _ascii(text: str) -> str:
    """Convert a name to its DNS form. Characters that only look like a letter, digit or dot are rejected."""
    if text.isascii():
        return text
    labels = [(label, _encoded(label)) for label in text.split(".")]
    is_a_look_alike = any(not label.isascii() and not encoded.startswith("xn--") for label, encoded in labels)
    if is_a_look_alike or any(letter.isnumeric() for letter in text if not letter.isascii()):
        raise InvalidDestination("a host with characters that only look like others", "write it as in DNS (xn--…)")
    return ".".join(encoded for _, encoded in labels)


def _encoded(label: str) -> str:
    try:
        return label.encode("idna").decode("ascii") if label else ""
    except UnicodeError:
        raise InvalidDestination("an invalid host name", "write it as in DNS (xn--…)") from None
