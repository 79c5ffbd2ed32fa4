"""The topics as one consumer group reads them: assigned partitions, fetched records, end offsets.

`seek` sets where consumption continues. Offsets are committed only for monitoring, and are never read. After an
assignment nothing is fetched until `seek` is called: the group's partitions are kept in `assigned`, and librdkafka gets
them from `seek`. (Paused instead, a partition that is assigned again and resumed may first be fetched from where it
stood before: seen in 2 of 720 assignments on a loaded machine.)

It does not use `workers.reading`: as a member of a group it has no fixed end offsets. It consumes without end, and
reports (`LogBatch.ends`) when a partition has no more records, so that the position also passes offsets without one.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not marked as exported
    AdminClient,
    ListOffsetsResultInfo,
    OffsetSpec,
)

from schemas.names import client_id
from workers.kafka import MISSING_TOPIC_HINT, KafkaConf
from workers.read_model.generation import SOURCE_TOPICS, PartitionId

from .errors import Unavailable

if TYPE_CHECKING:
    from concurrent.futures import Future

REQUEST_SECONDS = 10.0
RUN_RECORDS = 1000
_BEGINNING, _UNSET = -2, -1001  # librdkafka's logical offsets
_LOG = logging.getLogger("leadloop.project")
_FATAL = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError._AUTHENTICATION,  # noqa: SLF001  # librdkafka's own codes are named so
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
    KafkaError._FATAL,  # noqa: SLF001
)


class LogRecord(NamedTuple):
    """One consumed record. `published_at`: Kafka's timestamp, epoch ms."""

    place: PartitionId
    offset: int
    published_at: int
    key: bytes | None
    value: bytes | None


class LogBatch(NamedTuple):
    """One fetched batch. `ends`: partitions that were consumed to their end, with the end offset."""

    records: Sequence[LogRecord]
    ends: Mapping[PartitionId, int]


