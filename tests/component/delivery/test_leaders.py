"""Three brokers, and leaders that move while deliver starts and takes over: no worker ends, nothing is lost."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from tests.component.delivery.harness import World, a_recycle, of, stopped, until
from tests.kafka import Broker
from tests.kafka_cluster import KafkaCluster
from tests.kafka_records import Record, produce
from tests.redis import RealRedis
from tests.waiting import wait_for
from workers.reading import ranges_of

pytestmark = [pytest.mark.kafka, pytest.mark.soak]
ROUNDS = 4


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    cluster = KafkaCluster(tmp_path_factory.mktemp("cluster"))
    cluster.start()
    yield cluster
    cluster.kill()


@contextmanager
def moving_leaders(cluster: KafkaCluster) -> Iterator[threading.Event]:
    """One broker after the other leaves in order and comes back, for as long as the block lasts; set after a round."""
    stopping, moved = threading.Event(), threading.Event()

    def move() -> None:
        while not stopping.is_set():
            for node in cluster.nodes:
                node.stop()
                node.start()
                wait_for(cluster.is_in_sync, 60, "all replicas are in sync")
                cluster.elect_preferred()
            moved.set()

    thread = threading.Thread(target=move)
    thread.start()
    try:
        yield moved
    finally:
        stopping.set()
        thread.join()


def test_the_ends_of_a_topic_are_found_while_its_leaders_move(cluster: KafkaCluster) -> None:
    Broker(cluster.bootstrap, "real", replication=3).make_topics({"moving": 12})
    produce(cluster.bootstrap, "moving", [Record(b"%d" % number, b"") for number in range(100)])
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "ends", "log_level": 0})
    with moving_leaders(cluster) as moved:
        while not moved.is_set():
            assert sum(high for _, high in ranges_of(consumer, "moving").values()) == 100
    consumer.close()


async def test_workers_start_and_take_over_while_leaders_move(
    cluster: KafkaCluster, redis: RealRedis, tmp_path: Path
) -> None:
    broker = Broker(cluster.bootstrap, "real", replication=3)
    async with World(broker, tmp_path, redis.url, partitions=6) as world:
        await world.endpoint("nurture")
        events = [a_recycle(number) for number in range(30 * ROUNDS)]
        first = world.start()
        with moving_leaders(cluster):
            for turn in range(ROUNDS):
                sent = events[: 30 * (turn + 1)]
                await asyncio.to_thread(world.publish, sent[-30:])
                second = world.start()
                await until(lambda: world.members() == 2, 120)
                assert await stopped(first) == 0, world.logs()
                await world.wait_finished(of(["nurture"], sent), within=120)
                assert second.poll() is None, world.logs()
                first = second
        assert await stopped(first) == 0, world.logs()
        assert set(map(tuple, world.finished().values())) == {("accepted",)}
