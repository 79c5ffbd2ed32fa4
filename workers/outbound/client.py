"""Makes one HTTP call to a URL that a user configured, protected against server-side request forgery.

Guarantees: exactly the vetted address is dialled, vetted again for every connection, so that DNS rebinding gains
nothing; a kept-alive connection leads to its vetted address. One denied address among several denies all.
Redirects are never followed, neither proxies of the environment nor cookies are used, TLS certificates are verified for
the name, nothing is decompressed, and no more of a response is read than requested.

Whatever the server does is returned as a value:

    HttpResponse   it responded, with any status
    HttpFailure    it could not be reached, closed the connection, or took too long: perhaps later
    Blocked        the destination is not permitted: nothing was sent
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from .addresses import ForbiddenAddress, Network, denial_reason, denial_reason_of_any
from .destinations import Destination, InvalidDestination, UrlPolicy, destination_of
from .redaction import redacted
from .sockets import connected

Resolve = Callable[[str], Awaitable[list[str]]]

MAX_BYTES = 65_536
_CONNECT_SECONDS = 10.0
_RESOLVE_SECONDS = 5.0
_KEPT_ALIVE_SECONDS = 15.0
_RESOLVERS = 32


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response. `body` as sent, truncated after `max_bytes` (`is_cut`); header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False

    @property
    def text(self) -> str:
        """The beginning of the body, with secrets removed, for messages."""
        return redacted(self.body[:4096].decode(errors="replace"))


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """No response. `was_sent`: the request may have had an effect."""

    detail: str
    was_sent: bool = True


@dataclass(frozen=True, slots=True)
class Blocked:
    """The destination is not permitted; nothing was sent."""

    detail: str


HttpResult = HttpResponse | HttpFailure | Blocked


class Client:
    """A pool of vetted connections; one per process. Create it in a running event loop, and close it.

    aiohttp repeats a GET, PUT or DELETE once if a kept-alive connection turns out to be closed; never a POST.

    Args:
        allow_networks: Networks that may be dialled although they are not public.
        resolve: Replaces DNS lookups, for tests.
        tls: Replaces the default TLS context.
    """

    def __init__(
        self,
        allow_networks: Iterable[Network] = (),
        *,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.tls = tls or ssl.create_default_context()
        self._allowed = tuple(allow_networks)
        self._resolver_threads = None if resolve else ThreadPoolExecutor(_RESOLVERS, "dns")
        self._lookups_in_progress: dict[str, asyncio.Future[list[str]]] = {}
        self._resolve = resolve or self._resolved
        self._connector = aiohttp.TCPConnector(
            resolver=_VettingResolver(self._resolve, self._allowed),
            use_dns_cache=False,  # each connection is vetted with the addresses that it dials
            socket_factory=self._socket,
            ssl=self.tls,
            limit=0,  # with a shared limit, one hanging endpoint would block all others
            keepalive_timeout=_KEPT_ALIVE_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            raise_for_status=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        url_policy: UrlPolicy | None = None,
        timeout_seconds: float = 20.0,
        max_bytes: int = MAX_BYTES,
    ) -> HttpResult:
        """Call once; never raises for what the server does.

        Args:
            method: GET, POST, PUT, DELETE.
            url: Checked against `url_policy`.
            headers: Of the request.
            body: Of the request; empty if it has none.
            url_policy: https on port 443 only by default.
            timeout_seconds: For the whole call, to the last byte of the response that is read.
            max_bytes: To read of the response body.
        """
        try:
            destination = destination_of(url, url_policy or UrlPolicy())
        except InvalidDestination as error:
            return Blocked(str(error))
        if destination.address is not None and (reason := denial_reason(destination.address, self._allowed)):
            return Blocked(f"{destination.host} is {reason}")
        try:
            return await self._call(method, destination, headers, body, timeout_seconds, max_bytes)
        except aiohttp.ClientConnectorError as error:
            return _connection_failure(error)
        except TimeoutError:
            return HttpFailure(f"no response within {timeout_seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return HttpFailure(_failure_text(error))

    async def dial(self, host: str, port: int, timeout_seconds: float) -> socket.socket:
        """Open a TCP connection to a vetted address of a host, for other protocols than HTTP. The caller closes it.

        Raises:
            ForbiddenAddress: One of its addresses must not be dialled; nothing was sent.
            OSError: It cannot be resolved or reached.
        """
        async with asyncio.timeout(min(_CONNECT_SECONDS, timeout_seconds)):
            return await connected(host, port, self._resolve, self._allowed)

    async def close(self) -> None:
        await self._session.close()
        if self._resolver_threads is not None:
            self._resolver_threads.shutdown(wait=False, cancel_futures=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _call(
        self,
        method: str,
        destination: Destination,
        headers: Mapping[str, str],
        body: bytes,
        timeout_seconds: float,
        max_bytes: int,
    ) -> HttpResponse:
        async with self._session.request(
            method,
            URL(destination.url, encoded=True),
            headers={"User-Agent": "leadloop", "Accept": "*/*", "Accept-Encoding": "identity", **headers},
            data=body or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds)),
        ) as response:
            read, is_cut = await _read_bounded(response.content, max_bytes)
            if is_cut:
                response.close()  # the rest would have to be read before the connection can be reused
            return HttpResponse(response.status, _plain_headers(response.headers), read, is_cut)

    async def _resolved(self, host: str) -> list[str]:
        """Resolve a name; concurrent lookups of it share one thread, so that a slow DNS server cannot occupy all."""
        lookup = self._lookups_in_progress.get(host)
        if lookup is None:
            lookup = asyncio.get_running_loop().run_in_executor(self._resolver_threads, addresses_of, host)
            self._lookups_in_progress[host] = lookup
            lookup.add_done_callback(lambda ended: self._answered(host, ended))
        return await asyncio.wait_for(asyncio.shield(lookup), _RESOLVE_SECONDS)

    def _answered(self, host: str, ended: "asyncio.Future[list[str]]") -> None:
        del self._lookups_in_progress[host]
        if not ended.cancelled():
            ended.exception()  # the callers may have been cancelled

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """The last check: no socket is created for an address that must not be dialled."""
        family, kind, protocol, _, address = info
        if reason := denial_reason(ip_address(address[0]), self._allowed):
            raise ForbiddenAddress(f"{address[0]} is {reason}")
        return socket.socket(family, kind, protocol)


class _VettingResolver(AbstractResolver):
    """Resolves a name, and returns its addresses only if all of them may be dialled."""

    def __init__(self, resolve: Resolve, allowed: Iterable[Network]) -> None:
        self._resolve = resolve
        self._allowed = tuple(allowed)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family  # both are used, whichever the name has
        found = await self._resolve(host)
        if reason := denial_reason_of_any(found, self._allowed):
            raise ForbiddenAddress(f"{host} must not be dialled: {reason}")
        return [_result(host, text, port) for text in found]

    async def close(self) -> None:
        """Holds no resources."""


def _result(host: str, text: str, port: int) -> ResolveResult:
    version = ip_address(text).version
    family = socket.AF_INET if version == 4 else socket.AF_INET6  # noqa: PLR2004  the versions of IP
    return ResolveResult(hostname=host, host=text, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)


def addresses_of(host: str) -> list[str]:
    """Resolve a name with the system's resolver; blocks.

    Raises:
        OSError: it does not resolve.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [*dict.fromkeys(str(info[4][0]) for info in found)]


