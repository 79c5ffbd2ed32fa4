"""The loop of one partition, which gets its chunks directly, and a wall clock that tests set."""

import asyncio
from typing import Any

from schemas.events import AnyRecord, EndpointState, Heartbeat, LeadRecycled
from streams.agents.chunk_stats import ChunkStats
from streams.agents.inbound import Inbound
from streams.agents.leads import Leads
from streams.agents.loop import PartitionLoop
from streams.agents.loop_rules import Rules
from streams.agents.outbound import Outbound
from streams.agents.policy_switch import PolicyInForce
from streams.domain.funnel import Funnel
from streams.domain.policy import Policy
from streams.engine import FetchedRecord, Item, MemoryStore, TimerWheel
from tests.builders import T0
from tests.builders_domain import a_policy, within
from tests.fakes import FakeChunk, Sent, a_fetched_record

from .agent_harness import CODEC, TOPIC_OF

THIRTY_MS = a_policy(within(never_contacted=30))
NO_CLOCK = a_policy()
ALL_CLOCKS = a_policy(within(20, 30, 60, 5, 3))
WALL = T0 + 1_000_000


class LoopHarness:
    """The loop of partition 0, its store and its funnel."""

    def __init__(self, policy: Policy = THIRTY_MS, *, cached: int = 1000, is_live: bool = False, of: int = 1) -> None:
        self.wall_at = WALL
        self.store = MemoryStore(0)
        self.funnel = Funnel()
        self._inbound = Inbound(CODEC, "", lambda: self.wall_at, is_live=is_live)
        self.policy = PolicyInForce(policy)
        rules = Rules(self.policy, of, is_live=is_live, grace_ms=10, wall_ms=lambda: self.wall_at)
        leads = Leads(policy, 64, self.funnel, cached=cached)
        out = Outbound(CODEC, "", 0, set(TOPIC_OF.values()), policy)
        self.loop = PartitionLoop(0, rules, TimerWheel(), leads, self.funnel, out, self.store.items)
        self.stats = ChunkStats()

    def chunk(self, *records: AnyRecord, complete_until: int = 0, headers: Any = ()) -> FakeChunk:
        """Process one chunk and store its changes."""
        return self.raw(*(a_record(record, headers) for record in records), complete_until=complete_until)

    def raw(self, *records: FetchedRecord, complete_until: int = 0) -> FakeChunk:
        items = [Item(*self._inbound(record), record) for record in records]
        chunk = FakeChunk(items, self.store, complete_until=complete_until)
        self.stats = asyncio.run(self.loop.run(chunk))
        self.store.apply(chunk.changes, 0)
        return chunk


def a_record(record: AnyRecord, headers: Any = ()) -> FetchedRecord:
    key = None if isinstance(record, EndpointState | Heartbeat) else record.lead_id.encode()
    return a_fetched_record(TOPIC_OF[type(record)], key, CODEC.encode(record), headers=headers)


def complete(at: int) -> Heartbeat:
    return Heartbeat(occurred_at=at, recorded_at=at, source="test", says="complete")


def alive(at: int) -> Heartbeat:
    return Heartbeat(occurred_at=at, recorded_at=at, source="test", says="alive")


def topics(chunk: FakeChunk) -> list[str]:
    return [one.topic for one in chunk.sent]


def decoded(one: Sent) -> Any:
    return CODEC.decode(one.value, next(record for record, topic in TOPIC_OF.items() if topic == one.topic))


def recycles(chunk: FakeChunk) -> list[LeadRecycled]:
    return [decoded(one) for one in chunk.to("lead-recycled")]
