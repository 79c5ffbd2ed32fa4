"""The consumers that the engine is given: a member of the group that fetches ahead, and a reader of the changelog."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from .broker import NODES, node_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiokafka.structs import OffsetAndMetadata, TopicPartition

    from streams.engine import FetchedRecord

    from .broker import Fetched
    from .cluster import Cluster
    from .loop import Host
    from .network import Link

T = TypeVar("T")


@dataclass(eq=False)
class _Input:
    """An assigned partition of one assignment; a later assignment has other objects."""

    known: asyncio.Event = field(default_factory=asyncio.Event)
    position: int = 0
    buffered: deque[FetchedRecord] = field(default_factory=deque)
    fetched_to: int = 0
    highwater: int | None = None
    polled_at: int | None = None


class Member:
    """Fetches the inputs and commits their offsets, like aiokafka's consumer with its background fetcher.

    `generation` and `member_id` are those of the group, as the worker's group protocol learns them.
    """

    def __init__(self, cluster: Cluster, host: Host, wall: Callable[[], float]) -> None:
        self.member_id, self.generation = "", -1
        self.on_refused: Callable[[KafkaError], None] = lambda _: None
        self._cluster = cluster
        self._host = host
        self._wall = wall
        self._links = cluster.links(host)
        self._commits = cluster.links(host)[0]
        self._inputs: dict[TopicPartition, _Input] = {}
        self._wanted = asyncio.Event()
        self._arrived = asyncio.Event()

    def start(self) -> None:
        for node in range(NODES):
            self._cluster.loop.spawn(self._host, self._fetch_from(node))

    # -- assignment ----------------------------------------------------------------------------

    def assign(self, tps: Sequence[TopicPartition]) -> None:
        self._inputs = {tp: _Input() for tp in tps}
        if tps:
            self._cluster.loop.spawn(self._host, self._start_at_committed(self._inputs))

    async def _start_at_committed(self, inputs: dict[TopicPartition, _Input]) -> None:
        group = self._cluster.group
        committed = await self._cluster.ask(self._links[0], lambda: {tp: group.committed.get(tp, 0) for tp in inputs})
        for tp, one in inputs.items():
            one.position = one.fetched_to = committed[tp]
            one.known.set()
        self._wanted.set()

    # -- fetching ------------------------------------------------------------------------------

    async def _fetch_from(self, node: int) -> None:
        cluster, settings = self._cluster, self._cluster.settings
        while True:
            wanted = {
                tp: one
                for tp, one in self._inputs.items()
                if node_of(tp) == node and one.known.is_set() and not one.buffered
            }
            if not wanted:
                self._wanted.clear()
                await self._wanted.wait()
                continue
            positions = {tp: one.fetched_to for tp, one in wanted.items()}
            request = partial(cluster.broker.fetch, positions, settings.fetch_records, settings.fetch_wait)
            try:
                found = await cluster.network.call(self._links[node], request, settings.request)
            except KafkaError:
                await asyncio.sleep(0.1)
            else:
                self._take(wanted, found)

    def _take(self, wanted: dict[TopicPartition, _Input], found: dict[TopicPartition, Fetched]) -> None:
        now = int(self._wall() * 1000)
        for tp, one in wanted.items():
            if self._inputs.get(tp) is one:
                records, one.highwater = found[tp]
                one.polled_at = now
                one.buffered.extend(records)
                if records:
                    one.fetched_to = records[-1].offset + 1
        self._arrived.set()

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[FetchedRecord]]:
        until = self._cluster.loop.time() + timeout_ms / 1000
        await asyncio.sleep(0)  # time passes only between steps
        while True:
            self._arrived.clear()
            taken = self._drain(partitions, max_records)
            left = until - self._cluster.loop.time()
            if taken or left <= 0:
                return taken
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                return {}

    def _drain(self, partitions: Sequence[TopicPartition], limit: int) -> dict[TopicPartition, Sequence[FetchedRecord]]:
        taken: dict[TopicPartition, Sequence[FetchedRecord]] = {}
        for tp in partitions:
            one = self._input(tp)
            if one.buffered and limit > 0:
                records = [one.buffered.popleft() for _ in range(min(limit, len(one.buffered)))]
                limit -= len(records)
                one.position = records[-1].offset + 1
                taken[tp] = records
        if taken:
            self._wanted.set()
        return taken

    def _input(self, tp: TopicPartition) -> _Input:
        one = self._inputs.get(tp)
        if one is None:
            raise IllegalStateError(f"{tp} is not assigned")
        return one

    async def position(self, partition: TopicPartition) -> int:
        one = self._input(partition)
        await one.known.wait()
        return one.position

    def highwater(self, partition: TopicPartition) -> int | None:
        return self._input(partition).highwater

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        return self._input(partition).polled_at

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return await _ends(self._cluster, self._links, partitions)

    # -- commits -------------------------------------------------------------------------------

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        cluster, plain = self._cluster, {tp: one.offset for tp, one in offsets.items()}
        while True:
            request = partial(cluster.group.commit, self.member_id, self.generation, plain)
            try:
                await cluster.network.call(self._commits, request, cluster.settings.request, "commit")
            except (UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError) as error:
                cluster.happened["commit refused"] += 1
                self.on_refused(error)
                raise CommitFailedError from error
            except KafkaError:
                await asyncio.sleep(0.1)
            else:
                return


async def _ends(cluster: Cluster, links: Sequence[Link], tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
    found: dict[TopicPartition, int] = {}
    for node in sorted({node_of(tp) for tp in tps}):
        led = [tp for tp in tps if node_of(tp) == node]
        found |= await cluster.network.call(links[node], partial(cluster.broker.ends, led), cluster.settings.request)
    return found


class Reader:
    """A consumer outside the group that reads one changelog partition.

    It may have connected to a former leader, which is cut off from its cluster: it knows only a part of the log.
    """

    def __init__(self, cluster: Cluster, host: Host) -> None:
        self._cluster = cluster
        self._links = cluster.links(host)
        self._position = 0
        self._missing = cluster.network.missing_of_a_former_leader()
        self._known = math.inf

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """It reads what it is asked for."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        del partition
        self._position = offset

    async def position(self, partition: TopicPartition) -> int:
        del partition
        return self._position

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[FetchedRecord]]:
        (tp,), cluster = partitions, self._cluster
        limit, wait, at = min(max_records, cluster.settings.fetch_records), timeout_ms / 1000, self._position
        found = await cluster.ask(self._links[node_of(tp)], lambda: cluster.broker.fetch({tp: at}, limit, wait))
        records = [record for record in found[tp].records if record.offset < self._known]
        if records:
            self._position = records[-1].offset + 1
        elif (highwater := min(found[tp].highwater, self._known)) > at:
            self._position = int(highwater)  # only gaps that compaction has left
        return {tp: records} if records else {}

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        link = self._links[node_of(partitions[0])]
        begins: Mapping[TopicPartition, int] = await self._cluster.ask(
            link, lambda: self._cluster.broker.begins(partitions)
        )
        return begins

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        link = self._links[node_of(partitions[0])]
        ends: Mapping[TopicPartition, int] = await self._cluster.ask(
            link, lambda: self._cluster.broker.ends(partitions)
        )
        if not self._missing:
            return ends
        self._known = min(self._known, *(max(0, end - self._missing) for end in ends.values()))
        return dict.fromkeys(ends, int(self._known))
