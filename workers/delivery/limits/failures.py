"""The failures of an endpoint over all workers, counted in Redis."""

from typing import NamedTuple

from ..core.health import Tally
from .shared import RedisScripts

AGAIN_MS = 3_600_000
"""After so long operators are notified again of deliveries that were given up."""


class NotifiedFailures(NamedTuple):
    """Of what operators were notified: `level` percent of failures since `since`; `given_up` since `given_up_since`."""

    since: int = 0
    level: int = 0
    given_up_since: int = 0
    given_up: int = 0


class SharedFailures(NamedTuple):
    """How the endpoint does. Instants are epoch ms.

    `failures` in a row since `since`, of which operators were notified at `notified` percent. `over`: how many failures
    have just ended of which operators were notified, and which had begun at `over_since`. `given_up`: of how many
    deliveries they are to be notified now, the first of them at `given_up_since`.
    """

    failures: int
    since: int
    notified: int
    over: int
    over_since: int
    given_up: int
    given_up_since: int


class FailureCounts:
    """Of all endpoints. Raises one of AWAY where Redis does not answer."""

    def __init__(self, scripts: RedisScripts, prefix: str) -> None:
        self._scripts = scripts
        self._prefix = prefix

    async def report(
        self, endpoint: str, seen: Tally, notified: NotifiedFailures, *, now: int, resumed_at: int
    ) -> SharedFailures:
        """Report what this worker has seen and has notified operators of, and return how the endpoint does.

        Args:
            endpoint: Its name.
            seen: Since the last report.
            notified: Since the last report.
            now: epoch ms.
            resumed_at: When an operator resumed it; failures before do not count.
        """
        counts = (int(seen.has_worked), seen.failures, seen.streak, seen.since, seen.given_up)
        arguments = [now, *counts, *notified, resumed_at, AGAIN_MS]
        answer = await self._scripts.failures(f"{self._prefix}:{{{endpoint}}}:failures", [*map(str, arguments)])
        return SharedFailures(*map(int, answer))
