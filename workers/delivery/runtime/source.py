"""Kafka's side of deliver: a thread that polls, and hands over to the event loop, which says when it has enough.

All topics have equally many partitions and range assigns them alike, so partition p of every one of them is in the same
hands. Only while workers of a version that knows fewer topics are in the group, a later topic may be assigned
otherwise: a partition of it that this worker has alone is not consumed until they are gone. Offsets are committed only
on command. All calls of the consumer are made by its thread: librdkafka's `pause` and `resume` wait for answers that a
thread in `poll` would have to give.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar, assert_never

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.names import client_id

from ..core.model import ConsumedRecord, Released, Takeover
from ..core.takeover import HELD, LEFT
from .flow import Commit, ConsumerCommands, Pause, Place, Resume
from .group_offsets import is_taken, places_of, takeovers_of, tolerate
from .membership import GroupMembership, awake_seconds

T = TypeVar("T")
log = logging.getLogger("leadloop.deliver")

BATCH = 256
_LEAVE_SECONDS = 5.0
"""How long the commit and the leave of a worker that stops may take: without Kafka they would take minutes."""
_POLL_SECONDS = 0.02
_COMMITS_REFUSED = {
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.OFFSET_METADATA_TOO_LARGE,
}


class Receiver(Protocol):
    """The event loop's side. Its methods run in the loop, while the thread of the consumer waits for them."""

    async def partitions_assigned(self, takeovers: Sequence[Takeover]) -> None: ...
    async def records_consumed(self, batch: Sequence[ConsumedRecord]) -> None:
        """Accept records; nothing more is consumed until it returns."""
        ...

    async def partitions_revoked(self) -> Released:
        """Release everything. Returns what may be committed."""
        ...

    async def partitions_lost(self) -> None:
        """Release everything: it belongs to another worker already."""
        ...


