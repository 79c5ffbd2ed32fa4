"""Input fetcher: fetches the inputs of one partition number, decodes each record once, merges by event time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Generic

from aiokafka.errors import KafkaError

from .job import V
from .merge import Item, Merge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka.structs import TopicPartition

    from .driver import GroupMember
    from .failure import Fail
    from .fetched_records import FetchedRecord
    from .job import Job

log = logging.getLogger(__name__)


class InputFetcher(Generic[V]):
    """Gives merged runs, and says up to when they are complete.

    Two ways to know the end of a topic. Unbounded, it is the high watermark of the last fetch.
    Bounded by another topic's promise "everything up to T has been published", it is the end that the broker
    reports *after* that promise was consumed: an older watermark could hide what was published before it.
    """

    def __init__(
        self, member: GroupMember, job: Job[V], fail: Fail, inputs: Sequence[TopicPartition], bound: int
    ) -> None:
        self._member = member
        self._job = job
        self._fail = fail
        self._inputs = {tp.topic: tp for tp in inputs}
        self._merge: Merge[V] = Merge([*self._inputs], bounded_by=job.bounded_by, bound=bound)
        self._polls: dict[str, tuple[int, int]] = {}  # times of the last two fetches
        self._promised: dict[str, int] = {}  # ends as of the newest bound
        self._promised_for = -1
        self._caught_up: set[str] = set()
        self.ends: dict[str, int] = {}

    @property
    def bound(self) -> int:
        return self._merge.bound

    @property
    def is_waiting(self) -> bool:
        """Whether only a new record can change what there is to take."""
        return not self._merge.awaited(self._caught_up)

    def oldest_at(self) -> int:
        """When Kafka got the oldest record that is buffered, in epoch ms; 0 if none is."""
        return min((head.record.timestamp for head in self._merge.heads()), default=0)

    async def take(self, limit: int, wait: float) -> list[Item[V]]:
        """The next run: up to `limit` items of what is there, or that arrives within `wait` seconds."""
        run: list[Item[V]] = []
        while len(run) < limit:
            await self._fetch(0.0 if run else wait)
            await self._update_ends()
            more = self._merge.take(limit - len(run), self._caught_up)
            if not more:
                break
            run += more
        return run

    def complete_until(self) -> int:
        """A wall-clock time (ms) up to which the ends just seen are known to be the ends, or 0.

        Watermarks may be old: after a long chunk, a lost broker, a paused process. The last response may
        itself have waited in the socket; but its request was sent after the response before it had
        been received, so the time of that one is safe.
        """
        if self._job.bounded_by is not None:
            return 0
        for topic, tp in self._inputs.items():
            newest = self._member.last_poll_timestamp(tp) or 0
            if newest != (latest := self._polls.get(topic, (0, 0))[1]):
                self._polls[topic] = (latest, newest)
        is_empty = len(self._merge.wanted()) == len(self._caught_up) == len(self._inputs)
        return min(before for before, _ in self._polls.values()) if is_empty else 0

    async def _fetch(self, wait: float) -> None:
        wanted = [self._inputs[topic] for topic in self._merge.wanted()]
        if not wanted:
            return  # getmany() without partitions would mean all of them
        limit = self._job.max_records
        try:
            fetched = await self._member.getmany(*wanted, timeout_ms=int(wait * 1000), max_records=limit)
        except UnicodeDecodeError as error:  # a header's name: aiokafka cannot hand out the batch that it is in
            places = [f"{tp.topic}[{tp.partition}]@{await self._member.position(tp)}" for tp in wanted]
            self._fail(error, where=f"a header's name in one of {', '.join(places)}")
        for tp, records in fetched.items():
            self._merge.offer(tp.topic, self._decoded(records))
            await asyncio.sleep(0)  # decoding is long work, and the heartbeats share this loop

    def _decoded(self, records: Sequence[FetchedRecord]) -> list[Item[V]]:
        decode, items, record = self._job.decode, list[Item[V]](), records[0]
        try:
            for record in records:
                at, value = decode(record)
                items.append(Item(at, value, record))
        except Exception as error:  # noqa: BLE001  a decoder must give 0 for what it cannot read
            self._fail(error, where=f"{record.topic}[{record.partition}]@{record.offset}")
        return items

    async def _update_ends(self) -> None:
        """Which inputs are read up to the end, as far as it is known.

        Positions, not record offsets: transaction markers and compaction leave gaps. (With
        isolation_level=read_committed it would have to be last_stable_offset().)
        """
        for topic, tp in self._inputs.items():
            if (end := self._member.highwater(tp)) is not None:
                self.ends[topic] = end
        if self._job.bounded_by is not None:
            await self._query_ends()
        ends = self.ends if self._job.bounded_by is None else self._promised
        self._caught_up = {
            topic for topic, end in ends.items() if await self._member.position(self._inputs[topic]) >= end
        }

    async def _query_ends(self) -> None:
        """Query the broker once per bound; until it answers, no end is known."""
        bound = self._merge.bound
        if bound == self._promised_for:
            return
        self._promised = {}
        try:
            ends = await self._member.end_offsets([*self._inputs.values()])
        except KafkaError as error:
            log.warning("the ends of the inputs are not known yet: %r", error)
            return
        self._promised, self._promised_for = {tp.topic: end for tp, end in ends.items()}, bound
