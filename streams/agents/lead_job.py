"""The lead job: binds the loop of each partition to the engine's chunks and hooks; it knows no framework."""

import asyncio
import time
from collections.abc import AsyncIterable
from dataclasses import replace
from typing import get_args

from prometheus_client import CollectorRegistry

from schemas.codec import Codec
from streams.agents.gauges import LoopState
from streams.agents.inbound import Inbound, Value
from streams.agents.leads import CACHED, Leads
from streams.agents.loop import NOW, PartitionLoop
from streams.agents.loop_rules import Rules
from streams.agents.loopback_cache import LoopbackCache
from streams.agents.metrics import CLOCKS, OTHER, Metrics, info_of, live_partitions, register_process_info
from streams.agents.outbound import Outbound
from streams.agents.policy_switch import PolicyInForce
from streams.agents.records import DECISIONS
from streams.app import OUTPUTS, job_of
from streams.domain.deadlines import next_deadline
from streams.domain.decisions import WHYS
from streams.domain.funnel import Census
from streams.domain.lead import Cause
from streams.domain.policy import Policy
from streams.domain.state import lead_of
from streams.engine import Chunk, Driver, Job, RecoveredPartition, TimerWheel
from streams.runtime.settings import StreamsSettings
from streams.runtime.tracing import Tracing

SLICE = 1000  # leads read back before other tasks of the event loop get their turn


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def whys_of(policy: Policy) -> set[tuple[str, str]]:
    """Every (action, why) that this policy can lead to; reasons that only upstreams name are `other`."""
    kept = {(DECISIONS[verdict], why) for verdict, whys in WHYS.items() for why in whys}
    actions = {reason: policy.action_of(reason) for reason in (*policy.reasons, *CLOCKS, OTHER)}
    recycled = {("RECYCLE", reason) for reason, action in actions.items() if action}
    escalated = {("ESCALATE", reason) for reason, action in actions.items() if action and action.escalate}
    return kept | recycled | escalated | {("REVOKE", cause) for cause in get_args(Cause)}


class LeadJob:
    """The lead job of one streams process: the loops of its partitions, and what they share.

    `job` is what a driver runs; `observe` exports the state of that driver; `adopt` changes the policy.
    """

    def __init__(
        self,
        settings: StreamsSettings,
        policy: Policy,
        codec: Codec,
        registry: CollectorRegistry,
        cluster: str = "",
        tracing: Tracing | None = None,
    ) -> None:
        is_live = settings.clock == "wall"
        self._settings = settings
        self.policy = PolicyInForce(policy if is_live else policy.for_history())
        self._codec = codec
        self._registry = registry
        self._loops: dict[int, PartitionLoop] = {}
        self._rules = Rules(
            policy=self.policy,
            partitions=settings.partitions,
            is_live=is_live,
            grace_ms=int(settings.grace_seconds * 1000),
            wall_ms=wall_ms,
            tracing=tracing,
        )
        self._loopback = LoopbackCache()
        self._inbound = Inbound(
            codec,
            settings.topic_prefix,
            wall_ms,
            is_live=is_live,
            loopback=self._loopback,
            with_how=policy.says_what_counts,
        )
        self._metrics = Metrics(registry, whys_of(self.policy.current))
        self._info = register_process_info(registry, settings, policy)
        self.job: Job[Value] = replace(
            job_of(settings, self._inbound, self.work, cluster=cluster),
            on_recovered=self.recovered,
            on_revoked=self.revoked,
            may_skip_tick=self.may_skip_tick,
        )

    def observe(self, driver: Driver) -> None:
        """Export what the driver that runs the job knows of itself, and the live state of the loops."""
        live = live_partitions(self._settings)
        self._registry.register(LoopState(self._loops, driver.status, self._metrics.origins, live))

    def adopt(self, policy: Policy) -> None:
        """Decide by this policy from the next chunk of each partition on. May be called in any thread."""
        self._inbound.with_how |= policy.says_what_counts
        self._metrics.expect(whys_of(policy))
        self._info.info(info_of(self._settings, policy))
        self.policy.current = policy
        self._metrics.policy_changes.labels("adopted").inc()

    def report_policy(self, fault: str) -> None:
        """Export what is wrong with the policy file; an empty text: nothing any more."""
        self._metrics.policy_invalid.set(bool(fault))
        if fault:
            self._metrics.policy_changes.labels("rejected").inc()

    async def work(self, chunks: AsyncIterable[Chunk[Value]]) -> None:
        """Outputs, changelog and store are safe when `async with` ends; only then the chunk is acked."""
        async for chunk in chunks:
            if chunk.is_abandoned:
                continue  # its partition was revoked, and its loop with it
            started, loop = time.perf_counter(), self._loops[chunk.partition]
            async with chunk:
                stats = await loop.run(chunk)
            loop.acked(stats)
            self._metrics.observe(stats, time.perf_counter() - started)

    async def recovered(self, partition: RecoveredPartition) -> int:
        """Rebuild the partition's indexes; returns stream time, up to which input may be taken at once."""
        store, policy = partition.store, self.policy.current
        clock, census = TimerWheel(int(store.get(NOW) or 0)), Census()
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
        leads = Leads(policy, self._settings.memory_facts, funnel, CACHED // self._settings.partitions)
        self._loops[partition.number] = PartitionLoop(
            partition.number, self._rules, clock, leads, funnel, self._outbound(partition, policy), store.items
        )
        return clock.now

    def _outbound(self, partition: RecoveredPartition, policy: Policy) -> Outbound:
        prefix, count = self._settings.topic_prefix, self._settings.partitions
        aligned = {name for name in OUTPUTS if partition.partitions_of(prefix + name) == count}
        return Outbound(self._codec, prefix, partition.number, aligned, policy, self._loopback)

    def may_skip_tick(self, number: int, complete_until: int) -> bool:
        """Whether a chunk without records has nothing to do."""
        return self._loops[number].may_skip_tick(complete_until)

    async def revoked(self, number: int) -> None:
        """Forget the partition: its new owner rebuilds all of it."""
        self._loops.pop(number, None)
