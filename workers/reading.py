"""Reads partitions up to the end offsets that they had at the start, with an assigned (not subscribed) consumer.

Used by commands that look records up (`records_of`), and by delivery to recover its index and the endpoint states.
The caller opens and closes the consumer, and decides which errors of Kafka it raises: `any_error`, or
`permanent_error` where librdkafka recovers from the others by itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.errors import UserError
from schemas.names import lookup_group
from workers.kafka import KafkaConf, is_passing, repeated

RESPONSE_SECONDS = 20.0
_BATCH_RECORDS, _BATCH_SECONDS = 1000, 0.2

Ranges = Mapping[tuple[str, int], tuple[int, int]]
"""By topic and partition: the offset to start at, and the end offset, which is not read any more."""


class UnreadableTopic(KafkaException):
    """The topic does not exist, or may not be read."""


def any_error(_: KafkaError) -> bool:
    """Select every error: a command ends at the first one."""
    return True


def permanent_error(error: KafkaError) -> bool:
    """Select the errors that librdkafka does not recover from: a worker waits for the end of the others."""
    return not is_passing(error)


def records(conf: KafkaConf, topic: str, since: int = 0) -> Iterator[Message]:
    """One topic; see `records_of`."""
    return records_of(conf, [topic], since)


def records_of(
    conf: KafkaConf, topics: Sequence[str], since: int = 0, *, is_following: bool = False
) -> Iterator[Message]:
    """Yield every record that was written at or after `since`, oldest first per partition.

    Args:
        conf: librdkafka's connection settings.
        topics: Their names, with the prefix.
        since: Epoch ms; 0: from the beginning.
        is_following: Continue with records that arrive later, without end. Otherwise reading stops at the end offsets
            that the topics had when it began.

    Raises:
        UserError: There is no such topic.
        KafkaException: The broker is unavailable, or denies access.
    """
    group = {"group.id": lookup_group(), "enable.auto.commit": False}
    consumer = Consumer({**conf, **group, "auto.offset.reset": "earliest", "isolation.level": "read_uncommitted"})
    try:
        yield from read_ranges(consumer, _ranges_of_topics(consumer, topics, since), any_error, with_later=is_following)
        while is_following:
            yield from fetch(consumer, any_error)
    finally:
        consumer.close()


def ranges_of(consumer: Consumer, topic: str, since: int = 0) -> Ranges:
    """The ranges of all partitions of a topic: from the first record at or after `since` (epoch ms) to the end now.

    Raises:
        UnreadableTopic: The topic does not exist, or may not be read.
        KafkaException: The broker is unavailable.
    """
    error, numbers = repeated(partial(_partitions_of, consumer, topic))
    if error or not numbers:
        raise UnreadableTopic(error)
    starts = [TopicPartition(topic, number, since) for number in numbers]
    if since:
        starts = repeated(partial(consumer.offsets_for_times, starts, RESPONSE_SECONDS))
    ranges = {}
    for start in starts:
        place = TopicPartition(topic, start.partition)
        low, high = repeated(partial(consumer.get_watermark_offsets, place, timeout=RESPONSE_SECONDS))
        ranges[topic, start.partition] = (high if start.offset == OFFSET_END else max(start.offset, low), high)
    return ranges


def _partitions_of(consumer: Consumer, topic: str) -> tuple[KafkaError | None, list[int]]:
    found = consumer.list_topics(topic, timeout=RESPONSE_SECONDS).topics[topic]
    if found.error is not None and is_passing(found.error):
        raise KafkaException(found.error)
    return found.error, list(found.partitions)


def read_ranges(
    consumer: Consumer,
    ranges: Ranges,
    is_raised: Callable[[KafkaError], bool],
    *,
    is_wanted: Callable[[], bool] = lambda: True,
    with_later: bool = False,
) -> Iterator[Message]:
    """Assign the ranges to the consumer, and yield their records, oldest first per partition, up to the ends.

    Args:
        consumer: It stays assigned, and is positioned behind the last fetched record.
        ranges: What to read.
        is_raised: Which errors are raised; the others are ignored.
        is_wanted: Reading stops early when this is false; checked after each batch.
        with_later: For callers that then continue with `fetch`: also assign the empty ranges, and also yield records
            behind the ends if they are fetched together with others.

    Raises:
        KafkaException: An error that `is_raised` selects.
    """
    ends = {place: high for place, (low, high) in ranges.items() if high > low}
    consumer.assign([TopicPartition(*place, ranges[place][0]) for place in (ranges if with_later else ends)])
    while ends and is_wanted():
        for message in fetch(consumer, is_raised):
            place = str(message.topic()), message.partition() or 0
            if with_later or (message.offset() or 0) < ends.get(place, 0):
                yield message
        for at in consumer.position([TopicPartition(*place) for place in ends]):
            if at.offset >= ends[at.topic, at.partition]:
                del ends[at.topic, at.partition]


def fetch(consumer: Consumer, is_raised: Callable[[KafkaError], bool]) -> Iterator[Message]:
    """Yield the records of one batch; none if nothing arrives within 0.2 s. Raises KafkaException as `read_ranges`."""
    for message in consumer.consume(_BATCH_RECORDS, _BATCH_SECONDS):
        error = message.error()
        if error is None:
            yield message
        elif is_raised(error):
            raise KafkaException(error)


def _ranges_of_topics(consumer: Consumer, topics: Sequence[str], since: int) -> Ranges:
    ranges: dict[tuple[str, int], tuple[int, int]] = {}
    for topic in topics:
        try:
            ranges |= ranges_of(consumer, topic, since)
        except UnreadableTopic as error:
            raise UserError(f"there is no topic {topic}: `leadloop topics create` makes it") from error
    return ranges
