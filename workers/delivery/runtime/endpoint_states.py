"""Whether endpoints are paused or disabled: a compacted topic, read whole at the start and followed from then on."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, Message

from schemas.codec import Codec, Undecodable
from schemas.events import EndpointIs, EndpointState
from schemas.names import ENDPOINT_STATES_GROUP
from workers.reading import fetch, permanent_error, ranges_of, read_ranges

from ..core.model import Availability

TOPIC = "endpoint-states"
AVAILABILITY: Mapping[EndpointIs, Availability] = {"paused": Availability.PAUSED, "disabled": Availability.DISABLED}


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

    def names(self) -> set[str]:
        """All of which something was said."""
        return set(self._said)

    def apply(self, state: EndpointState) -> bool:
        """Return whether it stands: the newest word does, in the order of the topic.

        A 410 to a call that began before the newest word does not: its record was late, or the call was slow. If the
        endpoint is still gone, the next call says so again.
        """
        newest = self._said.get(state.endpoint)
        if newest is not None and state.state == "disabled" and state.occurred_at < newest.occurred_at:
            return False
        self._said[state.endpoint] = state
        return True


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
                for state in self._reader.next():
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
        ranges = ranges_of(self._consumer, self._topic)
        return self._decode(read_ranges(self._consumer, ranges, permanent_error, is_wanted=is_wanted, with_later=True))

    def next(self) -> list[EndpointState]:
        return self._decode(fetch(self._consumer, permanent_error))

    def close(self) -> None:
        self._consumer.close()

    def _decode(self, messages: Iterable[Message]) -> list[EndpointState]:
        states = []
        for message in messages:
            try:
                states.append(self._codec.decode(message.value(), EndpointState))
            except Undecodable:  # whoever wrote it did not mean us
                continue
        return states
