"""SIGTERM while Kafka is unavailable: deliver exits with 0 within the grace period."""

import asyncio
from pathlib import Path

import pytest

from tests.component.delivery.harness import World, a_recycle, stopped, until
from tests.kafka import Broker, RealKafka
from tests.redis import RealRedis
from tests.simulators.receiver import Behaviour


@pytest.mark.parametrize("is_hanging", [False, True])
async def test_a_worker_exits_0_on_sigterm_while_kafka_is_unavailable(
    own_kafka: RealKafka, redis: RealRedis, tmp_path: Path, is_hanging: bool
) -> None:
    broker = Broker(own_kafka.bootstrap, "real")
    async with World(broker, tmp_path, redis.url, partitions=2) as world:
        nurture = await world.endpoint("nurture")
        worker = world.start()
        world.publish([a_recycle(1)])
        await nurture.wait_for(1)
        if is_hanging:
            nurture.behave(Behaviour("hang"))
            world.publish([a_recycle(2)])
            await until(lambda: len(nurture.tries) == 2)
        await asyncio.to_thread(own_kafka.kill)
        assert await stopped(worker) == 0, world.logs()
