"""`partition_of` sends a key where every other client of a lead's topics sends it."""

import random

import aiokafka.partitioner
import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import partition_of


# Of Kafka's own tests (UtilsTest.testMurmur2), as signed numbers.
@pytest.mark.parametrize(
    ("key", "murmur2"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_partition_of_a_key_is_that_of_the_java_client(key: bytes, murmur2: int) -> None:
    assert partition_of(key, 1_000_003) == (murmur2 & 0x7FFFFFFF) % 1_000_003


@given(st.binary(max_size=200), st.integers(1, 1000))
def test_the_partition_of_a_key_is_that_of_aiokafka(key: bytes, partitions: int) -> None:
    everywhere = list(range(partitions))
    theirs = aiokafka.partitioner.DefaultPartitioner()(key, everywhere, everywhere)
    assert partition_of(key, partitions) == theirs


def test_the_partition_of_a_key_is_that_of_librdkafka() -> None:
    keys = [random.Random(n).randbytes(1 + n % 40) for n in range(300)]
    sent: dict[bytes | None, int | None] = {}
    partitions = 4  # of a topic that the mock makes on its own
    producer = Producer({"test.mock.num.brokers": 1, "partitioner": "murmur2_random", "log_level": 0})
    for key in keys:
        producer.produce(
            "keys", key=key, on_delivery=lambda _, message: sent.update({message.key(): message.partition()})
        )
    assert producer.flush(30) == 0
    assert sent == {key: partition_of(key, partitions) for key in keys}
