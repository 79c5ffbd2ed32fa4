"""A changelog of many leads, written as fast as Kafka takes it, in batches as large as a worker's own."""

from collections.abc import Iterable

from confluent_kafka import Producer

from schemas.topics import changelog_of, partition_of
from streams.agents.loop import NOW
from tests.world import World

BATCHES = {
    "linger.ms": 200,
    "batch.size": 900_000,
    "compression.type": "snappy",
    "queue.buffering.max.messages": 50_000,
}
BREATH = 5_000  # records between two calls of poll


def fill(world: World, states: Iterable[bytes], now: int) -> None:
    """One lead for each state, `lead-00000000` and on, and stream time at the end of each partition."""
    topic = world.prefix + changelog_of(world.app_id).name
    producer = Producer({"bootstrap.servers": world.bootstrap, "log_level": 0, **BATCHES})
    for n, state in enumerate(states):
        key = key_of(n)
        _produce(producer, topic, state, key, partition_of(key, world.partitions))
        if n % BREATH == 0:
            producer.poll(0)
    for number in range(world.partitions):
        _produce(producer, topic, b"%d" % now, NOW, number)
    assert producer.flush(120) == 0


def key_of(number: int) -> bytes:
    return b"lead-%08d" % number


def _produce(producer: Producer, topic: str, value: bytes, key: bytes, partition: int) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition)
        except BufferError:
            producer.poll(0.1)
        else:
            return
