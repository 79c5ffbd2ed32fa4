"""A worker crashes, its successor leaves in order before it comes to what was begun: the third one doubts it too."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.component.delivery.harness import World, a_recycle, of, stopped, until
from tests.kafka import Broker
from tests.redis import RealRedis
from tests.simulators.receiver import Behaviour

pytestmark = pytest.mark.kafka


async def test_the_revoke_of_a_recycle_that_a_crashed_worker_began_is_sent_whoever_left_in_order_meanwhile(
    real_kafka: Broker, redis: RealRedis, tmp_path: Path
) -> None:
    async with World(real_kafka, tmp_path, redis.url, partitions=2) as world:
        numbers = range(1, 7)
        nurture = await world.endpoint("nurture", limits=f"{{burst: 100, concurrency: {len(numbers)}}}")
        nurture.behave(Behaviour("hang"))
        world.publish(map(a_recycle, numbers))
        first = world.start()
        await until(lambda: len(nurture.tries) == len(numbers), describe=world.logs)
        first.kill()
        await asyncio.to_thread(first.wait)

        # One at a time now: what waits behind it was begun by the first worker, and is not in progress.
        world.limits["nurture"]["limits"] = "{concurrency: 1}"
        another_redis = redis.url.removesuffix("/0") + "/1"  # in the other one, the calls of the first still count
        second = world.start(replace(world.job(), redis_url=another_redis))
        await until(lambda: len(nurture.tries) > len(numbers), 60, describe=world.logs)
        assert await stopped(second) == 0
        assert world.finished() == {}

        nurture.behave(Behaviour())
        revokes = [a_recycle(number, "REVOKE") for number in numbers]
        world.publish(revokes)
        third = world.start(replace(world.job(), redis_url=another_redis))
        await world.wait_finished(of(["nurture"], revokes), 60)
        outcomes = world.finished()
        assert [outcomes[one] for one in of(["nurture"], revokes)] == [["accepted"]] * len(revokes)
        assert await stopped(third) == 0
