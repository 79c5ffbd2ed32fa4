"""Faust driver: runs a job as an agent of a plain `faust.App`. The only file that imports faust or mode.

A chunk goes from a partition to the agent like this:

1. `Partition._feed` (a task of the engine, one per partition) builds a `Chunk` and calls `JobContext.hand_over`.
2. `_ChunkConsumer.hand_over` wraps it in a synthetic Faust `Message`: the topic is the job's first input, the value
   *is* the chunk, the offset is always 0. No record of Kafka corresponds to it.
3. `consumer.callback(message)` is Faust's conductor, as if the message had been fetched. It finds the channel that
   listens to this topic and partition, and calls the channel's decoder: `_ChunkSchema`, which puts the chunk
   into an `Event` as it is.
4. The event goes into the queue of the agent's stream. `async for chunk in chunks` of the job's agent takes it out. The
   stream skips a message of another generation (`generation_id`), so a chunk of a lost assignment is not begun.
5. The agent's `async with chunk` makes it durable and acks. `Partition._feed` waits for that (`Chunk.wait_done`).

Faust acks nothing: its topic has `acks=False`. It commits when `_ChunkConsumer.commit` is called by its timer.
Threads and tasks: everything runs on Faust's event loop; only `status` is called from other threads.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

import faust
from aiokafka.abc import ConsumerRebalanceListener
from faust.exceptions import ConsumerNotStarted
from faust.tables import TableManager
from faust.transport.base import Transport
from faust.transport.consumer import Consumer, ensure_TPset
from faust.types.tuples import Message
from mode import Service

from streams.runtime import without_kafka
from streams.runtime.logs import switch_level

from .co_partitioning import start_checked
from .context import JobContext
from .failure import end_process
from .faust_settings import faust_settings
from .fencing import new_identity
from .garbage_collector import collect_rarely
from .job import V
from .kafka_clients import changelog_reader, group_member, member_id, producer
from .offsets import Offsets
from .owned_partitions import OwnedPartitions
from .quiet import quieten
from .sink import Sink
from .static_member import StaticMember
from .status import NOT_STARTED, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from aiokafka import AIOKafkaConsumer
    from faust.types import TP

    from .chunk import Chunk
    from .failure import Fail
    from .job import Job
    from .kafka_clients import ClientSettings

T = TypeVar("T")
AGENTS: Final = 4  # chunks of different partitions in work at the same time


class FaustDriver(Generic[V]):
    """A worker that runs `job` on Faust; nothing is connected before `run`.

    Args:
        job: what to run.
        clients: how to connect; its group is the id of the Faust app.
        data_dir: for what Faust may want to write.
        commit_seconds: between two commits.
        deadline: seconds that a chunk, or a recovery, may take without progress; below the rebalance timeout, after
            which the group gives the partitions away.
        replaced: see `StaticMember`.
        answers: whether any broker answers; see `without_kafka`.
        fail: ends the process; for tests.
    """

    def __init__(
        self,
        job: Job[V],
        clients: ClientSettings,
        *,
        data_dir: Path,
        commit_seconds: float = 1.0,
        deadline: float = 50.0,
        replaced: Callable[[str], str] = lambda _: "",
        answers: Callable[[], bool] = lambda: True,
        fail: Fail = end_process,
    ) -> None:
        self.job = job
        self.clients = clients
        self.deadline = deadline
        self.static_member = StaticMember(replaced, fail)
        self.answers = answers
        self.consumer: _ChunkConsumer | None = None
        self.app = faust.App(clients.group, **faust_settings(job, clients, data_dir, commit_seconds, _NoTables))
        self.app.transport = _ChunkTransport(self)
        # acks=False: Faust would ack a chunk whose agent raised, the engine never does
        self.topic = self.app.topic(*job.inputs, schema=_ChunkSchema(), acks=False)
        self.app.agent(self.topic, name=job.name, concurrency=AGENTS)(job.agent)

    def status(self) -> Status:
        """What the worker knows of itself; may be called from any thread."""
        return NOT_STARTED if self.consumer is None else self.consumer.status()

    def run(self) -> NoReturn:
        """Work until SIGTERM or SIGINT, then drain, commit and exit 0; a crash of a service exits 1.

        The caller sets up logging, and calls `streams.runtime.signals.exit_quietly_until_started` before the
        heavy imports: this function takes the signals over.
        """
        quieten()
        collect_rarely()
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        without_kafka.watch(lambda: self.app.should_stop, self.answers)
        worker = faust.Worker(self.app, loop=loop, override_logging=False, quiet=True)
        worker.spinner = None  # it would write escape codes into the log
        vars(worker)["_on_sigusr1"] = switch_level  # as in every process; see relied_on
        worker.execute_from_commandline()
        raise AssertionError("a Faust worker exits by itself")


def _started(made: T | None) -> T:
    if made is None:
        raise ConsumerNotStarted
    return made


class _ChunkSchema(faust.Schema[Any, Any]):
    """The consumer already built the value (a Chunk); decoding only wraps it in an Event."""

    def compile(self, app: Any, **kwargs: Any) -> Any:
        del kwargs

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            del propagate
            return app.create_event(None, message.value, None, message)

        return decode


class _NoFetcher(Service):
    """Faust starts and stops a fetcher; the partitions pull by themselves."""

    def __init__(self, app: faust.App, **kwargs: Any) -> None:
        del app
        super().__init__(**kwargs)


class _NoTables(TableManager):
    """State is the engine's: a start need not wait a second for tables that may still be added."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class _ChunkConsumer(Consumer, ConsumerRebalanceListener):  # type: ignore[misc]  # faust and aiokafka carry no types
    """Group membership; the partitions pull the records."""

    def __init__(self, transport: _ChunkTransport, *args: Any, **kwargs: Any) -> None:
        super().__init__(transport, *args, **kwargs)
        driver: FaustDriver[Any] = transport.driver
        driver.consumer = self
        self._job, self._clients = driver.job, driver.clients
        self._deadline, self._static = driver.deadline, driver.static_member
        self._fail = self._static.fail
        self._member: AIOKafkaConsumer | None = None
        self._owned: OwnedPartitions[Any] | None = None
        self._is_assigned = False
        self._assignments = 0

    @property
    def member(self) -> AIOKafkaConsumer:
        return _started(self._member)

    @property
    def owned(self) -> OwnedPartitions[Any]:
        return _started(self._owned)

    async def on_start(self) -> None:
        self._sink = Sink(producer(self._clients), partial(new_identity, self._clients))
        await start_checked(self._sink, self._job, self._clients.request / 2, self._fail)
        self._member = group_member(self._clients, self.app.assignor)
        self._offsets = Offsets(self._member, self._clients.session, self._deadline)
        context = JobContext(
            member=self._member,
            open_reader=lambda: changelog_reader(self._clients),
            sink=self._sink,
            offsets=self._offsets,
            fail=self._fail,
            wait_for_flow=self.can_resume_flow.wait,  # Faust clears all queues just before it resumes
            may_flow=lambda: self.flow_active,
            hand_over=self.hand_over,
            deadline=self._deadline,
        )
        self._owned = OwnedPartitions(self._job, context)  # last: probes take it for a sign that the rest exists
        await self._member.start()

    async def on_stop(self) -> None:
        if self._owned is None:
            return
        await self.wait_empty()
        await self.member.stop()  # after it no rebalance can hand out a store
        self._owned.close()
        await self._sink.stop()

    def status(self) -> Status:
        if self._owned is None:
            return NOT_STARTED
        partitions, offsets = self._owned.status(), self._offsets
        return Status(self._is_assigned, offsets.is_proved(), partitions, self._assignments, offsets.refused)

    async def hand_over(self, chunk: Chunk[Any]) -> None:
        """Give a chunk to Faust's conductor as if it were a record of the job's first input: see the module."""
        topic = self._job.inputs[0]  # the agent listens to all inputs as one topic
        value: Any = chunk  # bytes for Faust; the schema's decoder passes it on as it is
        message = Message(topic, chunk.partition, 0, time.time(), 0, None, None, value, None)
        message.generation_id = self.app.consumer_generation_id
        await self.callback(message)

    # -- rebalance: aiokafka only logs what a listener raises, so errors end the process here ----

    async def on_partitions_revoked(self, revoked: Iterable[TP]) -> None:
        try:
            await self._static.end_if_replaced()
            self.app.on_rebalance_start()
            await super().on_partitions_revoked(ensure_TPset(revoked))  # App: suspend, wait_empty()
            await self.wait_empty()  # the App skips it when it is stopping
            self._is_assigned = False
            self._offsets.forget()
        except Exception as error:  # noqa: BLE001  see above
            self._fail(error, where="revocation")

    async def on_partitions_assigned(self, assigned: Iterable[TP], generation_id: int = 0) -> None:
        del generation_id  # aiokafka passes none
        try:
            self._static.joined(member_id(self.member))
            self._assignments += 1
            self.app.consumer_generation_id += 1
            await super().on_partitions_assigned(ensure_TPset(assigned), self.app.consumer_generation_id)
            if not self.app.should_stop:
                self.owned.start(assigned)
                self._is_assigned = True
        except Exception as error:  # noqa: BLE001  see above
            self._fail(error, where="assignment")

    async def wait_empty(self) -> None:
        """Called by Faust to drain."""
        await self.owned.drain()

    async def commit(self, topics: object = None, start_new_transaction: bool = True) -> bool:
        """Called by Faust's commit timer, and before a revocation or stop."""
        del topics, start_new_transaction
        return await self.owned.commit()

    # -- what Faust requires of a consumer ---------------------------------------------------

    async def subscribe(self, topics: Iterable[str]) -> None:
        self.member.subscribe(list(topics), listener=self)

    def assignment(self) -> set[TP]:
        assigned: set[TP] = ensure_TPset(self.member.assignment())
        return assigned

    async def perform_seek(self) -> None:
        """Nothing to seek: a new assignment starts at the committed offsets by itself."""

    def _unsupported(self, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError("input comes in chunks; use the job's inputs and the chunk's own state")

    create_topic = position = seek_wait = seek_to_committed = earliest_offsets = _unsupported
    highwater = highwaters = topic_partitions = key_partition = _unsupported
    _commit = _seek = _getmany = _to_message = _new_topicpartition = _unsupported


class _ChunkTransport(Transport):
    """The chunk consumer, and Faust's base producer, which connects to nothing: chunks do all the sending."""

    Consumer = _ChunkConsumer
    Fetcher = _NoFetcher
    driver_version = "leadloop chunks"

    def __init__(self, driver: FaustDriver[Any]) -> None:
        self.driver = driver
        super().__init__([], driver.app)
