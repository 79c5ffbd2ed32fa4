"""Finds leads by the lists of the read model: from the smallest list, tested against the others before a lead is read.

A position names a place in the order and not a number of rows, so a page stays where it is while leads move.
"""

from collections.abc import AsyncIterator
from typing import NamedTuple

from workers.http.problems import Problem
from workers.read_model.list_members import TIME_DIGITS

from .generation_reader import GenerationReader, ListRange, Reading, ScoredPlace, ScoreRange
from .lead_plan import LeadPlan

SLICE = 1_000
SMALL, WHOLE = 2_000, 50_000
"""A list of up to so many leads is read at once and brought into order: at once, or if the order alone finds few."""
COUNTED = 50_000
"""Up to so many leads of the smallest list are counted through."""


class Candidate(NamedTuple):
    """A lead that may fit, and its place in the order."""

    place: bytes
    lead_id: bytes


class LeadScan:
    """One reading of the lists of a plan. Methods raise ReadModelUnavailable."""

    def __init__(self, reader: GenerationReader, reading: Reading, plan: LeadPlan) -> None:
        self._reader = reader
        self._reading = reading
        self._plan = plan
        self._whole: list[Candidate] | None = None

    async def slices(self, last: bytes | None) -> AsyncIterator[tuple[int, list[Candidate], bytes]]:
        """After this place: how many were examined, those that fit by all lists, and the place that was reached."""
        sizes = [sum(await self._sizes(group)) for group in self._plan.groups]
        if self._plan.timed is not None:
            walk = self._by_time(self._plan.timed, last)
        elif not self._plan.order:
            smallest = min(zip(sizes, self._plan.groups, strict=True), default=(0, ("all",)))[1]
            walk = self._by_id(smallest, last)
        else:
            await self._load_whole(sizes, SMALL)
            walk = self._in_order(last) if self._whole is None else self._in_whole(self._whole, last)
        async for some in walk:
            is_tested, reached = self._whole is not None, some[-1].place
            yield len(some), some if is_tested else await self._tested(some), reached
            if self._plan.order and not is_tested:
                await self._load_whole(sizes, WHOLE)
                if self._whole is not None:
                    async for rest in self._in_whole(self._whole, reached):
                        yield len(rest), rest, rest[-1].place
                    return

    async def total(self) -> int | None:
        """How many leads fit; None where counting takes too long. To be called after `slices` began."""
        plan, groups = self._plan, self._plan.groups
        if plan.has_rest:
            return None
        if self._whole is not None:
            return len(self._whole)
        if plan.timed is not None:
            return None if groups or plan.ranges else (await self._reader.sizes(self._reading, [plan.timed]))[0]
        if not groups:
            whole = self._reader.scored_size(self._reading, plan.in_order) if plan.order else None
            size = await whole if whole else (await self._reader.sizes(self._reading, [plan.by_id("all")]))[0]
            return None if plan.other_ranges or (plan.order and plan.begins) else size
        if len(groups) == len(groups[0]) == 1 and not plan.order:
            return (await self._reader.sizes(self._reading, [plan.by_id(groups[0][0])]))[0]
        return await self._counted()

    async def _counted(self) -> int | None:
        plan = self._plan
        bounded = any((one.least, one.below) != (None, None) for one in plan.ranges)
        if bounded or plan.begins or any(len(group) > 1 for group in plan.groups):
            return None
        names = [*(group[0] for group in plan.groups), *(one.name for one in plan.ranges)]
        names += [plan.order] if plan.order and plan.order not in names else []
        if min(await self._sizes(tuple(names))) > COUNTED:
            return None
        return await self._reader.common(self._reading, names)

    async def _sizes(self, names: tuple[str, ...]) -> list[int]:
        return await self._reader.sizes(self._reading, [ListRange(name) for name in names])

    async def _by_time(self, within: ListRange, last: bytes | None) -> AsyncIterator[list[Candidate]]:
        while members := await self._reader.members(self._reading, within, last, most=SLICE):
            yield [Candidate(member, member[TIME_DIGITS:]) for member in members]
            last = members[-1]

    async def _by_id(self, group: tuple[str, ...], last: bytes | None) -> AsyncIterator[list[Candidate]]:
        """The leads of one of these lists; those of several are merged."""
        while True:
            found = [
                await self._reader.members(self._reading, self._plan.by_id(name), last, most=SLICE) for name in group
            ]
            members = sorted(set().union(*found))[:SLICE]  # none is missing before the last of these
            if not members:
                return
            yield [Candidate(member, member) for member in members]
            last = members[-1]

    async def _in_order(self, last: bytes | None) -> AsyncIterator[list[Candidate]]:
        after = None if last is None else _value_of(last)
        while found := await self._reader.scored(
            self._reading, self._plan.in_order, after, most=SLICE, is_backwards=self._plan.is_backwards
        ):
            yield [_placed(value, lead_id) for lead_id, value in found]
            after = found[-1][1], found[-1][0]

    async def _in_whole(self, whole: list[Candidate], last: bytes | None) -> AsyncIterator[list[Candidate]]:
        after = None if last is None else _value_of(last)
        is_backwards = self._plan.is_backwards
        rest = [one for one in whole if after is None or _is_after(_value_of(one.place), after, is_backwards)]
        for begin in range(0, len(rest), SLICE):
            yield rest[begin : begin + SLICE]

    async def _load_whole(self, sizes: list[int], most: int) -> None:
        """Read the smallest list at once, if it is small enough, and bring what fits into order."""
        plan = self._plan
        lists: list[tuple[int, tuple[str, ...] | ScoreRange]] = list(zip(sizes, plan.groups, strict=True))
        lists += [(await self._reader.scored_size(self._reading, one), one) for one in plan.other_ranges]
        size, smallest = min(lists, key=lambda one: one[0], default=(most + 1, ()))
        if size > most:
            return
        pairs = await (self._common_pairs() if plan.is_of_single_lists else self._tested_pairs(smallest))
        ordered = sorted((pair for pair in pairs if plan.in_order.has(pair[0])), reverse=plan.is_backwards)
        self._whole = [_placed(value, lead_id) for value, lead_id in ordered]

    async def _common_pairs(self) -> list[ScoredPlace]:
        """Of the leads that are in all lists the values and ids, found by Redis."""
        return await self._reader.in_all(self._reading, [group[0] for group in self._plan.groups], self._plan.order)

    async def _tested_pairs(self, smallest: tuple[str, ...] | ScoreRange) -> list[ScoredPlace]:
        """The same where a lead may be in one of several lists, or has to be within ranges: tested one by one."""
        within = smallest if isinstance(smallest, ScoreRange) else None
        names: tuple[str, ...] = (smallest.name,) if isinstance(smallest, ScoreRange) else smallest
        found = [await self._reader.all_members(self._reading, name, within) for name in names]
        ids = sorted(set().union(*found))
        fitting = [one.lead_id for one in await self._tested([Candidate(lead_id, lead_id) for lead_id in ids])]
        values = await self._reader.scores(self._reading, [self._plan.order], fitting)
        return [(value, lead_id) for value, lead_id in zip(values[0], fitting, strict=True) if value is not None]

    async def _tested(self, some: list[Candidate]) -> list[Candidate]:
        """Those that are in a list of each group, and within all ranges."""
        plan = self._plan
        if plan.begins:
            some = [one for one in some if one.lead_id.startswith(plan.begins)]
        ranges = plan.other_ranges
        names = [name for group in plan.groups for name in group] + [one.name for one in ranges]
        if not names or not some:
            return some
        columns = await self._reader.scores(self._reading, names, [one.lead_id for one in some])
        by_name = dict(zip(names, columns, strict=True))
        return [
            one
            for n, one in enumerate(some)
            if all(any(by_name[name][n] is not None for name in group) for group in plan.groups)
            and all(limits.has(by_name[limits.name][n]) for limits in ranges)
        ]


def _placed(value: int, lead_id: bytes) -> Candidate:
    return Candidate(b"%d:%b" % (value, lead_id), lead_id)


def _value_of(place: bytes) -> tuple[int, bytes]:
    value, _, lead_id = place.partition(b":")
    try:
        return int(value), lead_id
    except ValueError as error:
        raise Problem("invalid", "cursor: give `next` of the former page as it was, with the same filters") from error


def _is_after(one: tuple[int, bytes], other: tuple[int, bytes], is_backwards: bool) -> bool:
    return one < other if is_backwards else one > other
