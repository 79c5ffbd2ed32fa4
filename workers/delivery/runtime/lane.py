"""One endpoint in one worker: a short queue, and as many calls at a time as the endpoint takes.

What cannot be sent soon does not stay here: it goes back to the desk, which lets it wait in Kafka. So an endpoint that
hangs, throttles or is down holds up nothing but itself.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from ..attempts import Connector, DeliveryRequest, Gone, Outcome, Retry
from ..core.breaker import Breaker, Circuit
from ..core.partition import Item
from ..limits.limiter import Allowance, Grant, Limiter

TOKEN_PATIENCE = 0.25
"""Seconds that a parcel waits in memory for its turn by the rate."""
SLOT_PATIENCE = 1.0
"""Seconds that a parcel waits in memory for a call to end."""
LONGEST_BLOCK = 600.0
SPARE = 512
"""What may come at once, on top of what keeps a lane busy: two batches of the intake."""
_GLANCE = 0.05


class Desk(Protocol):
    """Who gives a lane its parcels and takes them back."""

    def still_goes(self, item: Item) -> bool:
        """Whether it is still to be tried; if not, the desk has seen to it."""
        ...

    def crowded_out(self, item: Item, wait: float, why: str) -> None:
        """It cannot be sent within `wait` seconds."""
        ...

    async def tried(self, batch: Sequence[Item], outcomes: Sequence[Outcome], seconds: float) -> None: ...

    def spawn(self, work: Coroutine[None, None, None], items: Sequence[Item]) -> None:
        """Run it; what it raises ends the process."""
        ...

    def may_send(self) -> bool:
        """Whether this worker is sure that its partitions are still its own."""
        ...


@dataclass(eq=False)
class Lane:
    """`share`: our part of the rate, as long as nobody says otherwise."""

    connector: Connector
    allowance: Allowance
    limiter: Limiter
    breaker: Breaker
    desk: Desk
    batch_seconds: float
    share: Callable[[], float]
    clock: Callable[[], float] = monotonic
    in_flight: int = 0
    _blocked_until: float = 0.0

    def __post_init__(self) -> None:
        self._queue: deque[Item] = deque()
        self._wake = asyncio.Event()

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def circuit(self) -> Circuit:
        """Open also where it is half open and all probes are on their way."""
        now = self.clock()
        return Circuit.OPEN if self.breaker.room(now) == 0 else self.breaker.state(now)

    def offer(self, item: Item) -> float | None:
        """Queue it. Where there is no room: the seconds until there may be."""
        now = self.clock()
        if self._blocked_until - now > TOKEN_PATIENCE:
            return self._blocked_until - now
        if len(self._queue) >= self._room:
            return 0.0
        item.queued_at = now
        self._queue.append(item)
        self._wake.set()
        return None

    @property
    def is_crowded(self) -> bool:
        """Whether more would only be put aside: enough queues, or the limit gives nothing for now."""
        if self._blocked_until - self.clock() > TOKEN_PATIENCE:
            return True
        return len(self._queue) >= min(self._at_once * 2, self._room / 2)

    @property
    def _at_once(self) -> int:
        return self.allowance.concurrency * self.connector.batch_size

    @property
    def most_held(self) -> int:
        """How many parcels may queue and be under way, at the most."""
        return self._at_once + int(self._room_with(1.0))

    @property
    def _room(self) -> float:
        return self._room_with(self.share())

    def _room_with(self, share: float) -> float:
        """What may queue: no more than the rate lets through in the time that a parcel may wait here."""
        in_time = self.allowance.per_second * share * self.connector.batch_size * SLOT_PATIENCE
        return self._at_once + min(self._at_once + SPARE, in_time)

    def drop_all(self) -> None:
        """Forget what queues: its partitions are another's."""
        self._queue.clear()

    async def run(self) -> None:
        """Send what queues, for ever."""
        while True:
            await self._woken(None if not self._queue else self._glance())
            while self._queue:
                if not await self._step():
                    break

    async def _step(self) -> bool:
        """Whether anything was begun, or there is reason to look again at once."""
        if self.circuit is Circuit.OPEN:
            self._send_back(0.0, "circuit_open", self._all())
            return False
        batches = min(self._ripe(), self._free())
        if batches <= 0 or not self.desk.may_send():
            self._send_back(0.0, "busy", self._older_than(SLOT_PATIENCE + self.batch_seconds))
            return False
        blocked = self._blocked_until - self.clock()
        if blocked > 0:
            return await self._in_vain(Grant((), blocked, "blocked"))
        grant = await self.limiter.acquire(self.allowance, batches)
        if not self.desk.may_send():  # this worker was stopped while it waited for the answer
            for lease in grant.leases:
                self.limiter.release(self.allowance, lease)
            return False
        for lease in grant.leases:
            self._begin(lease)
        return bool(grant.leases) or await self._in_vain(grant)

    async def _in_vain(self, grant: Grant) -> bool:
        if grant.why == "concurrency":
            self._send_back(0.0, "busy", self._older_than(SLOT_PATIENCE + self.batch_seconds))
            return False
        self._blocked_until = self.clock() + grant.wait
        if grant.wait > TOKEN_PATIENCE:
            self._send_back(grant.wait, "rate", self._all())
            return False
        await asyncio.sleep(grant.wait)
        return True

    def _free(self) -> int:
        free = self.allowance.concurrency - self.in_flight
        probes = self.breaker.room(self.clock())
        return free if probes is None else min(free, probes)

    def _ripe(self) -> int:
        """Batches that are full, or as old as a batch gets."""
        full, rest = divmod(len(self._queue), self.connector.batch_size)
        return full + (rest > 0 and self._queue[-rest].queued_at <= self.clock() - self.batch_seconds)

    def _begin(self, lease: str) -> None:
        batch = [item for item in self._next_batch() if self.desk.still_goes(item)]
        if not batch:
            self.limiter.release(self.allowance, lease)
            return
        self.in_flight += 1
        self.breaker.begun(self.clock())
        self.desk.spawn(self._try(batch, lease), batch)

    def _next_batch(self) -> list[Item]:
        return [self._queue.popleft() for _ in range(min(self.connector.batch_size, len(self._queue)))]

    async def _try(self, batch: Sequence[Item], lease: str) -> None:
        started = self.clock()
        outcomes: Sequence[Outcome] = ()
        try:
            outcomes = await self.connector.deliver([_parcel(item) for item in batch])
        finally:
            self.in_flight -= 1
            self.limiter.release(self.allowance, lease)
            self.breaker.ended(self.clock(), _is_success(outcomes))
            self._wake.set()
        self._heed(outcomes)
        await self.desk.tried(batch, outcomes, self.clock() - started)

    def _heed(self, outcomes: Sequence[Outcome]) -> None:
        """An endpoint that has no capacity is left alone, by all workers."""
        for outcome in outcomes:
            if isinstance(outcome, Retry) and outcome.throttled:
                seconds = min(outcome.after_seconds or 1.0, LONGEST_BLOCK)
                self._blocked_until = max(self._blocked_until, self.clock() + seconds)
                self.limiter.block(self.allowance, seconds)
                return

    def _send_back(self, wait: float, why: str, items: Sequence[Item]) -> None:
        for item in items:
            self.desk.crowded_out(item, wait, why)

    def _all(self) -> list[Item]:
        return self._older_than(-1.0)

    def _older_than(self, seconds: float) -> list[Item]:
        limit = self.clock() - seconds
        return list(_taken(self._queue, limit))

    def _glance(self) -> float:
        return min(self.batch_seconds or _GLANCE, _GLANCE)

    async def _woken(self, within: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._wake.wait()
        self._wake.clear()


def _taken(group: deque[Item], limit: float) -> Iterator[Item]:
    while group and group[0].queued_at <= limit:
        yield group.popleft()


def _parcel(item: Item) -> DeliveryRequest:
    pending = item.pending
    return DeliveryRequest(pending.event, pending.message_id, pending.note.attempts + 1, pending.traceparent)


def _is_success(outcomes: Sequence[Outcome]) -> bool | None:
    """Whether the endpoint works: an answer of any use says so; to be throttled or told off says nothing."""
    if not outcomes:
        return None
    if any(not isinstance(outcome, Retry | Gone) for outcome in outcomes):
        return True
    failures = [outcome for outcome in outcomes if isinstance(outcome, Retry) and not outcome.throttled]
    return False if len(failures) == len(outcomes) else None
