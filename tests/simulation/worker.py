"""A simulated streams process: the lead job on the engine's own code, and a driver as `streams.engine.driver` says."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from aiokafka.errors import IllegalGenerationError, KafkaError, RebalanceInProgressError, UnknownMemberIdError
from aiokafka.structs import TopicPartition
from prometheus_client import CollectorRegistry

from streams.agents.lead_job import LeadJob
from streams.engine.co_partitioning import start_checked
from streams.engine.context import JobContext
from streams.engine.fencing import ProducerIdentity
from streams.engine.offsets import Offsets
from streams.engine.owned_partitions import OwnedPartitions
from streams.engine.sink import Sink

from .consumers import Member, Reader
from .producer import SimulatedProducer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.codec import Codec
    from streams.agents.inbound import Value
    from streams.domain.policy import Policy
    from streams.engine import Chunk, Job, Store
    from streams.engine.fencing import Identity
    from streams.runtime.settings import StreamsSettings

    from .cluster import Cluster
    from .group import Joined
    from .loop import Host
    from .network import Link

AGENTS = 4


class Unsigned:
    """An identity that is none: batches are sent with the producer's own."""

    producer_id, is_worn = -1, False

    def retired(self) -> Unsigned:
        return self

    def sign(self, batch: Any, tp: TopicPartition) -> Any:
        del tp
        return batch


def sink_of(cluster: Cluster, host: Host, links: Sequence[Link]) -> Sink:
    """Make the sink, with identities that the simulated brokers hand out."""

    async def new_identity(transactional_id: str) -> Identity:
        if not cluster.is_fenced:
            return Unsigned()
        request = partial(cluster.broker.init_producer, transactional_id)
        return ProducerIdentity(*await cluster.ask(links[1], request))

    return Sink(SimulatedProducer(cluster, host), new_identity)


class Chunks:
    """The queue between the partitions and the agents; a chunk of an older generation is skipped."""

    def __init__(self) -> None:
        self.generation = 0
        self._waiting: deque[tuple[int, Chunk[Value]]] = deque()
        self._filled = asyncio.Event()

    async def hand_over(self, chunk: Chunk[Value]) -> None:
        self._waiting.append((self.generation, chunk))
        self._filled.set()

    def begin(self) -> None:
        """Begin with a new assignment."""
        self.generation += 1
        self._waiting.clear()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk[Value]:
        while True:
            while not self._waiting:
                self._filled.clear()
                await self._filled.wait()
            generation, chunk = self._waiting.popleft()
            if generation == self.generation:
                return chunk


