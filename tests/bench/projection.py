"""The read model, from Kafka to Redis: records a second of `leadloop project`, beside a bare loop in the same run.

The bare loop consumes, decodes and sets one hash a record in pipelines: no timeline, no lists, no counts, no positions,
nothing that would survive a crash exactly.
"""

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import Consumer, TopicPartition
from prometheus_client import CollectorRegistry

from schemas.topics import TOPICS
from streams.runtime.settings import Settings
from tests.bench.measure import PARTITIONS, a_kafka, a_world
from tests.projected import Records, a_log
from tests.redis import RealRedis
from tests.world import CODEC, World
from workers.projection.run import worker_of
from workers.read_model.generation import SOURCE_TOPICS
from workers.read_model.redis_keys import Keys

LEADS = 15_000
ROUNDS = 3
RUN = 1000
LIMIT_SECONDS = 300.0


class Took(NamedTuple):
    """Of one round: seconds of the clock, and CPU seconds of the client and of Redis."""

    seconds: float
    client: float
    redis: float


@contextmanager
def a_redis(folder: Path) -> Iterator[RealRedis]:
    redis = RealRedis(folder)
    redis.start()
    try:
        yield redis
    finally:
        redis.kill()


def main(leads: int = LEADS) -> None:
    """Print both, as the median of rounds that take turns."""
    with a_kafka() as (bootstrap, folder), a_world(bootstrap, folder) as world, TemporaryDirectory() as data:
        log = a_log(random.Random(1), leads, PARTITIONS)
        count = _publish(world, log.records)
        bare, ours, size = [], [], 0.0
        for n in range(ROUNDS):
            with a_redis(Path(data) / f"bare{n}") as redis:
                bare.append(_timed(redis, lambda r: _bare(world, r, count)))
            with a_redis(Path(data) / f"ours{n}") as redis:
                empty = _memory(redis)
                ours.append(_timed(redis, lambda r, n=n: _project(world, r, f"bench{n}")))
                size = (_memory(redis) - empty) / leads
    _print(leads, count, sorted(bare)[ROUNDS // 2], sorted(ours)[ROUNDS // 2], size)


def _print(leads: int, count: int, bare: Took, ours: Took, size: float) -> None:
    print(
        f"projection: {count:,} records of {leads:,} leads, from Kafka to a Redis of its own; the median of"
        f" {ROUNDS} rounds, in turns.\n"
        f"  {'':24}{'records/s':>10}{'CPU µs':>9}{'in Redis':>10}   a record"
    )
    for name, took in (("bare loop, HSET", bare), ("leadloop project", ours)):
        each = 1e6 / count
        print(f"  {name:24}{count / took.seconds:10,.0f}{took.client * each:9.1f}{took.redis * each:10.1f}")
    print(
        f"  of the bare loop's records a second: {bare.seconds / ours.seconds:.2f}\n"
        f"  {size:,.0f} bytes of Redis a lead, {count / leads:.1f} records each"
    )


def _publish(world: World, log: Records) -> int:
    for one in chain.from_iterable(log.values()):
        world.send_raw(one.place.topic, one.key, one.value, partition=one.place.partition)
        world.producer.poll(0)
    world.flush()
    return sum(map(len, log.values()))


def _timed(redis: RealRedis, work: Any) -> Took:
    client: Any = redis.client()
    before, begun, cpu = _cpu(client), time.monotonic(), time.process_time()
    work(redis)
    return Took(time.monotonic() - begun, time.process_time() - cpu, _cpu(client) - before)


def _cpu(client: Any) -> float:
    said = client.info("cpu")
    return float(said["used_cpu_user"]) + float(said["used_cpu_sys"])


def _memory(redis: RealRedis) -> int:
    client: Any = redis.client()
    return int(client.info("memory")["used_memory"])


def _bare(world: World, redis: RealRedis, count: int) -> None:
    settings = {"bootstrap.servers": world.bootstrap, "group.id": "bare", "enable.auto.commit": False}
    consumer = Consumer({**settings, "queued.min.messages": 20_000, "fetch.wait.max.ms": 100})
    consumer.assign([TopicPartition(world.prefix + name, n, 0) for name in SOURCE_TOPICS for n in range(PARTITIONS)])
    client, kinds = redis.client(), {world.prefix + name: TOPICS[name].record for name in SOURCE_TOPICS}
    try:
        while count > 0:
            with client.pipeline(transaction=False) as pipe:
                for message in consumer.consume(RUN, 0.2):
                    record: Any = CODEC.decode(message.value(), kinds[str(message.topic())])  # type: ignore[arg-type]
                    name = f"{type(record).__name__}:{record.lead_id}"
                    fields = msgspec.structs.asdict(record).items()
                    pipe.hset(name, mapping={field: str(value) for field, value in fields})
                    count -= 1
                pipe.execute()
    finally:
        consumer.close()


def _project(world: World, redis: RealRedis, app_id: str) -> None:
    env = world.env(REDIS_URL=redis.url, LEADLOOP_APP_ID=world.prefix + app_id)
    settings = Settings.from_env(env)
    worker = worker_of(settings, CODEC, CollectorRegistry())
    client, current = redis.client(), Keys(settings.app_id).current
    end = time.monotonic() + LIMIT_SECONDS
    looked_at = 0.0

    def is_done() -> bool:
        nonlocal looked_at
        if time.monotonic() - looked_at < 0.2:
            return False
        looked_at = time.monotonic()
        if looked_at > end:
            raise TimeoutError(f"not whole within {LIMIT_SECONDS} s: {worker.missing}")
        return bool(client.exists(current))

    worker.run(is_done)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
