"""A producer for event loops: `await` returns when the broker has acknowledged.

The event loop polls it, not a thread: librdkafka acquires the interpreter's lock for every callback, and beside a busy
loop each of them would wait for it.

    Undelivered     not acknowledged in time, or rejected; it may be in Kafka: send it again, with the same id
    Full            too many records are in flight; nothing was sent
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

T = TypeVar("T")

MISSING_TOPIC_HINT = "run `leadloop topics create`; deploy/acls.yml lists the permissions it takes to describe a topic"
"""What to do about a missing topic: Kafka hides a topic from users who may not describe it."""

DELIVERY_SECONDS = 10.0  # as long as an HTTP client waits; then it gets 503 with Retry-After
MAX_IN_FLIGHT = 20_000  # records: usually about 20 MiB; MAX_KBYTES bounds large ones
MAX_KBYTES = 131_072
_POLL_SECONDS = 0.001
_IDLE_SECONDS = 0.5  # errors of the connection are noticed even when nothing is sent

KafkaConf = Mapping[str, str | int | float]
"""Configuration of librdkafka; `KafkaSettings.librdkafka` returns the part about the connection."""

PRODUCER: KafkaConf = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",  # as Java's producers: a lead's facts meet on one partition
    "compression.type": "lz4",
    "linger.ms": 2,
    "message.timeout.ms": int(DELIVERY_SECONDS * 1000),
    "topic.metadata.propagation.max.ms": 5_000,  # a missing topic is reported before the HTTP client gives up
    "queue.buffering.max.messages": 2 * MAX_IN_FLIGHT,
    "queue.buffering.max.kbytes": MAX_KBYTES,
    "log.connection.close": False,
}
"""The configuration of the producer; connection settings are added."""

RecordPlace = tuple[int, int]
"""Partition and offset of an acknowledged record."""


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A record to send; on partition -1 the key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    partition: int = -1


class Undelivered(Exception):
    """The broker did not acknowledge all records; each may be in Kafka or not. Send them again, with the same ids."""


class Full(Exception):
    """Too many records are in flight: retry later."""


class Sender(Protocol):
    """The part of a producer that senders use."""

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[RecordPlace]: ...


class AsyncProducer:
    """Sends in the order of the calls. For one event loop, between `start` and `close`.

    Attributes:
        in_flight: Records that are sent and not acknowledged.
        trouble: The last error of the connection; empty once a record is acknowledged again.
        fatal: Why this producer cannot send any more; empty if it can.
    """

    def __init__(self, conf: KafkaConf, *, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        self.in_flight = 0
        self.trouble = ""
        self.fatal = ""
        self._max_in_flight = max_in_flight
        self._producer = Producer({**PRODUCER, **conf, "error_cb": self._on_error})
        self._polling: asyncio.Task[None] | None = None
        self._busy = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self) -> None:
        self._polling = asyncio.get_running_loop().create_task(self._poll())

    async def send(self, record: Outgoing) -> RecordPlace:
        """Send one record, as `send_all`."""
        return (await self.send_all([record]))[0]

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[RecordPlace]:
        """Send, and wait until all are acknowledged. Places are in the order of the records.

        Raises:
            Full: Too many records are in flight; none was sent.
            Undelivered: Not all were acknowledged.
        """
        if not records:
            return []
        if self.in_flight + len(records) > self._max_in_flight:
            raise Full(f"{self.in_flight} records wait for the broker")
        call = _Call(self, len(records))
        self.count_in_flight(len(records))
        for number, record in enumerate(records):
            try:
                self._producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    record.partition,
                    partial(call.on_delivery, number),
                    headers=record.headers,  # type: ignore[arg-type]  # the stub lacks lists of pairs
                )
            except (BufferError, KafkaException) as fault:
                call.not_sent(len(records) - number, str(fault))
                break
        return await call.done

    def topics(self, within: float = 2.0) -> Mapping[str, int]:
        """The number of partitions by topic, from the broker.

        Blocks for at most `within` seconds. Raises KafkaException if the broker does not answer.
        """
        found = self._producer.list_topics(timeout=within).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    async def close(self, within: float = DELIVERY_SECONDS) -> None:
        """Wait at most `within` seconds for records in flight, then drop the rest: their senders get Undelivered."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._idle.wait()
        if self._polling is not None:
            self._polling.cancel()
        self._producer.purge()
        self._poll_once()

    async def _poll(self) -> None:
        while True:
            self._poll_once()
            if self.in_flight:
                await asyncio.sleep(_POLL_SECONDS)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._busy.wait(), _IDLE_SECONDS)

    def _poll_once(self) -> None:
        try:
            self._producer.poll(0)
        except (
            KafkaException
        ) as fault:  # a fatal error is not passed to `error_cb`; callbacks of sent records still run
            self._on_error(fault.args[0])

    def count_in_flight(self, step: int) -> None:
        """Change the number of records in flight by `step`."""
        self.in_flight += step
        if self.in_flight == 0:
            self._idle.set()
            self._busy.clear()
        elif not self._busy.is_set():
            self._busy.set()
            self._idle.clear()

    def _on_error(self, fault: KafkaError) -> None:
        self.trouble = fault.str()
        if fault.fatal():
            self.fatal = fault.str()


