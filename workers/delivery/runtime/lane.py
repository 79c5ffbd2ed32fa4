"""The lane of one endpoint in one worker: a short queue, and as many calls at a time as the endpoint allows.

A delivery stays in the queue for about a second at most. Without a permit by then it goes to a waiting topic in Kafka,
so an endpoint that hangs, throttles or is down holds up nothing but itself.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic

from ..attempts import Connector, DeliveryRequest, Gone, Outcome, Retry
from ..core.breaker import Breaker, Circuit
from ..limits.limiter import Allowance, Grant, Limiter
from .permit import Permit

TOKEN_PATIENCE = 0.25
"""Seconds that a delivery waits in memory for its turn by the rate."""
SLOT_PATIENCE = 1.0
"""Seconds that a delivery waits in memory for a call to end."""
LONGEST_BLOCK = 600.0
SPARE = 512
"""What may be consumed at once, on top of what keeps a lane busy: two batches of the source."""
_CHECK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class NoCapacity:
    """A delivery cannot be attempted now. `wait`: seconds until there may be capacity, 0 where that is not known.

    `why` is "busy", "rate", "circuit_open", or "released" when the partitions belong to another worker.
    """

    wait: float
    why: str


@dataclass(slots=True, eq=False)
class _Queued:
    """`since`: on the clock of the lane."""

    since: float
    answer: asyncio.Future[Permit | NoCapacity]


@dataclass(eq=False)
class Lane:
    """`share` returns this worker's part of the rate. `may_send`: whether the worker surely owns its partitions still.

    `attempted` receives, after each call, the requests that were in it and its duration in seconds.
    """

    connector: Connector
    allowance: Allowance
    limiter: Limiter
    breaker: Breaker
    batch_seconds: float
    share: Callable[[], float]
    may_send: Callable[[], bool]
    attempted: Callable[[Sequence[DeliveryRequest], float], None]
    clock: Callable[[], float] = monotonic
    in_flight: int = 0

    def __post_init__(self) -> None:
        self._blocked_until = 0.0
        self._next_turn = 0.0
        self._queue: deque[_Queued] = deque()
        self._wake = asyncio.Event()

    async def acquire(self) -> Permit | NoCapacity:
        """Queue for a permit; it must be used, or declined."""
        now = self.clock()
        if self._blocked_until - now > TOKEN_PATIENCE:
            return NoCapacity(self._blocked_until - now, "rate")
        if len(self._queue) >= self._capacity:
            return NoCapacity(0.0, "busy")
        queued = _Queued(now, asyncio.get_running_loop().create_future())
        self._queue.append(queued)
        self._wake.set()
        try:
            return await queued.answer
        except asyncio.CancelledError:
            if not queued.answer.cancelled() and isinstance(permit := queued.answer.result(), Permit):
                permit.decline()
            raise

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def circuit(self) -> Circuit:
        """Open also where it is half open and all probes are on their way."""
        now = self.clock()
        return Circuit.OPEN if self.breaker.capacity(now) == 0 else self.breaker.state(now)

    @property
    def is_crowded(self) -> bool:
        """Whether more would only be sent to the waiting topics: enough queues, or the limit gives nothing for now."""
        if self._blocked_until - self.clock() > TOKEN_PATIENCE:
            return True
        return len(self._queue) >= min(self._at_once * 2, self._capacity / 2)

    @property
    def _at_once(self) -> int:
        return self.allowance.concurrency * self.connector.batch_size

    @property
    def max_held(self) -> int:
        """How many deliveries may queue and be in flight, at the most."""
        return self._at_once + int(self._capacity_with(1.0))

    @property
    def _capacity(self) -> float:
        return self._capacity_with(self.share())

    def _capacity_with(self, share: float) -> float:
        """What may queue: no more than the rate lets through in the time that a delivery may wait here."""
        in_time = self.allowance.per_second * share * self.connector.batch_size * SLOT_PATIENCE
        return self._at_once + min(self._at_once + SPARE, in_time)

    def turn_at(self, earliest: int) -> int:
        """Return when the rate lets the next waiting delivery through, epoch ms: one after the other, by our share."""
        per_ms = self.allowance.per_second * max(self.share(), 0.001) / 1000
        self._next_turn = max(self._next_turn, earliest) + 1 / (per_ms * self.connector.batch_size)
        return int(self._next_turn)

    def forget_turns(self) -> None:
        """What was given a turn is not let through on it: the next one is the next."""
        self._next_turn = 0.0

    def clear(self) -> None:
        """Send away what queues: the partitions belong to another worker now."""
        self._send_away(0.0, "released", self._all())

    async def run(self) -> None:
        """Grant permits, for ever."""
        while True:
            await self._woken(None if not self._queue else self._check_after())
            while self._queue:
                if not await self._step():
                    break

    async def _step(self) -> bool:
        """Return whether anything was granted, or there is reason to check again at once."""
        if self.circuit is Circuit.OPEN:
            self._send_away(0.0, "circuit_open", self._all())
            return False
        batches = min(self._ripe(), self._free())
        if batches <= 0 or not self.may_send():
            self._send_away(0.0, "busy", self._older_than(SLOT_PATIENCE + self.batch_seconds))
            return False
        blocked = self._blocked_until - self.clock()
        if blocked > 0:
            return await self._in_vain(Grant((), blocked, "blocked"))
        grant = await self.limiter.acquire(self.allowance, batches)
        if not self.may_send():  # this worker was stopped while it waited for the answer
            for lease in grant.leases:
                self.limiter.release(self.allowance, lease)
            return False
        for lease in grant.leases:
            self._grant(lease)
        return bool(grant.leases) or await self._in_vain(grant)

    async def _in_vain(self, grant: Grant) -> bool:
        if grant.why == "concurrency":
            self._send_away(0.0, "busy", self._older_than(SLOT_PATIENCE + self.batch_seconds))
            return False
        self._blocked_until = self.clock() + grant.wait
        if grant.wait > TOKEN_PATIENCE:
            self._send_away(grant.wait, "rate", self._all())
            return False
        await asyncio.sleep(grant.wait)
        return True

    def _free(self) -> int:
        free = self.allowance.concurrency - self.in_flight
        probes = self.breaker.capacity(self.clock())
        return free if probes is None else min(free, probes)

    def _ripe(self) -> int:
        """Batches that are full, or as old as a batch gets."""
        full, rest = divmod(len(self._queue), self.connector.batch_size)
        return full + (rest > 0 and self._queue[-rest].since <= self.clock() - self.batch_seconds)

    def _grant(self, lease: str) -> None:
        """Give the next batch a permit. Its slot and its lease are taken until the call ends, or nobody wants it."""
        batch = [self._queue.popleft() for _ in range(min(self.connector.batch_size, len(self._queue)))]
        batch = [queued for queued in batch if not queued.answer.done()]
        if not batch:
            self.limiter.release(self.allowance, lease)
            return
        self.in_flight += 1
        self.breaker.begun(self.clock())
        permit = Permit(len(batch), partial(self._call, lease), partial(self._ended, lease, None))
        for queued in batch:
            queued.answer.set_result(permit)

    async def _call(self, lease: str, requests: Sequence[DeliveryRequest]) -> Sequence[Outcome]:
        started = self.clock()
        outcomes: Sequence[Outcome] = ()
        try:
            outcomes = await self.connector.deliver(requests)
        finally:
            self._ended(lease, _is_success(outcomes))
        self._heed(outcomes)
        self.attempted(requests, self.clock() - started)
        if len(outcomes) != len(requests):
            raise RuntimeError(f"{self.allowance.name}: {len(requests)} deliveries have {len(outcomes)} outcomes")
        return outcomes

    def _ended(self, lease: str, is_success: bool | None) -> None:
        self.in_flight -= 1
        self.limiter.release(self.allowance, lease)
        self.breaker.ended(self.clock(), is_success)
        self._wake.set()

    def _heed(self, outcomes: Sequence[Outcome]) -> None:
        """Leave an endpoint alone that has no capacity (429), in all workers."""
        for outcome in outcomes:
            if isinstance(outcome, Retry) and outcome.throttled:
                seconds = min(outcome.after_seconds or 1.0, LONGEST_BLOCK)
                self._blocked_until = max(self._blocked_until, self.clock() + seconds)
                self.limiter.block(self.allowance, seconds)
                return

    def _send_away(self, wait: float, why: str, waiting: Sequence[_Queued]) -> None:
        for queued in waiting:
            if not queued.answer.done():
                queued.answer.set_result(NoCapacity(wait, why))

    def _all(self) -> list[_Queued]:
        waiting = list(self._queue)
        self._queue.clear()
        return waiting

    def _older_than(self, seconds: float) -> list[_Queued]:
        return list(_taken(self._queue, self.clock() - seconds))

    def _check_after(self) -> float:
        return min(self.batch_seconds or _CHECK_SECONDS, _CHECK_SECONDS)

    async def _woken(self, within: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._wake.wait()
        self._wake.clear()


def _taken(queue: deque[_Queued], limit: float) -> Iterator[_Queued]:
    while queue and queue[0].since <= limit:
        yield queue.popleft()


def _is_success(outcomes: Sequence[Outcome]) -> bool | None:
    """Whether the endpoint works: any useful answer says so; being throttled (429) or unwanted (410) says nothing."""
    if not outcomes:
        return None
    if any(not isinstance(outcome, Retry | Gone) for outcome in outcomes):
        return True
    failures = [outcome for outcome in outcomes if isinstance(outcome, Retry) and not outcome.throttled]
    return False if len(failures) == len(outcomes) else None