class KafkaSource:
    """The consumer and its thread.

    `written_topics`: where something is written of each delivery that was attempted. `later_topics`: those that workers
    of an older version do not know.
    """

    def __init__(
        self,
        conf: Mapping[str, Any],
        group: str,
        topics: Sequence[str],
        session_seconds: float,
        *,
        written_topics: Collection[str],
        later_topics: Collection[str] = (),
        receiver: Receiver,
        commands: ConsumerCommands,
        membership: GroupMembership,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._topics, self._written_topics, self._later_topics = list(topics), written_topics, later_topics
        self._receiver = receiver
        self._commands = commands
        self._membership = membership
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._stopping, self._released = threading.Event(), threading.Event()
        self._is_abandoned = False
        self._batch: list[Message] = []
        self._commit_sent_at: float | None = None
        self.is_settled = False
        self.behind: Mapping[str, int] = dict.fromkeys(topics, 0)
        """Records by topic that are not finished, as far as the last fetch knew."""
        self._consumer = Consumer(
            {
                **conf,
                "group.id": group,
                "client.id": client_id("deliver"),
                "partition.assignment.strategy": "range",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": int(session_seconds * 1000),
                "heartbeat.interval.ms": int(session_seconds * 1000 / 6),
                "max.poll.interval.ms": 300_000,
                "fetch.wait.max.ms": 100,
                "queued.min.messages": 2_000,
                "queued.max.messages.kbytes": 16_384,
                "on_commit": self._committed,
            }
        )
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        """Give everything up and leave the group; without its answer if it does not come."""
        self._stopping.set()
        await asyncio.to_thread(self._released.wait)
        await asyncio.to_thread(self._thread.join, _LEAVE_SECONDS)
        self._is_abandoned = self._thread.is_alive()
        if self._is_abandoned:
            log.warning("Kafka does not answer: left without a commit, what was not recorded will be repeated")

    def _commit(self, positions: Mapping[Place, int]) -> None:
        self._commit_sent_at = self._commit_sent_at or awake_seconds()
        self._consumer.commit(offsets=places_of(positions, HELD), asynchronous=True)
        behind = dict.fromkeys(self._topics, 0)
        for (topic, partition), position in positions.items():
            _, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
            behind[topic] += max(0, high - position)
        self.behind = behind

    def _obey(self) -> None:
        for command in self._commands.taken():
            try:
                match command:
                    case Pause(place):
                        self._consumer.pause([TopicPartition(*place)])
                    case Resume(place):
                        self._consumer.resume([TopicPartition(*place)])
                    case Commit(positions):
                        self._commit(positions)
                    case never:
                        assert_never(never)
            except KafkaException as error:
                tolerate(error.args[0])

    def _run(self) -> None:
        try:
            self._consumer.subscribe(
                self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )
            while not self._stopping.is_set():
                self._obey()
                self._poll()
            self._revoked(self._consumer, [])
            self._consumer.close()
        except BaseException as fault:  # noqa: BLE001  reported to the loop, which ends the process
            if not self._is_abandoned:
                self._failed(fault)
        finally:
            self._released.set()

    def _poll(self) -> None:
        message = self._consumer.poll(_POLL_SECONDS)
        while message is not None:
            if fault := message.error():
                tolerate(fault)
            else:
                self._batch.append(message)
            message = self._consumer.poll(0) if len(self._batch) < BATCH else None
        batch, self._batch = self._batch, []
        if batch:
            self._wait(self._receiver.records_consumed([_consumed_record(one) for one in batch]))

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._batch.clear()
        self._commands.assignment_changed()
        takeovers = takeovers_of(consumer, partitions, self._topics, self._written_topics, self._later_topics)
        starts = [
            TopicPartition(topic, takeover.partition, position)
            for takeover in takeovers
            for topic, position in takeover.positions.items()
        ]
        consumer.assign(starts)
        self.is_settled = True
        if not starts:  # there are more workers than partitions: what this one was behind is another's
            self.behind = dict.fromkeys(self._topics, 0)
            return
        consumer.pause(starts)
        held = {(one.topic, one.partition): one.offset for one in starts}
        # Before anything is delivered: whoever takes over from us must know that we were here.
        if not is_taken(consumer, held):
            return  # they are another worker's already: the next poll says so, and until then nothing is consumed
        self._membership.confirm(awake_seconds())
        self._wait(self._receiver.partitions_assigned(takeovers))

    def _revoked(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        self._batch.clear()  # not accepted: it will be read again
        released = self._wait(self._receiver.partitions_revoked())
        if self._stopping.is_set():
            self._released.set()
        self._commands.assignment_changed()
        if offsets := places_of(released.left, LEFT) + places_of(released.held, HELD):
            try:
                consumer.commit(offsets=offsets, asynchronous=False)
            except KafkaException as fault:
                tolerate(fault.args[0])
        self.is_settled = False

    def _lost(self, _: Consumer, __: list[TopicPartition]) -> None:
        self._batch.clear()
        self._wait(self._receiver.partitions_lost())
        self._commands.assignment_changed()
        self.is_settled = False

    def _committed(self, fault: KafkaError | None, places: list[TopicPartition]) -> None:
        """Who may not commit would go on for ever, and send nothing: that is no state to stay in."""
        for one in (fault, *(place.error for place in places)):
            if one is not None and one.code() in _COMMITS_REFUSED:
                raise KafkaException(one)
        if fault is None and self._commit_sent_at is not None:
            self._membership.confirm(self._commit_sent_at)
        self._commit_sent_at = None

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _consumed_record(message: Message) -> ConsumedRecord:
    return ConsumedRecord(
        str(message.topic()),
        message.partition() or 0,
        message.offset() or 0,
        message.key(),
        message.value(),
        _headers(message),
        message.timestamp()[1],
    )


def _headers(message: Message) -> Sequence[tuple[str, bytes | None]]:
    try:
        return message.headers() or ()  # type: ignore[return-value]  # pairs, as they come
    except (UnicodeDecodeError, SystemError):  # a name that is no text: none of ours
        return ()
