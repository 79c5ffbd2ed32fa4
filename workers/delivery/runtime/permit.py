"""A permit for one call of a connector, shared by the deliveries of a batch."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ..attempts import DeliveryRequest, Outcome


class Permit:
    """Granted to `holders` deliveries at once; each either takes part in the call or declines.

    The first that takes part makes the call, as soon as the others have decided; when all decline, `unused` is called.
    """

    __slots__ = ("_decided", "_followers", "_make", "_requests", "_undecided", "_unused")

    def __init__(
        self,
        holders: int,
        make: Callable[[Sequence[DeliveryRequest]], Awaitable[Sequence[Outcome]]],
        unused: Callable[[], None],
    ) -> None:
        self._undecided = holders
        self._make = make
        self._unused = unused
        self._requests: list[DeliveryRequest] = []
        self._followers: list[asyncio.Future[Outcome]] = []
        self._decided: asyncio.Event | None = None

    def decline(self) -> None:
        """Take no part: the delivery is not to be attempted any more."""
        self._decide()
        if not self._undecided and not self._requests:
            self._unused()

    async def call(self, request: DeliveryRequest) -> Outcome:
        """Take part. Returns the outcome of this request.

        Raises:
            Exception: a bug of the connector; it ends the process.
        """
        self._requests.append(request)
        self._decide()
        if len(self._requests) == 1:
            return await self._lead()
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._followers.append(outcome)
        return await outcome

    def _decide(self) -> None:
        self._undecided -= 1
        if not self._undecided and self._decided is not None:
            self._decided.set()

    async def _lead(self) -> Outcome:
        try:
            first, *others = await self._outcomes()
            for follower, outcome in zip(self._followers, others, strict=True):
                if not follower.done():  # its task was cancelled
                    follower.set_result(outcome)
            return first
        finally:
            for follower in self._followers:
                follower.cancel()  # has no effect where there is an outcome

    async def _outcomes(self) -> Sequence[Outcome]:
        if self._undecided:
            self._decided = asyncio.Event()
            try:
                await self._decided.wait()
            except asyncio.CancelledError:
                self._unused()
                raise
        return await self._make(self._requests)
