"""What traces cost: the loop of a partition and the HTTP server of ingest, off and with 1 % of the records sampled.

A real collector receives the spans. By itself: `python -m tests.bench traces`
"""

import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from schemas.headers import cloudevents_headers
from streams.agents.inbound import Inbound
from streams.domain.policy import Policy
from streams.engine import Item
from streams.engine.garbage_collector import collect_rarely
from streams.runtime.tracing import Tracing
from streams.runtime.tracing_setup import open_tracing
from tests.bench.ingest import SINGLE_CLIENTS, measured
from tests.bench.loop import CHUNK, CODEC, NOW, TOPIC_OF, Sheet, chunks, history, loop
from tests.bench.measure import a_kafka, a_world
from tests.component.ingest.served import Keys, Served
from tests.otlp_collector import collector

ROUNDS = 5
SAMPLED_EVERY = 100
SAMPLER = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}


def _records() -> list[Any]:
    """Facts as ingest publishes them; one in a hundred belongs to a sampled trace."""
    records = []
    for n, fact in enumerate(history()):
        topic = TOPIC_OF[type(fact)]
        trace = b"00-%032x-%016x-01" % (n + 1, n + 1) if n % SAMPLED_EVERY == 0 else None
        headers = cloudevents_headers(fact, topic, trace)
        value = CODEC.encode(fact)
        records.append(
            SimpleNamespace(topic=topic, partition=0, offset=n, key=fact.lead_id.encode(), value=value, headers=headers)
        )
    return records


def _loop_seconds(records: list[Any], tracing: Tracing | None) -> float:
    inbound, sheet, subject = Inbound(CODEC, "", lambda: NOW), Sheet({}), loop(Policy().for_history(), tracing)
    items = [Item(*inbound(record), record) for record in records]
    begun = time.process_time()
    for run in chunks(items, CHUNK):
        sheet.records = run
        asyncio.run(subject.run(sheet))  # type: ignore[arg-type]  # a sheet is a chunk as far as the loop sees
    return time.process_time() - begun


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _of_the_loop(endpoint: str) -> None:
    collect_rarely()
    records = _records()
    off: list[float] = []
    sampled: list[float] = []
    with _environment(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **SAMPLER):
        tracing = open_tracing("bench")
    _loop_seconds(records, None)
    for turn in range(ROUNDS):
        for is_sampled in (turn % 2 == 0, turn % 2 == 1):
            (sampled if is_sampled else off).append(_loop_seconds(records, tracing if is_sampled else None))
    each = 1e6 / len(records)
    print(
        f"  loop     off {min(off) * each:6.1f} µs a fact, 1 % sampled {min(sampled) * each:6.1f}:"
        f" {min(off) / min(sampled):.2f} of the facts a second"
    )


def _of_ingest(endpoint: str, bootstrap: str, folder: Path) -> None:
    rates: dict[bool, list[float]] = {False: [], True: []}
    with a_world(bootstrap, folder) as world:
        keys = Keys.in_folder(folder)
        plain = Served(world, keys)
        traced = Served(world, keys, env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **SAMPLER})
        servers = {False: plain.ready(), True: traced.ready()}
        try:
            for turn in range(ROUNDS):
                for is_traced in (turn % 2 == 0, turn % 2 == 1):
                    served = servers[is_traced]
                    rates[is_traced].append(measured(served.url, served.key, served.process.pid, 0).per_core)
        finally:
            for served in servers.values():
                served.stop()
    off, sampled = statistics.median(rates[False]), statistics.median(rates[True])
    print(
        f"  ingest   off {off:6,.0f} events/s per core ({SINGLE_CLIENTS} clients, single events),"
        f" 1 % sampled {sampled:6,.0f}: {sampled / off:.2f}"
    )


def main() -> None:
    """Print both, off and sampled turn by turn."""
    with a_kafka() as (bootstrap, folder), collector(Path(folder)) as received:
        print(f"traces, off and with 1 % sampled, turn by turn, {ROUNDS} rounds; a real collector receives them")
        _of_the_loop(received.endpoint)
        _of_ingest(received.endpoint, bootstrap, Path(folder))


if __name__ == "__main__":
    main()
