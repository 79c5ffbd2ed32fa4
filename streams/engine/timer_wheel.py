"""TimerWheel: stream time of one partition, and the deadlines that wait for it."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WIDTH: Final = 300_000  # ms; a bucket is sorted only when time reaches it
_NEVER: Final = 2**63


class TimerWheel:
    """Deadlines by key; O(due) a step, and at most 200 bytes a key of 32 bytes.

    Times are epoch ms. Not thread-safe, no I/O: the agent owns one per partition. `now` has to be
    stored with the state; the deadlines follow from the state and are set again on recovery.

    Every key has an entry in a bucket no later than its deadline. A deadline that moves to later,
    which is what each touch of a lead does, leaves its entry where it is and is filed anew when that
    bucket opens: so memory does not grow with touches.
    """

    def __init__(self, now: int = 0) -> None:
        self.now = now
        self._due: dict[bytes, int] = {}
        self._buckets: dict[int, list[bytes]] = {}
        self._order: list[int] = []  # heap of the buckets that are not open
        self._near: list[tuple[int, bytes]] = []  # heap of what the open buckets held
        self._opened = -1
        self._wakes_at = _NEVER

    def __len__(self) -> int:
        return len(self._due)

    def set(self, key: bytes, due: int | None) -> None:
        """Replace the deadline of a key."""
        if due is None:
            self._due.pop(key, None)
            return
        before = self._due.get(key)
        self._due[key] = due
        if before is None or due < before:
            self._file(key, due)

    def due_of(self, key: bytes) -> int | None:
        """The deadline of a key."""
        return self._due.get(key)

    def is_due(self, to: int) -> bool:
        """Whether anything may fire on the way to this time; may say so in vain."""
        return self._wakes_at < max(self.now, to)

    def advance(self, to: int) -> Iterable[tuple[int, bytes]]:
        """Move time and give what it moves past, strictly, in the order of (due, key).

        Time never goes back, but a deadline that a late record set in the past comes up here before
        the next record. The caller may set deadlines between two of them. Exhaust the result before
        the next call.
        """
        self.now = max(self.now, to)
        return self._fire() if self._wakes_at < self.now else ()

    def _file(self, key: bytes, due: int) -> None:
        number = due // _WIDTH
        if number <= self._opened:
            heappush(self._near, (due, key))
            self._wakes_at = min(self._wakes_at, due)
        elif bucket := self._buckets.get(number):
            bucket.append(key)
        else:
            self._buckets[number] = [key]
            heappush(self._order, number)
            self._wakes_at = min(self._wakes_at, number * _WIDTH - 1)

    def _fire(self) -> Iterator[tuple[int, bytes]]:
        near, order = self._near, self._order
        while True:
            if near and near[0][0] < self.now:
                due, key = heappop(near)
                stands = self._due.get(key)
                if stands == due:
                    del self._due[key]
                    yield due, key
                elif stands is not None and stands > due:
                    self._file(key, stands)
            elif not near and order and order[0] * _WIDTH <= self.now:  # all that is near is before the next bucket
                self._open(heappop(order))
            else:
                break
        opens = order[0] * _WIDTH - 1 if order else _NEVER
        self._wakes_at = min(near[0][0], opens) if near else opens

    def _open(self, number: int) -> None:
        self._opened = number
        for key in set(self._buckets.pop(number)):
            self._refile(key, number)
        heapify(self._near)

    def _refile(self, key: bytes, number: int) -> None:
        due = self._due.get(key)
        if due is not None and due // _WIDTH == number:
            self._near.append((due, key))
        elif due is not None and due // _WIDTH > number:
            self._file(key, due)
