"""One run: random histories, workers, faults until a quiet end, and the verdict."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING
from unittest import mock

from aiokafka.structs import TopicPartition

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import Heartbeat
from schemas.topics import INPUTS, TOPIC_OF, partition_of
from streams.engine import MemoryStore, fencing, partition
from streams.runtime.settings import KafkaSettings, StreamsSettings

from .clocks import clocks_of
from .cluster import Cluster, Settings
from .faults import Faults, Plan
from .histories import END, Scale, draw_histories, draw_policy, order
from .loop import SimulatedLoop
from .verdict import Verdict, Violation
from .worker import Worker

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from schemas.events import FactRecord
    from streams.engine import Store

    from .clocks import HostTime

WALL = 1_846_400_000.0  # the true time at which runs begin: long after every event time of an imported history
PUBLISHED_WITHIN = 40.0  # seconds
FAULTS_WITHIN = 55.0
QUIET_WITHIN = 600.0
LIVE_UNIT_MS = 100
CODEC = Codec(Catalogue.bundled())


@dataclass
class Result:
    """What a run was like; `violation` says what is wrong, None if nothing is."""

    seed: int
    violation: str | None
    happened: Counter[str]
    seconds: float
    steps: int
    digest: str


class Disk(MemoryStore):
    """A local store that outlives its process."""

    def close(self) -> None:
        """What is written stays."""


class Slot:
    """A place for one worker, where an orchestrator starts it again."""

    def __init__(self, name: str, *, has_disk: bool) -> None:
        self.name = name
        self.has_disk = has_disk
        self.worker: Worker | None = None
        self.starts = 0
        self.disk: dict[int, Store] = {}

    def stores(self) -> Callable[[int], Store]:
        """What gives a process its stores."""
        disk = self.disk

        def store(number: int) -> Store:
            return disk.setdefault(number, Disk(number)) if self.has_disk else MemoryStore(number)

        return store


class World:
    """All that one seed decides."""

    def __init__(self, seed: int, only: tuple[str, ...] = (), *, is_fenced: bool = True) -> None:
        self.random = Random(f"{seed}")
        self.loop = SimulatedLoop(Random(f"{seed} order"))
        self.is_live = self.random.random() < 0.35
        self.partitions = self.random.randint(1, 3)
        self.settings = Settings(
            delivery=self.random.choice([3.0, 13.0]),
            fetch_records=self.random.choice([3, 20, 200]),
            batch_records=self.random.choice([2, 5, 50]),
        )
        if self.random.random() < 0.3:
            self.settings = replace(self.settings, renew_after=2.0)
        if self.random.random() < 0.3:
            self.settings = replace(self.settings, last_epoch=12, worn_from=2)
        self.scale = Scale(LIVE_UNIT_MS, int(WALL * 1000) + 5_000) if self.is_live else Scale(1)
        self.policy = draw_policy(self.random, self.scale.ms, is_bounded=not self.is_live)
        leads, facts = self.random.randint(1, 8), self.random.choice([3, 8, 12])
        self.facts = draw_histories(self.random, self.scale, leads, facts, is_plain=self.is_live)
        self.plan = Plan.draw(self.random)
        if only:
            self.plan = Plan.of(only)
        self.slots = [Slot(f"w{n}", has_disk=self.random.random() < 0.5) for n in range(self.random.randint(1, 3))]
        self.job = StreamsSettings(
            kafka=KafkaSettings(bootstrap_servers="nowhere:9092"),
            clock="wall" if self.is_live else "events",
            partitions=self.partitions,
            store="memory",
            chunk_records=self.random.choice([1, 3, 10, 500]),
            grace_seconds=self.random.choice([0.2, 1.0, 5.0]),
            tick_seconds=1.0,
        )
        self.is_static = self.random.random() < 0.3
        self.replaced: list[Worker] = []
        self.codec = CODEC
        self.clock: HostTime | None = None
        self.cluster = Cluster(self.loop, Random(f"{seed} network"), self.settings, self.partitions, self.wall)
        self.happened = self.cluster.happened
        self.cluster.is_fenced = is_fenced

    def wall(self) -> float:
        assert self.clock is not None
        return self.clock.time()

    async def run(self) -> None:
        """Play the run.

        Raises:
            Violation: the engine lost or invented something, or did not come to rest.
        """
        feeding = asyncio.create_task(self._feed())
        faults = Faults(self.plan, self.cluster, self, self.random)
        causing = asyncio.create_task(faults.run())
        tending = [asyncio.create_task(self._tend(slot)) for slot in self.slots]
        await asyncio.sleep(FAULTS_WITHIN)
        faults.stop()
        self.end_replaced()
        await asyncio.gather(feeding, causing)
        await self._come_to_rest()
        for task in tending:
            task.cancel()
        Verdict(self).check()

    # -- workers -------------------------------------------------------------------------------

    def running(self) -> list[Worker]:
        return [slot.worker for slot in self.slots if slot.worker is not None and not slot.worker.host.is_dead]

    def crash(self, worker: Worker) -> None:
        self.loop.kill(worker.host)

    def replace(self, worker: Worker) -> None:
        """Start another process in its place, with a disk of its own, while it goes on."""
        for slot in self.slots:
            if slot.worker is worker:
                slot.worker, slot.disk = None, {}
                self.replaced.append(worker)

    def end_replaced(self) -> None:
        """The orchestrator gets hold of them at last."""
        for worker in self.replaced:
            if not worker.host.is_dead:
                self.crash(worker)

    async def _tend(self, slot: Slot) -> None:
        await asyncio.sleep(self.random.random() * 3)
        while True:
            if slot.worker is None or slot.worker.host.is_dead:
                self._start(slot)
            await asyncio.sleep(0.2 + self.random.random() * 2)

    def _start(self, slot: Slot) -> None:
        slot.starts += 1
        if slot.disk and self.random.random() < 0.3:
            self.happened["local state lost"] += 1
            slot.disk = {}
        host = self.loop.add_host(f"{slot.name}.{slot.starts}")
        instance = slot.name if self.is_static else ""
        slot.worker = Worker(self.cluster, host, (self.job, self.policy, CODEC), slot.stores(), self.wall, instance)
        self.loop.spawn(host, slot.worker.run())

    # -- input ---------------------------------------------------------------------------------

    async def _feed(self) -> None:
        facts = sorted((fact for each in self.facts.values() for fact in each), key=order)
        if self.is_live:
            await self._feed_live(facts)
        else:
            await self._feed_history(facts)

    async def _feed_history(self, facts: list[FactRecord]) -> None:
        """In the order of event time; an importer declares from time to time up to where it is complete."""
        for n, fact in enumerate(facts):
            await asyncio.sleep(
                self.random.expovariate(len(facts) / PUBLISHED_WITHIN) if self.random.random() < 0.5 else 0
            )
            self._publish(fact)
            if self.random.random() < 0.1:
                self._publish(self.random.choice(facts[: n + 1]))
                self.happened["fact published twice"] += 1
            if n + 1 < len(facts) and self.random.random() < 0.3 and fact.occurred_at < facts[n + 1].occurred_at:
                self._declare_complete(fact.occurred_at)
        self._declare_complete(self.scale.at(END))

    async def _feed_live(self, facts: list[FactRecord]) -> None:
        """When they happen, or some seconds later."""
        due = sorted((fact.occurred_at / 1000 - WALL + self._delay(), n) for n, fact in enumerate(facts))
        for at, n in due:
            await asyncio.sleep(max(0.0, at - self.loop.now))
            self._publish(facts[n])
            if self.random.random() < 0.1:
                self._publish(facts[n])
                self.happened["fact published twice"] += 1

    def _delay(self) -> float:
        if self.random.random() < 0.9:
            return self.random.random() * 0.5
        self.happened["fact published late"] += 1
        return self.random.random() * 15

    def _publish(self, fact: FactRecord) -> None:
        key = fact.lead_id.encode()
        tp = TopicPartition(TOPIC_OF[type(fact)].name, partition_of(key, self.partitions))
        self.cluster.broker.append(tp, key, CODEC.encode(fact))
        self.happened["fact published"] += 1

    def _declare_complete(self, at: int) -> None:
        beat = CODEC.encode(Heartbeat(occurred_at=at, recorded_at=at, source="test", says="complete"))
        for number in range(self.partitions):
            self.cluster.broker.append(TopicPartition("stream-heartbeats", number), None, beat)

    # -- the end -------------------------------------------------------------------------------

    async def _come_to_rest(self) -> None:
        """Until everything published is committed, also what workers publish on the way.

        Raises:
            Violation: it takes too long.
        """
        until = self.loop.now + QUIET_WITHIN
        if self.is_live:
            await asyncio.sleep(max(0.0, self.scale.at(END // 2) / 1000 - WALL - self.loop.now))
        while any(worker.host.is_paused for worker in self.running()):  # noqa: ASYNC110  virtual time costs nothing
            await asyncio.sleep(1)
        if self.is_live:
            await asyncio.sleep(10)  # for the grace period, and a rebalance after the pause
        for _ in range(3):
            ends = self.cluster.broker.ends(
                [TopicPartition(topic, n) for topic in INPUTS for n in range(self.partitions)]
            )
            await asyncio.sleep(3)
            while any(self.cluster.group.committed.get(tp, 0) < end for tp, end in ends.items()):
                if self.loop.now > until:
                    behind = {tp: (self.cluster.group.committed.get(tp, 0), end) for tp, end in ends.items()}
                    raise Violation(f"not at rest after {QUIET_WITHIN} s: {behind}")
                await asyncio.sleep(1)


def run(seed: int, *, only: tuple[str, ...] = (), is_fenced: bool = True) -> Result:
    """Play one seed and judge it.

    Args:
        seed: decides everything.
        only: the kinds of faults that occur; empty: those that the seed draws.
        is_fenced: False: nothing keeps changelog batches of a former owner out.
    """
    world, violation = World(seed, only, is_fenced=is_fenced), None
    with _constants(world.settings), clocks_of(world.loop, WALL) as world.clock:
        try:
            world.loop.run_until_complete(world.run())
        except Violation as error:
            violation = str(error)
        finally:
            seconds, steps, digest = world.loop.now, world.loop.steps, world.cluster.broker.digest
            unhandled = world.loop.unhandled
            world.loop.end()
    if violation is None and unhandled:
        violation = f"unhandled: {unhandled[0]!r}"
    return Result(seed, violation, world.happened, seconds, steps, digest)


@contextmanager
def _constants(settings: Settings) -> Iterator[None]:
    """Let owners claim again, and producer ids change, within the short time of a run."""
    renewed = mock.patch.object(partition, "RENEW_AFTER", settings.renew_after)
    with renewed, mock.patch.object(fencing, "WORN_FROM", settings.worn_from):
        yield
