"""Whether endpoints are paused or disabled: a compacted topic, read whole at the start and followed from then on."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.codec import Codec, Undecodable
from schemas.events import EndpointIs, EndpointState
from schemas.names import ENDPOINT_STATES_GROUP

from ..core.model import Availability

TOPIC = "endpoint-states"
AVAILABILITY: Mapping[EndpointIs, Availability] = {"paused": Availability.PAUSED, "disabled": Availability.DISABLED}
_ANSWER_SECONDS = 20.0


class EndpointStates:
    """What was said last of each endpoint."""

    def __init__(self) -> None:
        self._said: dict[str, EndpointState] = {}

    def availability(self, endpoint: str) -> Availability:
        """Of whom nothing was said is active."""
        said = self._said.get(endpoint)
        return AVAILABILITY.get(said.state, Availability.ACTIVE) if said else Availability.ACTIVE

    def latest(self, endpoint: str) -> EndpointState | None:
        return self._said.get(endpoint)

    def apply(self, state: EndpointState) -> None:
        """The newest word stands, in the order of the topic."""
        self._said[state.endpoint] = state


def read_states(conf: Mapping[str, Any], codec: Codec, prefix: str) -> EndpointStates:
    """What stands in the topic now.

    Raises:
        KafkaException: the broker is out of reach.
    """
    states = EndpointStates()
    reader = _Reader(conf, codec, prefix + TOPIC)
    try:
        for state in reader.to_the_end():
            states.apply(state)
    finally:
        reader.close()
    return states


class EndpointStateFollower:
    """Reads the topic to its end, then goes on in a thread and hands new states to the event loop."""

    def __init__(
        self,
        conf: Mapping[str, Any],
        codec: Codec,
        prefix: str,
        failed: Callable[[BaseException], None],
        is_wanted: Callable[[], bool],
    ) -> None:
        self.states = EndpointStates()
        self._reader = _Reader(conf, codec, prefix + TOPIC)
        self._failed = failed
        self._is_wanted = is_wanted
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="endpoint-states", daemon=True)

    async def start(self) -> None:
        """Until all is read, or nobody wants it any more.

        Raises:
            KafkaException: the broker is out of reach, or does not let us read.
        """
        self._loop = asyncio.get_running_loop()
        for state in await asyncio.to_thread(self._reader.to_the_end, self._is_wanted):
            self.states.apply(state)
        self._thread.start()

    async def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)
        self._reader.close()

    def _follow(self) -> None:
        try:
            while not self._stopping.is_set():
                for state in self._reader.next(0.2):
                    self._loop.call_soon_threadsafe(self.states.apply, state)
        except BaseException as fault:  # noqa: BLE001  reported to the loop, which ends the process
            self._failed(fault)


class _Reader:
    def __init__(self, conf: Mapping[str, Any], codec: Codec, topic: str) -> None:
        self._codec = codec
        self._topic = topic
        self._consumer = Consumer(
            {**conf, "group.id": ENDPOINT_STATES_GROUP, "enable.auto.commit": False, "fetch.wait.max.ms": 100}
        )

    def to_the_end(self, is_wanted: Callable[[], bool] = lambda: True) -> list[EndpointState]:
        found: list[EndpointState] = []
        ends = self._assign()
        while ends and is_wanted():
            found += self.next(0.2)
            for at in self._consumer.position([TopicPartition(self._topic, number) for number in ends]):
                if at.offset >= ends[at.partition]:
                    del ends[at.partition]
        return found

    def next(self, within: float) -> list[EndpointState]:
        found = []
        for message in self._consumer.consume(500, within):
            if fault := message.error():
                if fault.fatal() or not fault.retriable():
                    raise KafkaException(fault)
                continue
            try:
                found.append(self._codec.decode(message.value(), EndpointState))
            except Undecodable:  # whoever wrote it did not mean us
                continue
        return found

    def close(self) -> None:
        self._consumer.close()

    def _assign(self) -> dict[int, int]:
        metadata = self._consumer.list_topics(self._topic, timeout=_ANSWER_SECONDS).topics[self._topic]
        if metadata.error or not metadata.partitions:
            raise KafkaException(metadata.error)
        ends = {}
        starts = []
        for number in metadata.partitions:
            place = TopicPartition(self._topic, number)
            low, high = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)
            starts.append(TopicPartition(self._topic, number, low))
            if high > low:
                ends[number] = high
        self._consumer.assign(starts)
        return ends
