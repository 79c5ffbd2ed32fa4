"""What metrics cost: the agent's work on the same facts with all its metrics and without, in turns, in one process.

The funnel is looked at by itself: the live counts of conversion, which the agent keeps whether anybody scrapes or not.
Everything is real but the broker and the store. A whole worker does more besides, so what it loses is a smaller share;
but from run to run its CPU swings by more than what is looked for.
By itself, with a number of rounds: `python -m tests.bench.counting 21`
"""

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any, cast
from unittest.mock import patch

from prometheus_client import CollectorRegistry, generate_latest

from streams.agents.inbound import Value
from streams.agents.lead_job import LeadJob
from streams.agents.loop import ChunkRun
from streams.agents.metrics import Metrics
from streams.domain.funnel import Funnel
from streams.domain.policy import Policy
from streams.engine import Chunk, Item, MemoryStore, RecoveredPartition
from streams.engine.garbage_collector import collect_rarely
from streams.runtime.settings import KafkaSettings, Settings
from tests.bench.loop import CHUNK, CODEC, chunks, fetched, history
from tests.fakes import FakeChunk

ROUNDS = 21
Left = tuple[tuple[type, str], ...]
METRICS: Left = ((Metrics, "observe"), (ChunkRun, "_stalled"), (ChunkRun, "_first_contact"))
FUNNEL: Left = ((Funnel, "replace"),)
NOTHING: Left = (*METRICS, *FUNNEL)
FUNNEL_ONLY: Left = METRICS
ALL: Left = ()
"""What is left out."""
SETTINGS = Settings(kafka=KafkaSettings(bootstrap_servers="nowhere:9092"), clock="events", partitions=1, store="memory")


def main(rounds: int = ROUNDS) -> None:
    """Print what a fact costs with metrics and without, and the share of the throughput that is left with them."""
    collect_rarely()  # as a worker does
    records = fetched(history())
    rounds_seen: list[dict[Left, float]] = []
    ways: list[Left] = [NOTHING, FUNNEL_ONLY, ALL]
    for number in range(rounds):  # who goes first changes: the pace of the machine drifts
        order = ways[number % 3 :] + ways[: number % 3]
        rounds_seen.append({left: _cpu_us(records, left) for left in order})
    nothing, funnel, everything = (median(seen[left] for seen in rounds_seen) for left in ways)
    metrics = median(seen[FUNNEL_ONLY] / seen[ALL] for seen in rounds_seen)
    both = median(seen[NOTHING] / seen[ALL] for seen in rounds_seen)
    print(
        f"metrics: {len(records):,} facts in chunks of {CHUNK:,}, counted and scraped, and not.\n"
        f"  CPU of this process without Kafka, medians of {rounds} rounds.\n"
        f"  nothing counted      {nothing:6.2f} µs a fact\n"
        f"  the funnel           {funnel:6.2f} µs a fact\n"
        f"  the funnel, metrics  {everything:6.2f} µs a fact: {metrics:.3f} of the throughput without metrics,\n"
        f"                       {both:.3f} of that without the funnel as well"
    )


def _cpu_us(records: Sequence[Any], left_out: Left) -> float:
    registry = CollectorRegistry()
    agent = LeadJob(SETTINGS, Policy(), CODEC, registry)
    gc.collect()
    with ExitStack() as stack:
        for owner, name in left_out:
            stack.enter_context(patch.object(owner, name, _count_nothing))
        begun = time.process_time()
        asyncio.run(_work(agent, records, None if left_out else registry))
        return (time.process_time() - begun) / len(records) * 1e6


def _count_nothing(*_: object) -> None:
    """In place of what is added to a count."""


async def _work(agent: LeadJob, records: Sequence[Any], registry: CollectorRegistry | None) -> None:
    store = MemoryStore(0)
    await agent.recovered(RecoveredPartition(0, store, lambda _: 1))
    items = [Item(*agent.job.decode(record), record) for record in records]
    for run in chunks(items, CHUNK):
        await agent.work(cast("Any", _once(FakeChunk(run, store, ended=_keep))))
    if registry is not None:
        generate_latest(registry)  # once in the three seconds or so that all of it takes


def _keep(chunk: FakeChunk) -> None:
    chunk.store.apply(chunk.changes, chunk.store.offset + len(chunk.changes))


async def _once(chunk: Chunk[Value]) -> AsyncIterator[Chunk[Value]]:
    yield chunk


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
