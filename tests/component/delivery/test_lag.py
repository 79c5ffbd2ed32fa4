"""What an autoscaler by lag sees: committed offsets in every partition, also while nothing is sent."""

from collections.abc import Mapping

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.component.delivery.harness import World, a_recycle, until
from workers.delivery.events import TOPICS

Place = tuple[str, int]


def committed(world: World) -> Mapping[Place, int]:
    """The committed offsets of the topics of events; negative where there is none."""
    group = f"{world.prefix}leadloop-deliver"
    consumer = Consumer({"bootstrap.servers": world.broker.bootstrap, "group.id": group})
    places = [TopicPartition(world.prefix + name, number) for name in TOPICS for number in range(world.partitions)]
    try:
        return {(one.topic, one.partition): one.offset for one in consumer.committed(places, timeout=30)}
    finally:
        consumer.close()


async def test_every_partition_has_a_committed_offset_and_it_moves_while_the_endpoint_is_paused(world: World) -> None:
    await world.endpoint("nurture")
    world.set_state("nurture", "paused")
    first = [a_recycle(1, lead_id="lead-1") for _ in range(20)]  # of one partition: the others stay empty
    world.publish(first)
    ((topic, number),) = {(world.prefix + "lead-recycled", one) for one in _filled(world)}
    admin = AdminClient({"bootstrap.servers": world.broker.bootstrap})
    for deleted in admin.delete_records([TopicPartition(topic, number, 15)]).values():  # as retention does
        deleted.result(30)
    world.start()
    await until(lambda: committed(world)[topic, number] == 20)
    assert all(offset >= 0 for offset in committed(world).values())
    world.publish([a_recycle(2, lead_id="lead-1")])
    await until(lambda: committed(world)[topic, number] == 21)


def _filled(world: World) -> set[int]:
    consumer = Consumer({"bootstrap.servers": world.broker.bootstrap, "group.id": "ends"})
    try:
        ends = {
            number: consumer.get_watermark_offsets(TopicPartition(world.prefix + "lead-recycled", number), timeout=30)
            for number in range(world.partitions)
        }
    finally:
        consumer.close()
    return {number for number, (_, high) in ends.items() if high}
