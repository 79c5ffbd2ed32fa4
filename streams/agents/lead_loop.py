"""The agent: binds the loop of each partition to the engine's chunks and hooks."""

import asyncio
import time
from typing import get_args

from faust.types import StreamT
from prometheus_client import CollectorRegistry

from schemas.codec import Codec
from streams.agents.gauges import LoopState
from streams.agents.inbound import Inbound
from streams.agents.leads import CACHED, Leads
from streams.agents.loop import NOW, PartitionLoop, Rules
from streams.agents.loopback_cache import LoopbackCache
from streams.agents.metrics import CLOCKS, OTHER, Metrics, live_partitions, register_process_info
from streams.agents.outbound import Outbound
from streams.agents.records import DECISIONS
from streams.app import OUTPUTS, build, inputs
from streams.domain.deadlines import next_deadline
from streams.domain.decisions import GROUNDS
from streams.domain.funnel import Census
from streams.domain.history import lead_of
from streams.domain.lead import Cause
from streams.domain.policy import Policy
from streams.engine import Chunk, Store, TimerWheel
from streams.runtime.settings import Settings

SLICE = 1000  # leads read back between two breaths of the event loop


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def whys_of(policy: Policy) -> set[tuple[str, str]]:
    """Every (action, why) that this policy can lead to; what upstreams name and it does not is `other`."""
    kept = {(DECISIONS[verdict], why) for verdict, why, _ in GROUNDS}
    named = (*policy.reasons, *CLOCKS, OTHER)
    reasons = {reason for reason in named if policy.action_of(reason) is not None}
    return kept | {("RECYCLE", reason) for reason in reasons} | {("REVOKE", cause) for cause in get_args(Cause)}


class LeadLoop:
    """The job of one streams process: its partitions' loops, and what they share."""

    def __init__(
        self, settings: Settings, policy: Policy, codec: Codec, registry: CollectorRegistry, cluster: str = ""
    ) -> None:
        self._settings = settings
        self._policy = policy if settings.clock == "wall" else policy.for_history()
        self._codec = codec
        self._loops: dict[int, PartitionLoop] = {}
        self._rules = Rules(
            policy=self._policy,
            partitions=settings.partitions,
            is_live=settings.clock == "wall",
            grace_ms=int(settings.grace_seconds * 1000),
            wall_ms=wall_ms,
        )
        self._loopback = LoopbackCache()
        is_live = settings.clock == "wall"
        inbound = Inbound(codec, settings.topic_prefix, wall_ms, is_live=is_live, loopback=self._loopback)
        self.app, self.engine = build(settings, inbound, cluster)
        self.engine.on_recovered.append(self.recovered)
        self.engine.on_revoked.append(self.revoked)
        self.engine.may_skip_tick = self.may_skip_tick
        self._metrics = Metrics(registry, whys_of(self._policy))
        registry.register(LoopState(self._loops, self.engine, self._metrics.origins, live_partitions(settings)))
        register_process_info(registry, settings, self._policy.version)
        topic = self.engine.topic(*inputs(settings))
        self.app.agent(topic, name="lead-loop", concurrency=4)(self.work)

    async def work(self, chunks: StreamT[Chunk]) -> None:
        """Outputs, changelog and store are safe when `async with` ends; only then the chunk is acked."""
        async for chunk in chunks:
            if chunk.is_abandoned:
                continue  # its partition went away, and its loop with it
            started, loop = time.perf_counter(), self._loops[chunk.partition]
            async with chunk:
                stats = await loop.run(chunk)
            loop.acked(stats)
            self._metrics.observe(stats, time.perf_counter() - started)

    async def recovered(self, number: int, store: Store) -> int:
        """Build the partition's indexes anew; returns stream time, up to which input may be taken at once."""
        clock, census, policy = TimerWheel(int(store.get(NOW) or 0)), Census(), self._policy
        set_deadline, count = clock.set, census.add  # looked up once: there may be millions
        for n, (key, raw) in enumerate(store.items(), 1):
            if key != NOW:
                lead = lead_of(raw)
                due = next_deadline(lead, policy)
                set_deadline(key, due and due.due)
                count(lead)
            if n % SLICE == 0:
                await asyncio.sleep(0)
        funnel = census.funnel()
        self._loops[number] = PartitionLoop(
            number,
            self._rules,
            clock,
            Leads(self._policy, self._settings.memory_facts, funnel, CACHED // self._settings.partitions),
            funnel,
            self._outbound(number),
        )
        return clock.now

    def _outbound(self, number: int) -> Outbound:
        prefix, partitions = self._settings.topic_prefix, self._settings.partitions
        aligned = {name for name in OUTPUTS if self.engine.partitions_of(prefix + name) == partitions}
        return Outbound(self._codec, prefix, number, aligned, self._policy.version, self._loopback)

    def may_skip_tick(self, number: int, complete_until: int) -> bool:
        return self._loops[number].may_skip_tick(complete_until)

    async def revoked(self, number: int, _store: Store) -> None:
        self._loops.pop(number, None)
