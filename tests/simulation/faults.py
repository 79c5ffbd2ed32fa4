"""The faults of one run: which kinds occur, how often, and the task that causes them."""

from __future__ import annotations

import asyncio
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiokafka.structs import TopicPartition

from .broker import NODES
from .cluster import CHANGELOG

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from .cluster import Cluster
    from .loop import Host
    from .worker import Worker

KINDS = ("crash", "pause", "starve", "clock", "partition", "outage", "stop", "compact", "suspend", "replace")


class Workers(Protocol):
    """Who can be hit."""

    def running(self) -> list[Worker]: ...
    def crash(self, worker: Worker) -> None: ...
    def replace(self, worker: Worker) -> None: ...
    def end_replaced(self) -> None: ...


@dataclass(frozen=True)
class Plan:
    """What happens in one run: a random half of the kinds, since some errors need another fault to be absent."""

    kinds: tuple[str, ...]
    every: float
    reset: float
    late: float
    slow: float
    crash: float
    hold: float
    former: float

    @classmethod
    def draw(cls, random: Random) -> Plan:
        kinds = tuple(kind for kind in KINDS if random.random() < 0.55)
        return cls(
            kinds,
            every=random.choice([2.0, 4.0, 8.0]),
            reset=random.choice([0.0, 0.01, 0.05, 0.15]),
            late=random.choice([0.0, 0.3]),
            slow=random.choice([0.0, 0.02, 0.1]),
            crash=random.choice([0.0, 0.005, 0.03]),
            hold=random.choice([0.0, 0.0, 0.005, 0.02]),
            former=random.choice([0.0, 0.0, 0.2]),
        )

    @classmethod
    def of(cls, kinds: tuple[str, ...]) -> Plan:
        """Only these kinds, often, on a network without faults."""
        return cls(kinds, every=2.0, reset=0.0, late=0.0, slow=0.0, crash=0.0, hold=0.0, former=0.0)


class Faults:
    """Causes faults until it is told to stop; then everything heals."""

    def __init__(self, plan: Plan, cluster: Cluster, workers: Workers, random: Random) -> None:
        self._plan = plan
        self._cluster = cluster
        self._workers = workers
        self._random = random
        self._is_on = True

    async def run(self) -> None:
        rates, plan = self._cluster.network.rates, self._plan
        rates.reset, rates.late, rates.slow = plan.reset, plan.late, plan.slow
        rates.crash, rates.hold, rates.former = plan.crash, plan.hold, plan.former
        self._cluster.network.on_crash = self._crash_by_host
        self._cluster.network.on_hold = self._hold
        while self._is_on and plan.kinds:
            await asyncio.sleep(self._random.expovariate(1 / plan.every))
            running = self._workers.running()
            if self._is_on and running:
                await self._one(self._random.choice(plan.kinds), self._random.choice(running))

    def stop(self) -> None:
        """End all faults that would last, except for workers that are paused: their pause ends by itself."""
        self._is_on = False
        network = self._cluster.network
        network.rates.__init__()  # type: ignore[misc]  # all 0
        network.blocked.clear()
        network.down.clear()
        for worker in self._workers.running():  # a clock behind would delay what is due until long after the end
            worker.host.wall_offset = max(0.0, worker.host.wall_offset)

    def _hold(self, host: Host) -> float:
        """A produce request does not leave yet: its sender stands still, is cut off, or has ended meanwhile."""
        seconds = self._cluster.settings.session * (0.3 + 2 * self._random.random())
        self._count("produce request held in its socket")
        match self._random.randrange(3):
            case 0:
                self._halt(host, seconds)
            case 1:
                self._cut_off(host, range(NODES), seconds)
            case _:
                self._cluster.loop.call_soon(self._crash_by_host, host, context=Context())
        return seconds

    def _crash_by_host(self, host: Host) -> None:
        for worker in self._workers.running():
            if worker.host is host:
                self._workers.crash(worker)

    async def _one(self, kind: str, worker: Worker) -> None:
        getattr(self, f"_{kind}")(worker)

    # -- kinds ---------------------------------------------------------------------------------

    def _crash(self, worker: Worker) -> None:
        self._count("crash")
        self._workers.crash(worker)

    def _stop(self, worker: Worker) -> None:
        worker.stop()

    def _replace(self, worker: Worker) -> None:
        self._count("replaced while it goes on")
        if self._random.random() < 0.7:
            self._pause(worker)
        self._workers.replace(worker)
        self._cluster.loop.call_later(30 * self._random.random(), self._workers.end_replaced, context=Context())

    def _pause(self, worker: Worker) -> None:
        if seconds := self._some_time(worker, "pause"):
            self._halt(worker.host, seconds)

    def _suspend(self, worker: Worker) -> None:
        if seconds := self._some_time(worker, "suspended with its clock"):
            self._halt(worker.host, seconds, is_counted=False)

    def _some_time(self, worker: Worker, name: str) -> float:
        if worker.host.is_paused:
            return 0.0
        seconds = self._random.choice([1.0, 8.0, 15.0, 30.0]) * self._random.random()
        self._count(name + (" beyond a session" if seconds > self._cluster.settings.session else ""))
        return seconds

    def _halt(self, host: Host, seconds: float, *, is_counted: bool = True) -> None:
        host.is_paused = True

        def go_on() -> None:
            host.is_paused = False
            if not is_counted and not host.is_dead:
                self._cluster.loop.suspend(host, seconds)

        self._cluster.loop.call_later(seconds, go_on, context=Context())

    def _starve(self, worker: Worker) -> None:
        host = worker.host
        self._count("starved")
        host.step_cost = self._random.choice([0.01, 0.05, 0.3])

        def recover() -> None:
            host.step_cost = 0.0

        self._cluster.loop.call_later(15 * self._random.random(), recover)

    def _clock(self, worker: Worker) -> None:
        jump = self._random.choice([-60.0, -5.0, -0.5, 0.5, 5.0, 60.0, 3600.0]) * self._random.random()
        self._count("clock set back" if jump < 0 else "clock set ahead")
        worker.host.wall_offset = jump

    def _partition(self, worker: Worker) -> None:
        self._count("network partition")
        nodes = [self._random.randrange(NODES)] if self._random.random() < 0.7 else range(NODES)
        self._cut_off(worker.host, nodes, 20 * self._random.random())

    def _cut_off(self, host: Host, nodes: Iterable[int], seconds: float) -> None:
        for node in nodes:
            self._cluster.network.blocked[host.name, node] = self._cluster.loop.now + seconds

    def _outage(self, worker: Worker) -> None:
        del worker
        self._count("broker node down")
        self._cluster.network.down[self._random.randrange(NODES)] = self._cluster.loop.now + 8 * self._random.random()

    def _compact(self, worker: Worker) -> None:
        del worker
        broker = self._cluster.broker
        tp = TopicPartition(CHANGELOG, self._random.randrange(broker.partitions))
        broker.compact(tp, self._random.randint(0, broker.logs[tp].end))

    def _count(self, name: str) -> None:
        self._cluster.happened[name] += 1
