"""The newest heartbeat of each partition: its age, and the clock of the machine that sent it."""

import time
from collections.abc import Mapping

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaException, Message, TopicPartition

from schemas.instants import short_span
from schemas.names import lookup_group
from workers.admin import reason_of
from workers.kafka import KafkaConf

from .clocks import ClockOffset, evaluate
from .findings import Finding, fail, ok, some, warn
from .topics import GRANT

WITHIN_SECONDS = 4.0
SILENT_SECONDS = 30.0
"""A partition sends itself a heartbeat each second; with none for so long, most restarts are over."""


def check(conf: KafkaConf, topic: str) -> list[Finding]:
    """Findings about ages and about the clock; none if there are no heartbeats."""
    group = {"group.id": lookup_group(), "enable.auto.commit": False, "fetch.wait.max.ms": 100}
    consumer = Consumer({**conf, **group})
    try:
        newest = _newest(consumer, topic)
    except KafkaException as error:
        return [warn("clock", f"heartbeats cannot be read: {reason_of(error)}", GRANT)]
    finally:
        consumer.close()
    if not newest:
        return []
    now = time.time()
    last = max(newest.values(), key=lambda one: one.timestamp()[1])
    ages = {partition: now - message.timestamp()[1] / 1000 for partition, message in newest.items()}
    return [evaluate_ages(ages), evaluate(_clock_of(last, now))]


def evaluate_ages(ages: Mapping[int, float]) -> Finding:
    """Whether each partition is processed. `ages`: of its newest heartbeat, in seconds, by partition."""
    silent = sorted(partition for partition, age in ages.items() if age > SILENT_SECONDS)
    oldest = short_span(max(ages.values()) * 1000)
    if not silent:
        return ok("heartbeats", f"{len(ages)} partitions, the oldest newest heartbeat is {oldest} old")
    found = f"none for up to {oldest} of partitions {some([str(one) for one in silent], 8)}"
    todo = "if streams is to run live: see its group, and docs/runbooks.md#leadloopfreshnessbudgetburn"
    return fail("heartbeats", found, todo)


def _clock_of(message: Message, now: float) -> ClockOffset:
    kind, at = message.timestamp()
    whose = "the broker's newest heartbeat" if kind == TIMESTAMP_LOG_APPEND_TIME else "the newest heartbeat"
    return ClockOffset(whose, at / 1000 - now, is_least=True)


def _newest(consumer: Consumer, topic: str) -> dict[int, Message]:
    starts = _last_offsets(consumer, topic)
    consumer.assign(starts)
    found: dict[int, Message] = {}
    until = time.monotonic() + WITHIN_SECONDS
    while len(found) < len(starts) and time.monotonic() < until:
        for message in consumer.consume(len(starts), 0.2):
            if message.error():
                raise KafkaException(message.error())
            found[message.partition() or 0] = message
    return found


def _last_offsets(consumer: Consumer, topic: str) -> list[TopicPartition]:
    known = consumer.list_topics(timeout=WITHIN_SECONDS).topics.get(topic)
    lasts = []
    for number in known.partitions if known else ():
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=WITHIN_SECONDS)
        if high > low:
            lasts.append(TopicPartition(topic, number, high - 1))
    return lasts
