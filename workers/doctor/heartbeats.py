"""Compares the clock with the timestamp of the newest heartbeat in Kafka."""

import time

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaException, Message, TopicPartition

from schemas.names import lookup_group
from workers.admin import reason_of
from workers.kafka import KafkaConf

from .clocks import ClockOffset, evaluate
from .findings import Finding, warn
from .topics import GRANT

WITHIN_SECONDS = 4.0


def check(conf: KafkaConf, topic: str) -> list[Finding]:
    """One finding, or none if there are no heartbeats."""
    group = {"group.id": lookup_group(), "enable.auto.commit": False, "fetch.wait.max.ms": 100}
    consumer = Consumer({**conf, **group})
    try:
        newest = _newest(consumer, topic)
    except KafkaException as error:
        return [warn("clock", f"heartbeats cannot be read: {reason_of(error)}", GRANT)]
    finally:
        consumer.close()
    return [] if newest is None else [evaluate(_clock_of(newest, time.time()))]


def _clock_of(message: Message, now: float) -> ClockOffset:
    kind, at = message.timestamp()
    whose = "the broker's newest heartbeat" if kind == TIMESTAMP_LOG_APPEND_TIME else "the newest heartbeat"
    return ClockOffset(whose, at / 1000 - now, is_least=True)


def _newest(consumer: Consumer, topic: str) -> Message | None:
    starts = _last_offsets(consumer, topic)
    consumer.assign(starts)
    found: list[Message] = []
    until = time.monotonic() + WITHIN_SECONDS
    while len({one.partition() for one in found}) < len(starts) and time.monotonic() < until:
        for message in consumer.consume(len(starts), 0.2):
            if message.error():
                raise KafkaException(message.error())
            found.append(message)
    return max(found, key=lambda one: one.timestamp()[1], default=None)


def _last_offsets(consumer: Consumer, topic: str) -> list[TopicPartition]:
    known = consumer.list_topics(timeout=WITHIN_SECONDS).topics.get(topic)
    lasts = []
    for number in known.partitions if known else ():
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=WITHIN_SECONDS)
        if high > low:
            lasts.append(TopicPartition(topic, number, high - 1))
    return lasts
