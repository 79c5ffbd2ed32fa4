"""Faust driver that hands whole chunks to agents; it uses only the public API of aiokafka."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.structs import TopicPartition
from faust.exceptions import ConsumerNotStarted
from faust.transport.consumer import Consumer, ensure_TPset

from . import fetched_records
from .offsets import Offsets
from .partition import Partition
from .sink import Sink
from .status import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from faust.types import TP

    from .store import Store
    from .transport import ChunkTransport

_A_DAY = 86_400_000


class ChunkConsumer(Consumer, ConsumerRebalanceListener):  # type: ignore[misc]  # faust and aiokafka carry no types
    """Group membership; the partitions pull the records."""

    transport: ChunkTransport
    sink: Sink
    offsets: Offsets

    def __init__(self, transport: ChunkTransport, *args: Any, **kwargs: Any) -> None:
        super().__init__(transport, *args, **kwargs)
        self.engine = transport.engine
        self.engine.consumer = self
        self._kafka: AIOKafkaConsumer | None = None
        self._partitions: dict[int, Partition] = {}
        self._parked: dict[int, Store] = {}
        self._is_assigned = False
        self._assignments = 0
        self._draining = asyncio.Lock()

    @property
    def kafka(self) -> AIOKafkaConsumer:
        if self._kafka is None:
            raise ConsumerNotStarted
        return self._kafka

    async def on_start(self) -> None:
        conf, engine = self.app.conf, self.engine
        self.sink = Sink(
            max_batch_size=conf.producer_max_batch_size,
            max_request_size=conf.producer_max_request_size,
            compression_type=conf.producer_compression_type,
            request_timeout_ms=int(engine.deadline * 800),  # the limit of a delivery; below the deadline
            **engine.client,
        )
        await self._check_topics()
        fetched_records.install()
        kafka = self._group_member()
        self.offsets = Offsets(kafka, conf.broker_session_timeout, engine.deadline)
        self._kafka = kafka  # last: probes take it for a sign that the rest is there
        await self.kafka.start()

    async def _check_topics(self) -> None:
        """Co-partitioned topics that differ in their count would silently split a lead."""
        engine, patience = self.engine, self.app.conf.broker_request_timeout / 2
        equal = [engine.changelog, *engine.inputs]
        try:
            await self.sink.start([*equal, *engine.outputs], patience)
        except (LookupError, PermissionError) as error:
            engine.die(str(error))
        for topic in equal:
            if (count := self.sink.count(topic)) != engine.partitions:
                engine.die(f"topic {topic} has {count} partitions, it must have {engine.partitions}")

    def _group_member(self) -> AIOKafkaConsumer:
        conf = self.app.conf
        return AIOKafkaConsumer(
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            partition_assignment_strategy=[self.app.assignor],
            enable_auto_commit=False,
            auto_offset_reset=conf.consumer_auto_offset_reset,
            max_poll_interval_ms=_A_DAY,  # a long recovery does not poll
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=50,  # one fetch per broker: an idle partition delays a busy one
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            **self.engine.client,
        )

    def reader(self) -> AIOKafkaConsumer:
        """A consumer outside the group, for the changelog."""
        return AIOKafkaConsumer(
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=4 << 20,
            fetch_max_wait_ms=100,
            **self.engine.client,
        )

    async def on_stop(self) -> None:
        if self._kafka is None:
            return
        await self.wait_empty()
        await self.kafka.stop()  # after it no rebalance can hand out a store
        for store in self._parked.values():
            store.close()
        await self.sink.stop()

    def status(self) -> Status:
        if self._kafka is None:
            return Status(is_assigned=False, is_member=False)
        owned = list(self._partitions.values())  # probes ask from a thread of their own
        partitions = tuple(partition.status() for partition in owned)
        return Status(self._is_assigned, self.offsets.is_proved(), partitions, self._assignments, self.offsets.refused)

    # -- rebalance: aiokafka only logs what a listener raises, so errors end the process here ----

    async def on_partitions_revoked(self, revoked: Iterable[TP]) -> None:
        try:
            self.app.on_rebalance_start()
            await super().on_partitions_revoked(ensure_TPset(revoked))  # App: suspend, wait_empty()
            await self.wait_empty()  # the App skips it when it is stopping
            self._is_assigned = False
            self.offsets.forget()
        except Exception as error:  # noqa: BLE001  see above
            self.engine.die(error, where="revocation")

    async def on_partitions_assigned(self, assigned: Iterable[TP], generation_id: int = 0) -> None:
        del generation_id  # aiokafka passes none
        try:
            self._assignments += 1
            self.app.consumer_generation_id += 1
            await super().on_partitions_assigned(ensure_TPset(assigned), self.app.consumer_generation_id)
            if not self.app.should_stop:
                self._start(assigned)
        except Exception as error:  # noqa: BLE001  see above
            self.engine.die(error, where="assignment")

    def _start(self, assigned: Iterable[TP]) -> None:
        groups: dict[int, list[TopicPartition]] = {}
        for tp in sorted(assigned, key=lambda tp: self.engine.inputs.index(tp.topic)):
            groups.setdefault(tp.partition, []).append(TopicPartition(tp.topic, tp.partition))
        for number, inputs in groups.items():
            # the store of a kept partition is a prefix of its changelog: only the rest is replayed
            store = self._parked.pop(number, None)
            store = self.engine.store(number) if store is None else store
            self._partitions[number] = Partition(self, number, inputs, store)
        for store in self._parked.values():
            store.close()
        self._parked.clear()
        self._is_assigned = True

    async def wait_empty(self) -> None:
        """Finish the chunks in the hands of agents, then commit. Faust calls it to drain."""
        async with self._draining:  # a stop can meet a revoke
            stopping, self._partitions = self._partitions, {}
            try:
                await asyncio.gather(*(partition.stop() for partition in stopping.values()))
            except Exception as error:  # noqa: BLE001  see above
                self.engine.die(error, where="drain")
            self._parked.update((number, partition.store) for number, partition in stopping.items())
            await self.commit()

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Called by Faust's commit timer, and before a revoke or stop."""
        del topics, start_new_transaction
        try:
            return await self.offsets.commit()
        except Exception as error:  # noqa: BLE001  see above
            self.engine.die(error, where="commit")

    # -- what Faust asks a driver ------------------------------------------------------------

    async def subscribe(self, topics: Iterable[str]) -> None:
        self.kafka.subscribe(list(topics), listener=self)

    def assignment(self) -> set[TP]:
        assigned: set[TP] = ensure_TPset(self.kafka.assignment())
        return assigned

    async def perform_seek(self) -> None:
        """Nothing to seek: a new assignment starts at the committed offsets by itself."""

    def _unsupported(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("input comes in chunks; use Engine.topic and the chunk's own state")

    create_topic = position = seek_wait = seek_to_committed = earliest_offsets = _unsupported
    highwater = highwaters = topic_partitions = key_partition = _unsupported
    _commit = _seek = _getmany = _to_message = _new_topicpartition = _unsupported
