"""The open stretches of a calendar, in blocks of days with running totals: a number of open hours is one bisection."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import NamedTuple

EPOCH = date(1970, 1, 1)
DAY_MS = 86_400_000
BLOCK_DAYS = 512
REMEMBERED_BLOCKS = 100


class Open(NamedTuple):
    """A stretch of open hours, in epoch milliseconds."""

    since: int
    until: int


OpenOn = Callable[[date], Iterable[Open]]
"""The stretches that begin on a day of the local calendar, in order."""


class _Block:
    """The stretches that begin on some days, as columns; `passed` is the open time of the block before each.

    `first` is the first stretch of each open day, and `day` the open day of each stretch.
    """

    __slots__ = ("day", "first", "passed", "since", "until")

    def __init__(self, days: Iterable[Iterable[Open]]) -> None:
        self.since, self.until, self.passed = list[int](), list[int](), [0]
        self.day, self.first = list[int](), [0]
        for stretches in days:
            for since, until in stretches:
                self.since.append(since)
                self.until.append(until)
                self.passed.append(self.passed[-1] + until - since)
                self.day.append(len(self.first) - 1)
            if len(self.since) > self.first[-1]:
                self.first.append(len(self.since))

    @property
    def open_days(self) -> int:
        return len(self.first) - 1

    @property
    def total(self) -> int:
        return self.passed[-1]


class _Place(NamedTuple):
    """A stretch: its block, and its number in it."""

    block_no: int
    block: _Block
    n: int


class Timetable:
    """All open stretches of a calendar; there must be some in every year. Blocks are made when they are needed."""

    def __init__(self, open_on: OpenOn) -> None:
        self._open_on = open_on
        self._blocks: dict[int, _Block] = {}

    def is_open(self, at: int) -> bool:
        """Whether the instant is in a stretch, its ends included."""
        _, block, n = self._ends_at_or_after(at)
        return block.since[n] <= at

    def time_after(self, at: int, ms: int) -> int:
        """The first open instant by which `ms` of open time have passed since `at`."""
        block_no, block, n = self._ends_at_or_after(at)
        begin = max(at, block.since[n])
        if begin + ms <= block.until[n]:
            return begin + ms
        passed = block.passed[n] + begin - block.since[n] + ms
        while passed > block.total:
            passed -= block.total
            block_no += 1
            block = self._block(block_no)
        n = bisect_left(block.passed, passed) - 1
        return block.since[n] + passed - block.passed[n]

    def time_before(self, at: int, ms: int) -> int:
        """The last open instant from which `ms` of open time pass until `at`."""
        block_no, block, n = self._begins_at_or_before(at)
        end = min(at, block.until[n])
        if end - ms >= block.since[n]:
            return end - ms
        passed = block.passed[n] + end - block.since[n] - ms
        while passed < 0:
            block_no -= 1
            block = self._block(block_no)
            passed += block.total
        n = bisect_right(block.passed, passed) - 1
        return block.since[n] + passed - block.passed[n]

    def days_from_opening(self, at: int, count: int) -> int:
        """The instant `count` open days later that is as far into its day as `at`; if closed, as the next opening."""
        return self._days_on(at, self._ends_at_or_after(at), count)

    def days_to_closing(self, at: int, count: int) -> int:
        """The instant `count` open days earlier, as far into its day as `at`; if closed, as the closing before."""
        return self._days_on(at, self._begins_at_or_before(at), -count)

    def _days_on(self, at: int, place: _Place, count: int) -> int:
        block_no, block, n = place
        day = block.day[n]
        into = block.passed[n] - block.passed[block.first[day]] + _clamped(at, block.since[n], block.until[n])
        day += count
        while day >= block.open_days:
            day -= block.open_days
            block_no += 1
            block = self._block(block_no)
        while day < 0:
            block_no -= 1
            block = self._block(block_no)
            day += block.open_days
        return _into(block, day, into)

    def _ends_at_or_after(self, at: int) -> _Place:
        block_no = (at // DAY_MS - 2) // BLOCK_DAYS  # a stretch ends less than two days after its day begins
        while True:
            block = self._block(block_no)
            n = bisect_left(block.until, at)
            if n < len(block.until):
                return _Place(block_no, block, n)
            block_no += 1

    def _begins_at_or_before(self, at: int) -> _Place:
        block_no = (at // DAY_MS + 1) // BLOCK_DAYS  # no zone is a day ahead
        while True:
            block = self._block(block_no)
            n = bisect_right(block.since, at) - 1
            if n >= 0:
                return _Place(block_no, block, n)
            block_no -= 1

    def _block(self, block_no: int) -> _Block:
        block = self._blocks.get(block_no)
        return self._make(block_no) if block is None else block

    def _make(self, block_no: int) -> _Block:
        if len(self._blocks) >= REMEMBERED_BLOCKS:
            self._blocks.clear()
        first = EPOCH + timedelta(days=block_no * BLOCK_DAYS)
        days = (self._open_on(first + timedelta(days=n)) for n in range(BLOCK_DAYS))
        return self._blocks.setdefault(block_no, _Block(days))


def _clamped(at: int, since: int, until: int) -> int:
    return min(max(at - since, 0), until - since)


def _into(block: _Block, day: int, ms: int) -> int:
    """The instant so far into this open day, at most its end."""
    first, end = block.first[day], block.first[day + 1]
    passed = block.passed[first] + ms
    n = max(bisect_left(block.passed, passed, first, end + 1) - 1, first)
    return block.until[end - 1] if n >= end else block.since[n] + passed - block.passed[n]
