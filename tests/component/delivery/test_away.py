"""SIGTERM while Kafka is dead and an endpoint hangs: deliver exits with 0 within the grace period."""

import asyncio
from pathlib import Path

from tests.component.delivery.harness import World, a_recycle, stopped, until
from tests.kafka import Broker, RealKafka
from tests.redis import RealRedis
from tests.simulators.receiver import Behaviour


async def test_a_worker_exits_0_on_sigterm_while_kafka_is_dead_and_an_endpoint_hangs(
    own_kafka: RealKafka, redis: RealRedis, tmp_path: Path
) -> None:
    broker = Broker(own_kafka.bootstrap, "real")
    async with World(broker, tmp_path, redis.url, partitions=2) as world:
        nurture = await world.endpoint("nurture")
        worker = world.start()
        world.publish([a_recycle(1)])
        await nurture.wait_for(1)
        nurture.behave(Behaviour("hang"))
        world.publish([a_recycle(2)])
        await until(lambda: len(nurture.tries) == 2)
        await asyncio.to_thread(own_kafka.kill)
        assert await stopped(worker) == 0, world.logs()
        assert "Traceback" not in world.logs()
