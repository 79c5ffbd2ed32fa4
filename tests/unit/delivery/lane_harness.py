"""A running lane with a fake connector, a fake limiter and a clock that tests set, and deliveries that queue in it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.unit.delivery.builders import a_delivery
from workers.delivery.attempts import Accepted, DeliveryRequest, Outcome
from workers.delivery.core.breaker import Breaker, BreakerRule
from workers.delivery.events import id_of
from workers.delivery.limits.limiter import Allowance, Grant
from workers.delivery.runtime.lane import Lane, NoCapacity

ALLOWANCE = Allowance("nurture", per_second=1_000, burst=100, concurrency=2)


@dataclass
class FakeConnector:
    """Responds with `outcomes`, by recycle_id, otherwise with Accepted; while it `hangs`, not at all."""

    batch_size: int = 1
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    hangs: bool = False
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.released = asyncio.Event()

    async def deliver(self, requests: Sequence[DeliveryRequest]) -> Sequence[Outcome]:
        self.calls.append([id_of(request.event) for request in requests])
        if self.hangs:
            await self.released.wait()
        if self.error:
            raise self.error
        return [self.outcomes.get(id_of(request.event), Accepted(200)) for request in requests]

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class FakeLimiter:
    """Grants what is requested, or returns `refusal` each time; `on_request` is called with every request."""

    refusal: Grant | None = None
    on_request: Callable[[], None] = lambda: None
    leases: list[str] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)

    async def acquire(self, allowance: Allowance, want: int) -> Grant:
        del allowance
        self.on_request()
        if self.refusal is not None:
            return self.refusal
        granted = tuple(f"lease{len(self.leases) + number}" for number in range(want))
        self.leases += granted
        return Grant(granted)

    def release(self, allowance: Allowance, lease: str) -> None:
        del allowance
        self.leases.remove(lease)

    def block(self, allowance: Allowance, seconds: float) -> None:
        del allowance
        self.blocks.append(seconds)


class CountingLane(Lane):
    """A lane that counts how often it has checked its queue."""

    checks = 0

    async def _woken(self, within: float | None) -> None:
        self.checks += 1
        await super()._woken(within)


class LaneHarness:
    """A lane, and deliveries that queue for a permit.

    `declining`: the deliveries that decline theirs. `rejected`: those that got none, with the wait and the reason.
    """

    def __init__(self, connector: FakeConnector, limiter: FakeLimiter | None = None, seconds: float = 0.0) -> None:
        self.now = 1_000.0
        self.connector, self.limiter = connector, limiter or FakeLimiter()
        self.declining: set[str] = set()
        self.is_member = True
        self.rejected: list[tuple[str, float, str]] = []
        self.outcomes: dict[str, Outcome] = {}
        self.errors: list[BaseException] = []
        self.attempted: list[int] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.lane = CountingLane(
            connector=connector,
            allowance=ALLOWANCE,
            limiter=self.limiter,
            breaker=Breaker(BreakerRule(at_least=4, open_for=30.0)),
            batch_seconds=seconds,
            share=lambda: 1.0,
            may_send=lambda: self.is_member,
            attempted=lambda requests, _: self.attempted.append(len(requests)),
            clock=lambda: self.now,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.get_running_loop().create_task(self.lane.run())
        yield
        self.cancel()
        task.cancel()
        await asyncio.wait([task, *self._tasks])

    async def queue(self, *numbers: int) -> None:
        """Start these deliveries; each has requested its permit when this returns."""
        self._tasks += [asyncio.get_running_loop().create_task(self._deliver(number)) for number in numbers]
        await asyncio.sleep(0)

    async def checked(self) -> None:
        """Let the lane check its queue ten more times, in which all that follows from the first check happens."""
        enough = self.lane.checks + 10
        while self.lane.checks < enough:
            self.lane._wake.set()  # noqa: SLF001  otherwise it waits for its own timer
            await asyncio.sleep(0)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _deliver(self, number: int) -> None:
        delivery = a_delivery(event={"recycle_id": f"r{number}"})
        name, permit = id_of(delivery.event), await self.lane.acquire()
        if isinstance(permit, NoCapacity):
            self.rejected.append((name, permit.wait, permit.why))
        elif name in self.declining:
            permit.decline()
        else:
            try:
                self.outcomes[name] = await permit.call(DeliveryRequest(delivery.event, delivery.message_id, 1))
            except RuntimeError as error:
                self.errors.append(error)


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition that follows from what is under way in the event loop."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  what is waited for is no event
            await asyncio.sleep(0.005)
