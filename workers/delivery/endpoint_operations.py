"""What operators do to endpoints, from the command line and from the web page alike: pause, resume, replay."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from schemas.codec import Codec
from schemas.events import DeliveryResult, EndpointState
from workers.kafka import AsyncProducer, Outgoing

from .core.wait_topics import WaitTopics
from .history import DeliveryHistory, DeliveryQuery, new_replay
from .operator_actions import OperatorAction, recorded
from .runtime.records import RecordFactory

REPLAY_SECONDS = 60
AT_ONCE = 5_000  # records: the producer bounds how many are in flight


class Replayed(NamedTuple):
    """How many deliveries are sent again, the results of those whose event is no longer kept, the replay's name."""

    sent: int
    lost: Sequence[DeliveryResult]
    name: str


class EndpointOperations:
    """The operations on one Kafka; every one is recorded. Each raises Undelivered if Kafka does not take its records.

    Args:
        conf: librdkafka's connection settings.
        codec: Encodes records.
        prefix: Of the topics.
    """

    def __init__(self, conf: Mapping[str, Any], codec: Codec, prefix: str) -> None:
        self._conf = conf
        self._codec = codec
        self._prefix = prefix

    async def stand(self, action: OperatorAction) -> OperatorAction:
        """Pause or resume an endpoint, for all workers."""
        state = EndpointState(
            endpoint=action.endpoint,
            state="paused" if action.action == "pause" else "active",
            occurred_at=int(time.time() * 1000),
            by=action.short_by,
            why=action.why,
        )
        async with self._producer() as producer:

            async def act() -> str:
                await producer.send(RecordFactory(self._codec, self._prefix, WaitTopics()).state(state))
                return f"{action.endpoint} is {state.state}"

            return await recorded(producer, self._prefix, action, act)

    async def replay(
        self, action: OperatorAction, query: DeliveryQuery, on_sent: Callable[[int, int], None] = lambda *_: None
    ) -> Replayed:
        """Replay deliveries. `on_sent` receives how many were sent by now, and how many will be."""
        name = new_replay()
        outgoing: list[Outgoing] = []
        lost: list[DeliveryResult] = []
        async with self._producer() as producer:

            async def act() -> str:
                outgoing[:], lost[:] = await asyncio.to_thread(self._found, query, name)
                for start in range(0, len(outgoing), AT_ONCE):
                    await producer.send_all(outgoing[start : start + AT_ONCE])
                    on_sent(min(start + AT_ONCE, len(outgoing)), len(outgoing))
                gone = f"; of {len(lost)} the event is no longer in Kafka" if lost else ""
                return f"replayed {len(outgoing)} deliveries as {name}{gone}"

            await recorded(producer, self._prefix, action, act)
        return Replayed(len(outgoing), lost, name)

    def would_replay(self, query: DeliveryQuery) -> Replayed:
        """What `replay` would return."""
        name = new_replay()
        outgoing, lost = self._found(query, name)
        return Replayed(len(outgoing), lost, name)

    def _found(self, query: DeliveryQuery, name: str) -> tuple[list[Outgoing], list[DeliveryResult]]:
        history = DeliveryHistory(self._conf, self._codec, self._prefix)
        return history.returns(history.last_results(query), name)

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AsyncProducer]:
        producer = AsyncProducer({**self._conf, "message.timeout.ms": REPLAY_SECONDS * 1000})
        producer.start()
        try:
            yield producer
        finally:
            await producer.close()