class _Call:
    """One `send_all`: counts its acks down, so that a batch is one future."""

    __slots__ = ("_fault", "_left", "_owner", "_places", "done")

    def __init__(self, owner: AsyncProducer, count: int) -> None:
        self.done: asyncio.Future[Sequence[RecordPlace]] = asyncio.get_running_loop().create_future()
        self._owner = owner
        self._left = count
        self._places: list[RecordPlace] = [(-1, -1)] * count
        self._fault = ""

    def on_delivery(self, number: int, fault: KafkaError | None, message: Message) -> None:
        if fault is None:
            self._places[number] = (message.partition() or 0, message.offset() or 0)
            self._owner.trouble = ""
        else:
            self._fault = self._fault or fault.str()
        self._count_down(1)

    def not_sent(self, count: int, fault: str) -> None:
        self._fault = self._fault or fault
        self._count_down(count)

    def _count_down(self, count: int) -> None:
        self._left -= count
        self._owner.count_in_flight(-count)
        if self._left == 0 and not self.done.done():  # the waiting task may have been cancelled
            if self._fault:
                self.done.set_exception(Undelivered(self._fault))
            else:
                self.done.set_result(self._places)


_PASSING = {
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  the library's own name for it
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001
    KafkaError._WAIT_COORD,  # noqa: SLF001
    KafkaError._NO_OFFSET,  # noqa: SLF001
    KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REPLICA_NOT_AVAILABLE,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.KAFKA_STORAGE_ERROR,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}


def is_passing(error: KafkaError) -> bool:
    """Whether librdkafka recovers from a consumer's error by itself. Its `retriable()` is false for all of these."""
    return not error.fatal() and error.code() in _PASSING


ANSWER_SECONDS = 20.0
_AGAIN_SECONDS = 0.2


def repeated(
    request: Callable[[], T],
    until: Collection[int] = (),
    *,
    within: float = ANSWER_SECONDS,
    is_wanted: Callable[[], bool] = lambda: True,
    now: Callable[[], float] = time.monotonic,
) -> T:
    """Repeat a request to the brokers while they answer with a passing error: a leader moves, a topic is new.

    Args:
        request: Waits for an answer for a bounded time.
        until: Codes of errors that are raised although they pass.
        within: Seconds; later errors are raised.
        is_wanted: The next error is raised once this is false.
        now: A clock in seconds.

    Raises:
        KafkaException: The error does not pass, or not in time.
    """
    give_up_at = now() + within
    while True:
        try:
            return request()
        except KafkaException as fault:
            error: KafkaError = fault.args[0]
            if not is_passing(error) or error.code() in until or now() >= give_up_at or not is_wanted():
                raise
        time.sleep(_AGAIN_SECONDS)
