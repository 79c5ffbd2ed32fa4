"""The agent over the log of one partition, without Kafka: chunk by chunk, with crashes on request."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

from prometheus_client import CollectorRegistry

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import AnyRecord, EndpointState, Heartbeat, LeadSnapshot
from schemas.topics import INPUTS, TOPICS
from streams.agents.inbound import Value
from streams.agents.lead_job import LeadJob
from streams.domain.policy import Policy
from streams.engine import Item, MemoryStore, Merge, RecoveredPartition
from streams.runtime.settings import KafkaSettings, StreamsSettings
from tests.fakes import FakeChunk, FakeDriver, Log, Sent, positions_after

CODEC = Codec(Catalogue.bundled())
TOPIC_OF = {topic.record: name for name, topic in TOPICS.items() if topic.record is not None}
SETTINGS = StreamsSettings(
    kafka=KafkaSettings(bootstrap_servers="nowhere:9092"), clock="events", partitions=1, store="memory"
)


@dataclass(frozen=True)
class Crash:
    """The process dies at the end of a chunk, when these topics have its outputs, and these state changes are durable.

    `changes` counts from the first; outputs come before state, so it is only for when every topic has its outputs.
    """

    topics: Collection[str] = tuple(TOPICS)
    changes: int = 0


class AgentHarness:
    """An agent, its state, and a log of its inputs, to which its own outputs are appended."""

    def __init__(self, policy: Policy, *, memory: int = SETTINGS.memory_facts) -> None:
        self.registry = CollectorRegistry()
        self.agent = LeadJob(replace(SETTINGS, memory_facts=memory), policy, CODEC, self.registry)
        self.driver = FakeDriver()
        self.agent.observe(self.driver)
        self.log = Log(INPUTS)
        self.store = MemoryStore(0)
        self.published: list[Sent] = []
        self.attempts: list[list[Sent]] = []  # the outputs of each chunk
        self._positions = dict.fromkeys(INPUTS, 0)
        self._is_up = False

    def add(self, *records: AnyRecord) -> "AgentHarness":
        for record in records:
            key = None if isinstance(record, EndpointState | Heartbeat) else record.lead_id.encode()
            self.log.append(TOPIC_OF[type(record)], key, CODEC.encode(record))
        return self

    def until(self, at: int) -> "AgentHarness":
        return self.add(Heartbeat(occurred_at=at, recorded_at=at, source="test", says="complete"))

    def run(self, limits: Iterable[int] = (), crashes: Iterable[Crash | None] = ()) -> "AgentHarness":
        """Take all there is, in chunks of these sizes, then of 1,000; each may end in a crash."""
        asyncio.run(self._run(limits, crashes))
        return self

    async def _run(self, limits: Iterable[int], crashes: Iterable[Crash | None]) -> None:
        sizes, ends = iter(limits), iter(crashes)
        while items := self._next(next(sizes, 1000)):
            await self._chunk(items, next(ends, None))

    def _next(self, limit: int) -> list[Item[Value]]:
        merge: Merge[Value] = Merge(INPUTS)
        for topic in INPUTS:
            records = self.log.records[topic][self._positions[topic] :]
            merge.offer(topic, [Item(*self.agent.job.decode(record), record) for record in records])
        return merge.take(limit, INPUTS)

    async def _chunk(self, items: list[Item[Value]], crash: Crash | None) -> None:
        if not self._is_up:
            await self.agent.recovered(RecoveredPartition(0, self.store, lambda _: 1))
            self._is_up = True
        await self.agent.work(cast("Any", _once(FakeChunk(items, self.store, ended=lambda c: self._end(c, crash)))))

    def _end(self, chunk: FakeChunk, crash: Crash | None) -> None:
        self.attempts.append(chunk.sent)
        kept = TOPICS if crash is None else crash.topics
        for one in chunk.sent:
            if one.topic in kept:
                self.published.append(one)
                if one.topic in INPUTS:
                    self.log.append(one.topic, one.key, one.value, one.headers)
        if crash is None:
            self.store.apply(chunk.changes, self.store.offset + len(chunk.changes))
            self._positions |= positions_after(chunk.records)
        else:
            changes = dict(list(chunk.changes.items())[: crash.changes])
            self.store.apply(changes, self.store.offset + len(changes))
            self._is_up = False

    def published_to(self, topic: str) -> list[Any]:
        record = TOPICS[topic].record
        assert record is not None
        return [CODEC.decode(one.value, record) for one in self.published if one.topic == topic]

    def stages(self) -> dict[str, str]:
        """The newest snapshots, by lead."""
        return {
            each.lead_id: each.stage for each in self.published_to("lead-snapshots") if isinstance(each, LeadSnapshot)
        }

    def standing(self) -> set[str]:
        """The recycles that stand, by the newest snapshots."""
        newest = {each.lead_id: each.recycle_id for each in self.published_to("lead-snapshots")}
        return set(newest.values()) - {""}

    def decided(self) -> dict[tuple[str, str, str], set[bytes]]:
        """The published records except snapshots, by topic, id and action; one id should always have the same bytes."""
        published: dict[tuple[str, str, str], set[bytes]] = {}
        for one in self.published:
            if one.topic in {"lead-stalled", "lead-recycled", "lead-decisions"}:
                assert one.value is not None
                published.setdefault((one.topic, *_name(one)), set()).add(one.value)
        return published


def _name(one: Sent) -> tuple[str, str]:
    record = TOPICS[one.topic].record
    assert record is not None
    decoded: Any = CODEC.decode(one.value, record)
    return decoded.event_id, getattr(decoded, "action", "")


async def _once(chunk: FakeChunk) -> AsyncIterator[FakeChunk]:
    yield chunk
