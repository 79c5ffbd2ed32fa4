"""Opens a TCP connection to a host that a user configured: vetted like those of HTTP, for other protocols."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address

from .addresses import ForbiddenAddress, Network, denial_reason_of_any

_IPV4 = 4


async def connected(
    host: str, port: int, resolve: Callable[[str], Awaitable[list[str]]], allowed: Iterable[Network]
) -> socket.socket:
    """Connect to the first address that answers. A host that is an IP address needs no lookup.

    Raises:
        ForbiddenAddress: One of its addresses must not be dialled.
        OSError: It cannot be resolved, or no address accepts the connection.
    """
    addresses = [host] if _is_address(host) else await resolve(host)
    if reason := denial_reason_of_any(addresses, allowed):
        raise ForbiddenAddress(f"{host} must not be dialled: {reason}")
    error = OSError(f"{host} has no address")
    for address in addresses:
        try:
            return await _connected(address, port)
        except OSError as refused:
            error = refused
    raise error


async def _connected(address: str, port: int) -> socket.socket:
    family = socket.AF_INET if ip_address(address).version == _IPV4 else socket.AF_INET6
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, (address, port))
    except BaseException:
        opened.close()
        raise
    return opened


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
