"""The topics as they are in Kafka. Read with assigned consumers: no group is joined, and nothing is written."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not marked as exported
    AdminClient,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)

from schemas.errors import UserError
from schemas.names import deliver_group, lookup_group, streams_group
from workers.kafka import KafkaConf
from workers.read_model.generation import PartitionId
from workers.reading import RESPONSE_SECONDS, any_error, read_ranges

from .stored import AUDITED, DELIVERED, FACTS, NOTED, WAITING, OffsetRanges, StoredRecord, note_of
from .topic_log import HeldRange, LogView

if TYPE_CHECKING:
    from collections.abc import Callable

_READING = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_uncommitted",
    "queued.max.messages.kbytes": 2048,  # of each partition; by default 64 MB, which some twenty partitions multiply
}
_NUMBERS = {name: number for number, name in enumerate(AUDITED)}
_NEVER = -1


class KafkaLog:
    """The topics of one deployment.

    Args:
        conf: librdkafka's connection settings.
        prefix: Of all topics.
        app_id: Names the consumer groups of streams and deliver.
        topics: Those that are read: all of AUDITED, or some of them.
    """

    def __init__(self, conf: KafkaConf, prefix: str, app_id: str, topics: Collection[str] = AUDITED) -> None:
        self._conf = conf
        self._prefix = prefix
        self._groups = streams_group(app_id), deliver_group(app_id, prefix)
        self._topics = topics
        self._admin = AdminClient(dict(conf))
        self._counts: dict[str, int] = {}

    def partitions(self) -> Mapping[str, int]:
        if not self._counts:
            known = self._admin.list_topics(timeout=RESPONSE_SECONDS).topics
            missing = [self._prefix + name for name in self._topics if self._prefix + name not in known]
            if missing:
                raise UserError(f"there is no topic {', '.join(missing)}: `leadloop topics create` makes it")
            self._counts = {name: len(known[self._prefix + name].partitions) for name in self._topics}
        return self._counts

    def view(self) -> LogView:
        streams, deliver = self._groups
        by_streams = self._committed(streams, FACTS)
        by_deliver = self._committed(deliver, (*DELIVERED, *WAITING))
        return LogView(self._offsets(self._places(self._topics), OffsetSpec.latest), by_streams, by_deliver)

    def held(self, ends: Mapping[PartitionId, int], since: int) -> Mapping[PartitionId, HeldRange]:
        firsts = self._offsets(ends, OffsetSpec.earliest)
        starts = self._offsets(ends, lambda: OffsetSpec.for_timestamp(since)) if since else firsts
        return {
            place: HeldRange(first, end if starts[place] == _NEVER else max(first, starts[place]), end)
            for place, end in ends.items()
            for first in (min(firsts[place], end),)
        }

    def kept_since(self, topics: Iterable[str]) -> int:
        now = time.time_ns() // 1_000_000
        resources = [ConfigResource(ResourceType.TOPIC, self._prefix + name) for name in topics]
        futures = self._admin.describe_configs(resources, request_timeout=RESPONSE_SECONDS)
        kept: list[int] = []
        for future in futures.values():
            entry = future.result()["retention.ms"]
            kept.append(int(entry.value))
        return max((now - ms for ms in kept if ms >= 0), default=0)

    def read(self, ranges: OffsetRanges) -> Iterator[StoredRecord]:
        consumer = Consumer({**self._conf, **_READING, "group.id": lookup_group()})
        named = {(self._prefix + topic, number): offsets for (topic, number), offsets in ranges.items()}
        try:
            for message in read_ranges(consumer, named, any_error):
                if message.key() is not None:
                    yield self._stored(message)
        finally:
            consumer.close()

    def _stored(self, message: Message) -> StoredRecord:
        topic = str(message.topic()).removeprefix(self._prefix)
        key: bytes = message.key() or b""
        return StoredRecord(
            key,
            _NUMBERS[topic],
            message.partition() or 0,
            message.offset() or 0,
            message.timestamp()[1],
            message.value(),
            self._note(topic, message) if topic in NOTED else "",
        )

    def _note(self, topic: str, message: Message) -> str:
        headers: Any = message.headers() or ()  # the stub says dict as well
        return note_of(topic, headers, self._prefix)

    def _places(self, topics: Iterable[str]) -> list[PartitionId]:
        counts = self.partitions()
        return [PartitionId(name, number) for name in topics if name in counts for number in range(counts[name])]

    def _offsets(self, places: Iterable[PartitionId], spec: "Callable[[], Any]") -> dict[PartitionId, int]:
        """The offsets that Kafka lists, in one request for all; -1 where there is none."""
        requested = {TopicPartition(self._prefix + place.topic, place.partition): spec() for place in places}
        futures = self._admin.list_offsets(requested, request_timeout=RESPONSE_SECONDS) if requested else {}
        return {
            PartitionId(of.topic.removeprefix(self._prefix), of.partition): future.result().offset
            for of, future in futures.items()
        }

    def _committed(self, group: str, topics: Iterable[str]) -> dict[PartitionId, int]:
        consumer = Consumer({**self._conf, **_READING, "group.id": group})  # never joins it
        try:
            wanted = [TopicPartition(self._prefix + place.topic, place.partition) for place in self._places(topics)]
            found = consumer.committed(wanted, timeout=RESPONSE_SECONDS)
        finally:
            consumer.close()
        for one in found:
            if one.error is not None:
                raise KafkaException(one.error)
        return {PartitionId(one.topic.removeprefix(self._prefix), one.partition): max(one.offset, 0) for one in found}