async def _read_bounded(stream: aiohttp.StreamReader, most: int) -> tuple[bytes, bool]:
    """Read at most so many bytes; return them, and whether there were more."""
    read = bytearray()
    while len(read) <= most:
        chunk = await stream.read(most + 1 - len(read))
        if not chunk:
            return bytes(read), False
        read += chunk
    return bytes(read[:most]), True


def _plain_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value[:1024] for name, value in headers.items()}


def _connection_failure(error: aiohttp.ClientConnectorError) -> HttpFailure | Blocked:
    if isinstance(error.os_error, ForbiddenAddress):
        return Blocked(str(error.os_error))
    return HttpFailure(_failure_text(error), was_sent=False)


def _failure_text(error: Exception) -> str:
    """Describe an error in our own words: those of the libraries may contain the whole URL."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            text = f"its certificate is invalid: {error.certificate_error}"
        case aiohttp.ClientConnectorDNSError():
            text = f"{error.host} cannot be resolved"
        case aiohttp.ClientConnectorError():
            text = f"{error.host}:{error.port} does not accept the connection: {error.os_error.strerror or ''}"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | aiohttp.ClientPayloadError():
            text = "the connection was closed"
        case _:
            text = f"the response is not HTTP ({type(error).__name__})"
    return redacted(text)
