"""Who an authenticating proxy says a reader is: in a header, which is believed from the proxy's own addresses only.

The address is that of the connection. What headers such as X-Forwarded-For say about it is never considered.
"""

from contextlib import suppress
from ipaddress import IPv6Address, ip_address

from starlette.requests import HTTPConnection

from streams.runtime.page_settings import ProxySettings
from workers.http.problems import Problem

from .reader import Groups, PageReader

MOST_CHARACTERS = 200


class ProxyIdentity:
    """Reads the headers of a proxy."""

    def __init__(self, settings: ProxySettings, groups: Groups) -> None:
        self._settings = settings
        self._groups = groups

    def reader(self, connection: HTTPConnection) -> PageReader | None:
        """Whom the proxy names; None if the request has no such header, or does not come from the proxy.

        Raises:
            Problem: 403, none of their groups may see the page; 400, the header is there twice.
        """
        if not self.is_from_proxy(connection):
            return None
        name = _only(connection, self._settings.user_header)
        if not name:
            return None
        header = self._settings.groups_header
        groups = [one.strip() for one in _only(connection, header).split(",")] if header else []
        return PageReader(name, self._groups.role(name, groups), "proxy", f"proxy {name}")

    def is_from_proxy(self, connection: HTTPConnection) -> bool:
        """Whether the other end of the connection is in one of the networks."""
        try:
            address = ip_address(connection.client.host if connection.client else "")
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._settings.networks)


def _only(connection: HTTPConnection, header: str) -> str:
    values = connection.headers.getlist(header)
    if len(values) > 1:  # a proxy that adds its header to one that the client sent
        raise Problem("malformed", f"the header {header} is there more than once: the proxy has to replace it")
    text = values[0].strip() if values else ""
    with suppress(UnicodeError):  # its sender wrote latin-1
        text = text.encode("latin-1").decode()
    return text if text.isprintable() and len(text) <= MOST_CHARACTERS else ""
