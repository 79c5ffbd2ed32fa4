"""What a worker may have begun is doubted by all that come after it: until it is finished, whoever left in between."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

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


def is_forgotten(world: World) -> bool:
    """Whether Kafka has deleted the group with all its offsets; it refuses while it takes anybody for a member."""
    admin = AdminClient({"bootstrap.servers": world.broker.bootstrap, "log_level": 0})
    (group,) = admin.delete_consumer_groups([f"{world.prefix}leadloop-deliver"]).values()
    try:
        group.result(20)
    except KafkaException:
        return False
    return True


@pytest.mark.parametrize("ways", [["kill"], ["cut off", "leave"]])
async def test_the_revoke_of_what_may_have_been_begun_is_sent_also_when_all_committed_offsets_are_lost(
    ways: list[str], real_kafka: Broker, redis: RealRedis, tmp_path: Path
) -> None:
    async with World(real_kafka, tmp_path, redis.url, partitions=1) as world:
        begun, before = [a_recycle(number) for number in range(3)], a_recycle(9)
        nurture = await world.endpoint("nurture", limits="{burst: 100, concurrency: 100}")
        world.publish([before])
        worker = world.start(world.job(drain_seconds=0.5))
        await world.wait_finished(of(["nurture"], [before]))
        nurture.behave(Behaviour("hang"))
        world.publish(begun)
        await until(lambda: len(nurture.tries) == 1 + len(begun), describe=world.logs)
        for number, how in enumerate(ways):
            if number:
                worker = world.start(world.job())
                await until(lambda: set(of(["nurture"], begun)) <= world.waited(), 60, describe=world.logs)
            if how == "kill":
                worker.kill()
                await asyncio.to_thread(worker.wait)
            else:
                assert await stopped(worker) == 0
            world.set_state("nurture", "paused")
        await until(lambda: is_forgotten(world), 60)

        nurture.behave(Behaviour())
        revokes = [a_recycle(number, "REVOKE") for number in range(len(begun))]
        world.publish(revokes)
        last = world.start()
        wanted = set(of(["nurture"], revokes))
        await until(lambda: wanted <= world.waited() | set(world.finished()), 60, describe=world.logs)
        world.set_state("nurture", "active")
        await world.wait_finished(of(["nurture"], revokes), 60)
        outcomes = world.finished()
        assert [outcomes[one] for one in of(["nurture"], revokes)] == [["accepted"]] * len(revokes)
        assert await stopped(last) == 0
