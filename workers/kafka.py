"""A producer for event loops: `await` ends when the broker has acked.

It is polled by the loop itself, not by a thread: the client takes and gives back the interpreter's lock for every
single callback, and beside a busy loop each of these would wait for its turn.

    Undelivered     not acked in time, or refused. It may be in all the same: send it again, with the same id
    Full            more is under way than may be; nothing was sent
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

MISSING_TOPIC_HINT = "run `leadloop topics create`; deploy/acls.yml lists the permissions it takes to describe a topic"
"""What to do about a missing topic: Kafka hides a topic from users who may not describe it."""

DELIVERY_SECONDS = 10.0  # as long as an HTTP client will wait; then it is told to come again
MAX_IN_FLIGHT = 20_000  # records: some 20 MiB as they usually are; MAX_KBYTES bounds the unusual
MAX_KBYTES = 131_072
_POLL_SECONDS = 0.001
_IDLE_SECONDS = 0.5  # errors of the connection are heard even when nothing is sent

PRODUCER: Mapping[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",  # as Java's producers: a lead's facts meet on one partition
    "compression.type": "lz4",
    "linger.ms": 2,
    "message.timeout.ms": int(DELIVERY_SECONDS * 1000),
    "topic.metadata.propagation.max.ms": 5_000,  # a topic that is not there is told before the client gives up
    "queue.buffering.max.messages": 2 * MAX_IN_FLIGHT,
    "queue.buffering.max.kbytes": MAX_KBYTES,
    "log.connection.close": False,
}
"""What is asked of the producer; connection settings come in addition."""

RecordPlace = tuple[int, int]
"""Partition and offset of a record that the broker has."""


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A record to send; on partition -1 the key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    partition: int = -1


class Undelivered(Exception):
    """The broker did not ack everything: any of it may be in, or not. Send it again, with the same ids."""


class Full(Exception):
    """More is under way than may be: again, later."""


class Sender(Protocol):
    """What sends, as far as those who send know it."""

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[RecordPlace]: ...


class AsyncProducer:
    """Sends in the order of the calls. To be used by one event loop, between `start` and `close`."""

    def __init__(self, conf: Mapping[str, Any], *, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        self.in_flight = 0
        self.trouble = ""  # what the connection complained of last; empty once anything is acked again
        self.fatal = ""  # no more can be sent by this producer
        self._max_in_flight = max_in_flight
        self._producer = Producer({**PRODUCER, **conf, "error_cb": self._noticed})
        self._polling: asyncio.Task[None] | None = None
        self._busy = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self) -> None:
        self._polling = asyncio.get_running_loop().create_task(self._poll())

    async def send(self, record: Outgoing) -> RecordPlace:
        """As `send_all`, of one record."""
        return (await self.send_all([record]))[0]

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[RecordPlace]:
        """Send, and wait for the acks of all. Places are in the order of the records.

        Raises:
            Full: too much is under way; none was sent.
            Undelivered: not all were acked.
        """
        if not records:
            return []
        if self.in_flight + len(records) > self._max_in_flight:
            raise Full(f"{self.in_flight} records wait for the broker")
        call = _Call(self, len(records))
        self.under_way(len(records))
        for number, record in enumerate(records):
            try:
                self._producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    record.partition,
                    partial(call.heard, number),
                    headers=record.headers,  # type: ignore[arg-type]  # lists of pairs of these are what it takes
                )
            except (BufferError, KafkaException) as fault:
                call.not_sent(len(records) - number, str(fault))
                break
        return await call.done

    def topics(self, within: float = 2.0) -> Mapping[str, int]:
        """Partitions by topic, asked of the broker; blocks. Raises KafkaException."""
        found = self._producer.list_topics(timeout=within).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    async def close(self, within: float = DELIVERY_SECONDS) -> None:
        """Wait for what is under way, then end. What is not acked by then was accepted of nobody."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._idle.wait()
        if self._polling is not None:
            self._polling.cancel()
        self._producer.purge()
        self._hear()

    async def _poll(self) -> None:
        while True:
            self._hear()
            if self.in_flight:
                await asyncio.sleep(_POLL_SECONDS)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._busy.wait(), _IDLE_SECONDS)

    def _hear(self) -> None:
        try:
            self._producer.poll(0)
        except (
            KafkaException
        ) as fault:  # what is fatal does not come to `error_cb`; what was under way still comes back
            self._noticed(fault.args[0])

    def under_way(self, step: int) -> None:
        """Count records that were sent, or heard of."""
        self.in_flight += step
        if self.in_flight == 0:
            self._idle.set()
            self._busy.clear()
        elif not self._busy.is_set():
            self._busy.set()
            self._idle.clear()

    def _noticed(self, fault: KafkaError) -> None:
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

    def heard(self, number: int, fault: KafkaError | None, message: Message) -> None:
        if fault is None:
            self._places[number] = (message.partition() or 0, message.offset() or 0)
            self._owner.trouble = ""
        else:
            self._fault = self._fault or fault.str()
        self._fewer(1)

    def not_sent(self, count: int, fault: str) -> None:
        self._fault = self._fault or fault
        self._fewer(count)

    def _fewer(self, count: int) -> None:
        self._left -= count
        self._owner.under_way(-count)
        if self._left == 0 and not self.done.done():  # whoever waited may have been cancelled
            if self._fault:
                self.done.set_exception(Undelivered(self._fault))
            else:
                self.done.set_result(self._places)
