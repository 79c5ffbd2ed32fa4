"""Engine: the public object. It binds the chunk consumer to a plain `faust.App`."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn

import faust

from .status import Status
from .store import Store
from .transport import ChunkTransport, NoTables

if TYPE_CHECKING:
    from faust.types import TopicT

    from .consumer import ChunkConsumer

log = logging.getLogger(__name__)

#: (event time in epoch ms, value) of a fetched record; time 0: take it at once
Decode = Callable[[Any], tuple[int, Any]]
#: a hook on recovery may return the event time (ms) at which the bound starts
RecoveredHook = Callable[[int, Store], Awaitable[int | None]]
RevokedHook = Callable[[int, Store], Awaitable[None]]
#: asked of a partition and its `complete_until` before each tick: True where a chunk without records has nothing to do
MaySkipTick = Callable[[int, int], bool]

#: what the engine needs of Faust's settings, or was measured to run best with; pass it to faust.App
FAUST_SETTINGS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "topic_allow_declare": False,  # topics are made by whoever runs the cluster
        "topic_disable_leader": True,
        "table_standby_replicas": 0,
        "TableManager": NoTables,
        "stream_wait_empty": True,
        "web_enabled": False,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": 1 << 20,
        "broker_commit_interval": 1.0,
        "broker_session_timeout": 30.0,
        "broker_heartbeat_interval": 3.0,
        "broker_rebalance_timeout": 60.0,  # above the deadline of a chunk, or the partition is given away
        "broker_request_timeout": 40.0,
        "producer_max_batch_size": 900_000,
        "producer_max_request_size": 1_000_000,
    }
)


class ChunkSchema(faust.Schema[Any, Any]):
    """The consumer already built the value (a Chunk); decoding only wraps it in an Event."""

    def compile(self, app: Any, **kwargs: Any) -> Any:
        del kwargs

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            del propagate
            return app.create_event(None, message.value, None, message)

        return decode


class Engine:
    """Settings and hooks of one job; create it next to the App, before the agents.

    Args:
        app: made with `FAUST_SETTINGS`.
        changelog: topic of the state, compacted, delete.retention.ms of days.
        partitions: of every input and of the changelog.
        store: makes the local store of a partition number.
        decode: called once per record when it is fetched, before the merge. It must not raise: for a
            record that is to be dead-lettered, undecodable or too far in the future, it gives time 0,
            since such a head would hold up its topic.
        client: connection settings of aiokafka: bootstrap_servers, security_protocol, ssl_context, sasl_*.
        outputs: every topic that chunks send to.
        bounded_by: an input whose event times promise "everything up to here is in"; nothing later than
            the newest of them is taken, and the wall clock never counts.
        tick: seconds between chunks without records, which `may_skip_tick` may leave out.
        max_records: of a chunk.
        deadline: seconds that a chunk, or recovery without progress, may take; then the process exits.
        stale_after: seconds without a finished chunk or tick after which a worker is not ready.
        leave: ends the process; for tests.
    """

    def __init__(
        self,
        app: faust.App,
        *,
        changelog: str,
        partitions: int,
        store: Callable[[int], Store],
        decode: Decode,
        client: Mapping[str, Any],
        outputs: Sequence[str] = (),
        bounded_by: str | None = None,
        tick: float = 1.0,
        max_records: int = 5000,
        deadline: float = 50.0,
        stale_after: float = 30.0,
        leave: Callable[[int], NoReturn] = os._exit,
    ) -> None:
        self.app = app
        self.changelog = changelog
        self.partitions = partitions
        self.store = store
        self.decode = decode
        self.client = client
        self.outputs = tuple(outputs)
        self.bounded_by = bounded_by
        self.tick = tick
        self.max_records = max_records
        self.deadline = deadline
        self.stale_after = stale_after
        self.inputs: tuple[str, ...] = ()
        self.consumer: ChunkConsumer | None = None
        self.on_recovered: list[RecoveredHook] = []
        self.on_revoked: list[RevokedHook] = []
        self.may_skip_tick: MaySkipTick = lambda _number, _complete_until: False
        self._leave = leave
        app.transport = ChunkTransport(self)

    def topic(self, *names: str, **options: Any) -> TopicT:
        """The inputs, merged by event time; equal times are taken in the order of `names`."""
        self.inputs = names
        # acks=False: Faust would ack a chunk whose agent raised, we never do
        return self.app.topic(*names, schema=ChunkSchema(), acks=False, **options)

    def partitions_of(self, topic: str) -> int:
        """How many partitions an input or output has; known once the worker has started."""
        if self.consumer is None:
            raise RuntimeError("the worker has not started")
        return self.consumer.sink.count(topic)

    def status(self) -> Status:
        if self.consumer is None:
            return Status(is_assigned=False, is_member=False)
        return self.consumer.status()

    def is_ready(self) -> bool:
        """Assigned, recovered, moving. A member that got no partition is ready too: it is a stand-by."""
        status, oldest = self.status(), (time.time() - self.stale_after) * 1000
        if not status.partitions:
            return status.is_assigned
        return status.is_member and all(one.is_ready and one.moved_at > oldest for one in status.partitions)

    def die(self, reason: object, *, where: str = "") -> NoReturn:
        """End the process without clean-up: nothing that is not acked can become acked.

        Faust and aiokafka only log what agents, rebalance listeners and detached tasks raise, and
        go on; so a soft failure would skip records.
        """
        error = reason if isinstance(reason, BaseException) else None
        place = f" at {where}" if where else ""
        log.critical("the engine stops the process%s: %r", place, reason, exc_info=error)
        for handler in logging.getLogger().handlers:
            handler.flush()
        self._leave(os.EX_SOFTWARE)
