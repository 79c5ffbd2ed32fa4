"""Records of Kafka in tests: write them, read them, and count those that a group has not committed."""

from __future__ import annotations

import threading
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from aiokafka.errors import for_code
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")
CONSUMER = {
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 50,
    "fetch.message.max.bytes": 4_000_000,
    "log_level": 0,
}
CLIENT_RETRIABLE = {
    KafkaError._TRANSPORT,  # noqa: SLF001  librdkafka's own codes
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._WAIT_COORD,  # noqa: SLF001
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001  its leader is not known yet
}
ANSWER_SECONDS = 30


class Record(NamedTuple):
    """A record that tests write to Kafka, or read from it. Partition -1: the key decides."""

    key: bytes | None
    value: bytes | None
    partition: int = -1
    offset: int = -1
    headers: Sequence[tuple[str, bytes]] = ()


@cache
def _producer(bootstrap: str, _thread: int) -> Producer:
    """One per thread: a flush returns before its errors are reported when another thread polls the same producer."""
    settings = {"partitioner": "murmur2_random", "enable.idempotence": True, "linger.ms": 5, "log_level": 0}
    return Producer({"bootstrap.servers": bootstrap, "queue.buffering.max.messages": 2_000_000, **settings})


def produce(bootstrap: str, topic: str, records: Iterable[Record]) -> None:
    """Write records and wait until the broker has acknowledged them all."""
    producer, failed = _producer(bootstrap, threading.get_ident()), []
    # A partition that the client has no metadata of yet is an error at once, unlike an unknown topic.
    wait_for(lambda: producer.list_topics(topic, timeout=10).topics[topic].partitions, 30, f"metadata of {topic}")

    def on_delivery(error: object, _: object) -> None:
        failed.extend([error] if error else [])

    for one in records:
        headers: list[tuple[str, str | bytes | None]] = [*one.headers]
        producer.produce(topic, one.value, one.key, one.partition, on_delivery, headers=headers)
        producer.poll(0)
    assert producer.flush(120) == 0
    assert not failed, failed[:3]


def read_all(bootstrap: str, topic: str) -> list[Record]:
    """All records of a topic up to its present end offsets, by partition and offset."""
    return sorted(map(_record, messages(bootstrap, topic)), key=lambda record: (record.partition, record.offset))


def messages(bootstrap: str, topic: str) -> Iterator[Message]:
    """The same as the consumer returns them: by offset in each partition.

    The end offsets are requested: librdkafka reports the end of a partition only when a fetch returns nothing, which
    hardly ever happens in a topic that is written to all the time.
    """
    consumer = _consumer(bootstrap)
    try:
        numbers = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions
        ends = {number: end_of(consumer, topic, number) for number in numbers}
        unread = {number for number, end in ends.items() if end}
        consumer.assign([TopicPartition(topic, number, 0) for number in unread])
        while unread:
            for message in consumer.consume(1000, 0.05):
                number, offset = message.partition() or 0, message.offset() or 0
                if _is_end(message) or offset + 1 >= ends[number]:
                    unread.discard(number)
                if message.error() is None and offset < ends[number]:
                    yield message
    finally:
        consumer.close()


def end_of(consumer: Consumer, topic: str, number: int) -> int:
    """The offset after the last record of a partition."""
    return _retried(partial(_watermarks, consumer, TopicPartition(topic, number)))[1]


def lag(bootstrap: str, group: str, topics: Iterable[str]) -> int:
    """The number of records of these topics that the group has not committed.

    Raises:
        KafkaException: an error that is not retriable.
        AssertionError: a retriable error did not go away.
    """
    consumer, names = _consumer(bootstrap, group), list(topics)
    try:
        return _retried(lambda: sum(_lag_of(consumer, topic) for topic in names))
    finally:
        consumer.close()


def _lag_of(consumer: Consumer, topic: str) -> int:
    numbers = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions
    uncommitted = 0
    for tp in consumer.committed([TopicPartition(topic, number) for number in numbers], timeout=ANSWER_SECONDS):
        if tp.error is not None:
            raise KafkaException(tp.error)
        low, high = _watermarks(consumer, tp)
        uncommitted += high - max(tp.offset, low)
    return uncommitted


def _watermarks(consumer: Consumer, tp: TopicPartition) -> tuple[int, int]:
    """The first offset of a partition, and the one after its last."""
    return consumer.get_watermark_offsets(tp, timeout=ANSWER_SECONDS) or (0, 0)


def _retried(request: Callable[[], T]) -> T:
    """The result of a request, which is repeated while it fails with a retriable error.

    A broker answers with one for a moment after it has created a topic, and while a group has no coordinator.
    """

    def result() -> list[T]:
        try:
            return [request()]
        except KafkaException as error:
            if not _is_retriable(error.args[0].code()):
                raise
            return []

    return wait_for(result, ANSWER_SECONDS, "a response without a retriable error")[0]


def _is_retriable(code: int) -> bool:
    """Whether Kafka's protocol marks an error as retriable; codes of librdkafka itself are negative."""
    return code in CLIENT_RETRIABLE if code < 0 else bool(for_code(code).retriable)


def _is_end(message: Message) -> bool:
    """Whether this is the end of its partition: the last record may have been compacted away."""
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's own codes
        raise KafkaException(error)
    return error is not None


def _record(message: Message) -> Record:
    headers: Any = message.headers() or ()
    return Record(message.key(), message.value(), message.partition() or 0, message.offset() or 0, headers)


def _consumer(bootstrap: str, group: str = "tests") -> Consumer:
    return Consumer({"bootstrap.servers": bootstrap, "group.id": group, **CONSUMER})
