"""Reads topics from a moment on to where they end now, for commands that look things up; or goes on from there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from schemas.errors import UserError
from schemas.names import lookup_group

_ANSWER_SECONDS = 20.0


def records(conf: Mapping[str, Any], topic: str, since: int = 0) -> Iterator[Message]:
    """One topic; see `records_of`."""
    return records_of(conf, [topic], since)


def records_of(
    conf: Mapping[str, Any], topics: Sequence[str], since: int = 0, *, is_following: bool = False
) -> Iterator[Message]:
    """Every record that was written at or after `since` (epoch ms), oldest first per partition.

    Ends where the topics ended when it began, unless following.

    Raises:
        UserError: there is no such topic.
        KafkaException: the broker is out of reach.
    """
    group = {"group.id": lookup_group(), "enable.auto.commit": False}
    consumer = Consumer({**conf, **group, "auto.offset.reset": "earliest", "isolation.level": "read_uncommitted"})
    try:
        ends = _assign(consumer, topics, since)
        while ends or is_following:
            for message in consumer.consume(1000, timeout=0.2):
                if message.error():
                    raise KafkaException(message.error())
                place = str(message.topic()), message.partition() or 0
                if is_following or (message.offset() or 0) < ends.get(place, 0):
                    yield message
            for at in consumer.position([TopicPartition(*place) for place in ends]) if ends else ():
                if at.offset >= ends[at.topic, at.partition]:
                    del ends[at.topic, at.partition]
    finally:
        consumer.close()


def _assign(consumer: Consumer, topics: Sequence[str], since: int) -> dict[tuple[str, int], int]:
    """The ends of the partitions that hold anything to be read."""
    ends, starts = {}, []
    for topic in topics:
        known = consumer.list_topics(topic, timeout=_ANSWER_SECONDS).topics[topic]
        if known.error or not known.partitions:
            raise UserError(f"there is no topic {topic}: `leadloop topics create` makes it")
        asked = [TopicPartition(topic, number, since) for number in known.partitions]
        for one in consumer.offsets_for_times(asked, _ANSWER_SECONDS) if since else asked:
            place = TopicPartition(topic, one.partition)
            low, high = consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)
            place.offset = high if one.offset == OFFSET_END else max(one.offset, low)
            starts.append(place)
            if high > place.offset:
                ends[topic, one.partition] = high
    consumer.assign(starts)
    return ends