class Log:
    """A member of the group. All callbacks run in the calling thread."""

    def __init__(
        self,
        conf: KafkaConf,
        group: str,
        prefix: str,
        session_seconds: float,
        topics: Sequence[str] = SOURCE_TOPICS,
    ) -> None:
        self._prefix = prefix
        self._topics = topics
        self._consumer = Consumer({**conf, **_settings(group, session_seconds), "client.id": client_id("project")})
        self._admin = AdminClient(dict(conf))
        self.assigned: frozenset[PartitionId] = frozenset()
        self.is_positioned = False
        self.is_member = False
        self.is_spare = False  # a member without partitions: there are more members than partitions
        self._consumer.subscribe(
            [prefix + name for name in topics], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke
        )

    def take(self, seconds: float, most: int = RUN_RECORDS) -> LogBatch:
        """Fetch available records, waiting at most that long. Returns nothing before `seek`.

        Raises:
            Unavailable: a topic is missing.
            KafkaException: an error that waiting does not fix.
        """
        records: list[LogRecord] = []
        ends: dict[PartitionId, int] = {}
        for message in self._consumer.consume(most, seconds):
            error = message.error()
            place = PartitionId(str(message.topic()).removeprefix(self._prefix), message.partition() or 0)
            if error is not None:
                self._on_error(error, place, message.offset() or 0, ends)
            elif self.is_positioned and place in self.assigned:
                published_at = message.timestamp()[1]
                records.append(LogRecord(place, message.offset() or 0, published_at, message.key(), message.value()))
        return LogBatch(records, ends if self.is_positioned else {})

    def seek(self, positions: Mapping[PartitionId, int | None]) -> None:
        """Continue at these offsets; at the beginning where there is None."""
        starts = [self._partition(place, _BEGINNING if at is None else at) for place, at in positions.items()]
        self._consumer.assign(starts)
        self.is_positioned = True

    def pause(self) -> None:
        """Fetch nothing until the next `seek`."""
        self.is_positioned = False
        self._consumer.assign([])

    def ends(self, places: Iterable[PartitionId] | None = None) -> dict[PartitionId, int]:
        """The current end offsets; of all partitions of all topics if no places are given.

        Raises:
            Unavailable: Kafka does not answer, or a topic is missing.
        """
        requested = self.request_ends(self._all_partitions() if places is None else places)
        try:
            return {place: future.result(2 * REQUEST_SECONDS).offset for place, future in requested.items()}
        except KafkaException as error:
            self.refresh_leaders()
            raise Unavailable("kafka", f"Kafka does not answer: {error.args[0].str()}") from error
        except TimeoutError as error:
            raise Unavailable("kafka", "Kafka does not answer") from error

    def request_ends(self, places: Iterable[PartitionId]) -> dict[PartitionId, "Future[ListOffsetsResultInfo]"]:
        """Request end offsets without waiting for the response. Raises Unavailable."""
        requested = self._partitions(places)
        if not requested:
            return {}
        latest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        try:
            answers = self._admin.list_offsets(dict.fromkeys(requested, latest), request_timeout=REQUEST_SECONDS)
        except KafkaException as error:
            raise Unavailable("kafka", f"Kafka does not answer: {error.args[0].str()}") from error
        return {
            PartitionId(one.topic.removeprefix(self._prefix), one.partition): future for one, future in answers.items()
        }

    def refresh_leaders(self) -> None:
        """Fetch the metadata of all topics, after end offsets were refused.

        librdkafka requests them with the leader epochs that it knows. A broker that was killed has newer ones and
        refuses, and the refusal alone makes no librdkafka look for newer ones.
        """
        with suppress(KafkaException):
            self._admin.list_topics(timeout=REQUEST_SECONDS)

    def cluster(self) -> str:
        """The id of the cluster. Raises Unavailable."""
        try:
            return str(self._consumer.list_topics(timeout=REQUEST_SECONDS).cluster_id)
        except KafkaException as error:
            raise Unavailable("kafka", f"Kafka does not answer: {error.args[0].str()}") from error

    def commit(self, positions: Mapping[PartitionId, int]) -> None:
        """Commit the positions, for Kafka's own tools only. Failures are ignored."""
        offsets = [self._partition(place, at) for place, at in positions.items() if place in self.assigned]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                _LOG.debug("positions are not committed: %s", error)

    def close(self) -> None:
        self._consumer.close()

    def _all_partitions(self) -> list[PartitionId]:
        try:
            found = self._consumer.list_topics(timeout=REQUEST_SECONDS).topics
        except KafkaException as error:
            raise Unavailable("kafka", f"Kafka does not answer: {error.args[0].str()}") from error
        missing = [name for name in self._topics if self._prefix + name not in found]
        if missing:
            raise Unavailable(
                "kafka", f"there is no topic {', '.join(missing)}, or no right to see it: {MISSING_TOPIC_HINT}"
            )
        return [PartitionId(name, number) for name in self._topics for number in found[self._prefix + name].partitions]

    def _assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.assigned = frozenset(
            PartitionId(one.topic.removeprefix(self._prefix), one.partition) for one in partitions
        )
        self.is_positioned, self.is_member, self.is_spare = False, True, not partitions
        self._consumer.assign([])

    def _revoke(self, _: Consumer, __: list[TopicPartition]) -> None:
        self.assigned, self.is_positioned, self.is_spare = frozenset(), False, False

    def _on_error(self, error: KafkaError, place: PartitionId, offset: int, ends: dict[PartitionId, int]) -> None:
        code = error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001
            if place in self.assigned:
                ends[place] = offset
        elif code in _FATAL or error.fatal():
            raise KafkaException(error)
        elif code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise Unavailable("kafka", f"there is no topic {place.topic}: `leadloop topics create` makes it")
        else:
            _LOG.warning("Kafka: %s", error.str())

    def _partitions(self, places: Iterable[PartitionId]) -> list[TopicPartition]:
        return [self._partition(place) for place in places]

    def _partition(self, place: PartitionId, at: int = _UNSET) -> TopicPartition:
        return TopicPartition(self._prefix + place.topic, place.partition, at)


def _settings(group: str, session_seconds: float) -> dict[str, str | int]:
    return {
        "group.id": group,
        "session.timeout.ms": int(session_seconds * 1000),
        "heartbeat.interval.ms": int(session_seconds * 1000 / 6),
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",  # retention deleted what was not read yet
        "isolation.level": "read_uncommitted",  # as streams reads: the read model has what streams has processed
        "enable.partition.eof": True,
        # The same numbers of all topics go to one member: a lead is then written by one.
        "partition.assignment.strategy": "range",
        "fetch.wait.max.ms": 100,
        "queued.min.messages": 20_000,
        "queued.max.messages.kbytes": 65_536,
    }