class Worker:
    """One process from its start to its end; `store_of` gives it its local stores, which may outlive it."""

    def __init__(
        self,
        cluster: Cluster,
        host: Host,
        job: tuple[StreamsSettings, Policy, Codec],
        store_of: Callable[[int], Store],
        wall: Callable[[], float],
        instance: str = "",
    ) -> None:
        self.host = host
        self._instance = instance
        self._cluster = cluster
        self._loop = cluster.loop
        self._store_of = store_of
        self._leads = LeadJob(*job, CollectorRegistry())
        self._member = Member(cluster, host, wall)
        self._links = cluster.links(host)
        self._chunks = Chunks()
        self._flows = asyncio.Event()
        self._rejoin = asyncio.Event()
        self._is_stopping = False
        self._owned: OwnedPartitions[Value] | None = None
        self._offsets: Offsets | None = None

    @property
    def stores(self) -> dict[int, Store]:
        """The local stores of the partitions that it processes as a current member of the group."""
        owned = {} if self._owned is None else self._owned._partitions  # noqa: SLF001  the verdict reads them
        if self._member.generation != self._cluster.group.generation:
            return {}
        return {number: one.store for number, one in owned.items() if one.status().is_ready}

    async def run(self) -> None:
        """Work until the process ends."""
        settings, job, fail = self._cluster.settings, self._job(), self._loop.end_process
        sink = sink_of(self._cluster, self.host, self._links)
        await start_checked(sink, job, settings.request, fail)
        self._offsets = Offsets(self._member, settings.session, settings.deadline)
        context = JobContext(
            member=self._member,
            open_reader=lambda: Reader(self._cluster, self.host),
            sink=sink,
            offsets=self._offsets,
            fail=fail,
            wait_for_flow=self._flows.wait,
            may_flow=self._flows.is_set,
            hand_over=self._chunks.hand_over,
            deadline=settings.deadline,
        )
        self._owned = OwnedPartitions(job, context)
        for _ in range(AGENTS):
            self._start(job.agent(self._chunks))
        self._member.on_refused = self._refused
        self._member.start()
        self._start(self._commit_often())
        self._start(self._send_heartbeats())
        await self._stay_in_the_group()

    def stop(self) -> None:
        """Stop as on SIGTERM: drain, commit, leave."""
        self._is_stopping = True
        self._rejoin.set()

    def _job(self) -> Job[Value]:
        return replace(self._leads.job, store=self._store_of)

    def _start(self, work: Any) -> None:
        self._loop.spawn(self.host, work)

    # -- the group protocol, as aiokafka's coordinator follows it --------------------------------

    async def _stay_in_the_group(self) -> None:
        while not self._is_stopping:
            await self._revoked()
            joined = await self._join()
            self._member.member_id, self._member.generation = joined.member, joined.generation
            self._assigned(joined)
            await self._rejoin.wait()
            self._rejoin.clear()
        await self._revoked()
        member = self._member.member_id
        await self._cluster.ask(self._links[0], lambda: self._cluster.group.leave(member))
        self._owner().close()
        self._cluster.happened["graceful stop"] += 1
        self._loop.end_process("stopped")

    async def _join(self) -> Joined:
        cluster, group = self._cluster, self._cluster.group
        while True:
            request = partial(group.join, self._member.member_id, self.host.name, self._instance)
            try:
                joined: Joined = await cluster.network.call(self._links[0], request, cluster.settings.rebalance + 5)
            except UnknownMemberIdError:
                self._member.member_id, self._member.generation = "", -1
            except KafkaError:
                await asyncio.sleep(0.1)
            else:
                self._rejoin.clear()
                return joined

    async def _revoked(self) -> None:
        owner, had = self._owner(), self._flows.is_set()
        self._flows.clear()
        await owner.drain()
        assert self._offsets is not None
        self._offsets.forget()
        self._cluster.happened["partitions revoked"] += had

    def _assigned(self, joined: Joined) -> None:
        inputs = self._leads.job.inputs
        tps = [TopicPartition(topic, number) for topic in inputs for number in joined.numbers]
        self._member.assign(tps)
        self._chunks.begin()
        self._flows.set()
        if self._owner()._parked.keys() & set(joined.numbers):  # noqa: SLF001  only counted
            self._cluster.happened["partition kept over a rebalance"] += 1
        self._owner().start(tps)

    async def _send_heartbeats(self) -> None:
        cluster, member = self._cluster, self._member
        link = cluster.links(self.host)[0]
        while True:
            await asyncio.sleep(cluster.settings.heartbeat)
            identity = member.member_id, member.generation
            if not identity[0] or identity[1] < 0:
                continue
            request = partial(cluster.group.heartbeat, *identity)
            try:
                await cluster.network.call(link, request, cluster.settings.request)
            except (UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError) as error:
                if identity == (member.member_id, member.generation):
                    self._refused(error)
            except KafkaError:
                continue

    def _refused(self, error: KafkaError) -> None:
        if not isinstance(error, RebalanceInProgressError):
            self._member.member_id, self._member.generation = "", -1
        self._rejoin.set()

    async def _commit_often(self) -> None:
        while True:
            await asyncio.sleep(self._cluster.settings.commit)
            await self._owner().commit()

    def _owner(self) -> OwnedPartitions[Value]:
        assert self._owned is not None
        return self._owned
