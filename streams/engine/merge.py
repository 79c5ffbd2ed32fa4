"""Merge: the records of one partition number of several topics, in the order of event time."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .fetched_records import FetchedRecord

V = TypeVar("V")
FOREVER: Final = 2**63


class Item(Struct, Generic[V], frozen=True, gc=False):
    """A fetched record, decoded once; `at` is its event time in epoch ms, 0 to be taken at once."""

    at: int
    value: V
    record: FetchedRecord


class Merge(Generic[V]):
    """Pure k-way merge: knows neither Kafka nor time, only buffers and their heads.

    The next item is the smallest head; equal times go in the order of the inputs, so that the order
    does not depend on arrival. A topic's own order is never changed: an item that is older than its
    predecessor is simply the smallest head and comes at once.

    With `bounded_by`, nothing later than the newest time seen in that topic is taken. The bound
    starts at `bound` and never goes back.
    """

    def __init__(self, inputs: Sequence[str], *, bounded_by: str | None = None, bound: int = 0) -> None:
        self.bound = FOREVER if bounded_by is None else bound
        self._bounded_by = bounded_by
        self._topics = tuple(inputs)
        self._buffers: tuple[deque[Item[V]], ...] = tuple(deque() for _ in inputs)

    def offer(self, topic: str, items: Iterable[Item[V]]) -> None:
        """Buffer a fetched run; only for a topic that was wanted, so that memory stays bounded."""
        buffer = self._buffers[self._topics.index(topic)]
        if buffer:
            raise ValueError(f"{topic} still has a buffered run")
        buffer.extend(items)
        if topic == self._bounded_by and buffer:
            self.bound = max(self.bound, *(item.at for item in buffer))

    def heads(self) -> list[Item[V]]:
        """The next item of each topic that has one; may be called from any thread."""
        found = []
        for buffer in self._buffers:
            with suppress(IndexError):  # taken meanwhile
                found.append(buffer[0])
        return found

    def wanted(self) -> list[str]:
        """What to fetch: all without a buffered item. One that is caught up is only not awaited."""
        return [topic for topic, buffer in zip(self._topics, self._buffers, strict=True) if not buffer]

    def awaited(self, caught_up: Collection[str]) -> list[str]:
        """The topics that hold up all others: known to have more, but nothing is buffered."""
        return [topic for topic in self.wanted() if topic not in caught_up]

    def take(self, limit: int, caught_up: Collection[str]) -> list[Item[V]]:
        """The next items in merged order: up to `limit`, the bound, or until a head is missing.

        A head is missing when a topic that is not caught up has nothing buffered: its next item
        could be the smallest.
        """
        if self.awaited(caught_up):
            return []
        heads = [(buffer[0].at, n) for n, buffer in enumerate(self._buffers) if buffer]
        heapify(heads)
        taken: list[Item[V]] = []
        while heads and len(taken) < limit and heads[0][0] <= self.bound:
            _, n = heappop(heads)
            self._gallop(n, self._last_before(heads, n), limit, taken)
            if buffer := self._buffers[n]:
                heappush(heads, (buffer[0].at, n))
            elif self._topics[n] not in caught_up:
                break
        return taken

    def _last_before(self, heads: Sequence[tuple[int, int]], n: int) -> int:
        """The latest time that topic n may give before another topic's head is due."""
        if not heads:
            return self.bound
        at, other = heads[0]
        return min(self.bound, at if n < other else at - 1)

    def _gallop(self, n: int, last: int, limit: int, taken: list[Item[V]]) -> None:
        """One topic mostly wins many times in a row; a heap step for each would double the price."""
        buffer = self._buffers[n]
        for _ in range(limit - len(taken)):
            if not buffer or buffer[0].at > last:
                return
            taken.append(buffer.popleft())
