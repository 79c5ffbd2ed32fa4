"""Limits failed sign-ins by the address of the client."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from workers.http.problems import retry_later

TRIES = 5
PAUSE_SECONDS = 60.0
MOST_CLIENTS = 10_000


class AttemptsLimit:
    """After TRIES failures within a pause, a client has to wait for the rest of it, with a valid key too."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, host: str) -> None:
        """Raises Problem, 429, while the client has to wait."""
        failures, ends = self._of(host)
        if failures >= TRIES:
            wait = ends - self._clock()
            raise retry_later("rate-limited", f"too many failed sign-ins: try again in {wait:.0f} seconds", wait)

    def fail(self, host: str) -> int:
        """Count a failure; returns how many tries are left."""
        failures, ends = self._of(host)
        client = _client(host)
        self._failed[client] = failures + 1, ends or self._clock() + PAUSE_SECONDS
        self._failed.move_to_end(client)
        while len(self._failed) > MOST_CLIENTS:
            self._failed.popitem(last=False)
        return max(0, TRIES - failures - 1)

    def succeed(self, host: str) -> None:
        """Forget the failures of a client."""
        self._failed.pop(_client(host), None)

    def _of(self, host: str) -> tuple[int, float]:
        failures, ends = self._failed.get(_client(host), (0, 0.0))
        return (failures, ends) if ends > self._clock() else (0, 0.0)


def _client(host: str) -> str:
    """The address; of IPv6 the network of 64 bits, which belongs to one client."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else host
