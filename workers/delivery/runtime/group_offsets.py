"""What Kafka has of the partitions of a worker: their offsets, and the commit with which it takes them over.

The brokers are asked again while they answer with a passing error, such as right after a restart or a new topic.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

from workers.kafka import is_passing, repeated

from ..core.model import Takeover
from ..core.takeover import HELD, FoundTopic, taken_over
from .flow import Place
from .membership import awake_seconds

T = TypeVar("T")
log = logging.getLogger("leadloop.deliver")

_BROKER_SECONDS = 20.0
_OVERTAKEN = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001  the library's own name for it
}


def places_of(positions: Mapping[Place, int], how: str) -> list[TopicPartition]:
    """Return the offsets to commit, with how the partitions are left beside them."""
    return [TopicPartition(topic, partition, offset, metadata=how) for (topic, partition), offset in positions.items()]


def takeovers_of(
    consumer: Consumer,
    assigned: list[TopicPartition],
    topics: Sequence[str],
    written_topics: Collection[str],
    later_topics: Collection[str] = (),
) -> list[Takeover]:
    """Return how each partition is taken over; see `KafkaSource` for the topics.

    Raises:
        KafkaException: The brokers do not answer, or refuse.
    """
    committed = _repeated(lambda: consumer.committed(assigned, timeout=_BROKER_SECONDS))
    by_number: dict[int, dict[str, TopicPartition]] = {}
    for place in committed:
        by_number.setdefault(place.partition, {})[place.topic] = place
    later, needed = set(later_topics), set(topics) - set(later_topics)
    if alone := [number for number, places in by_number.items() if set(places) <= later]:
        log.info("partitions %s of %s wait until all workers have this version", alone, ", ".join(later))
    together = {number: places for number, places in sorted(by_number.items()) if number not in alone}
    if any(not needed <= set(places) for places in together.values()):
        raise RuntimeError(f"partitions were not assigned alike: {sorted(by_number)}")
    return [_takeover(consumer, number, places, written_topics) for number, places in together.items()]


def _takeover(
    consumer: Consumer, number: int, places: Mapping[str, TopicPartition], written_topics: Collection[str]
) -> Takeover:
    def found(topic: str, committed: int | None = None, note: str = "") -> FoundTopic:
        place = TopicPartition(topic, number)
        low, high = _repeated(partial(consumer.get_watermark_offsets, place, _BROKER_SECONDS))
        return FoundTopic(low, high, committed, note)

    known = {
        topic: found(topic, None if one.offset == OFFSET_INVALID else one.offset, one.metadata or "")
        for topic, one in places.items()
    }
    # The end of a topic stays, whatever retention deletes.
    was_delivered = any((known.get(topic) or found(topic)).high for topic in written_topics)
    return taken_over(number, known, was_delivered=was_delivered)


def is_taken(consumer: Consumer, positions: Mapping[Place, int]) -> bool:
    """Commit that this worker has these partitions; False if the group refuses, because a rebalance was faster."""
    places = places_of(positions, HELD)
    try:
        _repeated(lambda: consumer.commit(offsets=places, asynchronous=False), _OVERTAKEN)
    except KafkaException as fault:
        if fault.args[0].code() in _OVERTAKEN:
            return False
        raise
    return True


def _repeated(request: Callable[[], T], until: Collection[int] = ()) -> T:
    """As `repeated`, by a clock that goes on while the machine sleeps: the group has given us up by then."""
    return repeated(request, until, now=awake_seconds)


def tolerate(fault: KafkaError) -> None:
    """Ignore passing errors; a commit that was too late belongs to another worker's partition already."""
    if not is_passing(fault):
        raise KafkaException(fault)
