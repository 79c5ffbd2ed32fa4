"""Partitions come and go while their delivery indexes are rebuilt, and nothing that goes wrong meanwhile is lost."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence

import pytest

from tests.unit.delivery.builders import a_record
from workers.delivery.core.model import ConsumedRecord, Takeover
from workers.delivery.core.owned_partition import OpenRecord, OwnedPartition
from workers.delivery.core.recovered_index import RecoveredIndex
from workers.delivery.runtime.assignment import MAX_OPEN, Assignment
from workers.delivery.runtime.flow import Command, Commit, FlowControl, Pause, Resume
from workers.delivery.runtime.waits import WaitScheduler

WAIT = "delivery-wait-1s"
TAKEOVER = Takeover(0, {"lead-recycled": 0, WAIT: 0}, {"lead-recycled": 0, WAIT: 0}, is_sure=True)


class FakeDeliveries:
    """Accepts everything, or breaks. `held` keeps what is in progress, if anything is to be."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.seen: list[int] = []
        self.max_held = 0
        self.held: list[OpenRecord] | None = None
        self._fault = fault

    def accept_event(self, partition: OwnedPartition, record: ConsumedRecord) -> None:
        opened = partition.open(record)
        if self.held is None:
            opened.finish_one()
        else:
            self.held.append(opened)
        self.seen.append(record.offset)
        if self._fault:
            raise self._fault

    accept_wait = accept_event

    async def has_room(self, within: float) -> None:
        """There is room."""

    async def release(self, partitions: Sequence[OwnedPartition], within: float) -> None:
        """Nothing is in progress."""


class FakeCommands:
    def __init__(self) -> None:
        self.paused: set[tuple[str, int]] = set()

    def put(self, command: Command) -> None:
        match command:
            case Pause(place):
                assert place not in self.paused
                self.paused.add(place)
            case Resume(place):
                self.paused.discard(place)
            case Commit():
                raise AssertionError


class Assigned:
    """An assignment whose indexes are rebuilt by `recover`."""

    def __init__(
        self,
        recover: Callable[[Sequence[Takeover], Callable[[], bool]], Mapping[int, RecoveredIndex]],
        fault: Exception | None = None,
    ) -> None:
        self.faults: list[tuple[BaseException, str]] = []
        self.deliveries, self.commands = FakeDeliveries(fault), FakeCommands()
        self.now = 0
        flow = FlowControl(self.commands)
        self.assignment = Assignment(
            owned={},
            deliveries=self.deliveries,
            waits=WaitScheduler({WAIT: 50}, flow, lambda: self.now, self.deliveries.accept_wait, self._failed),
            flow=flow,
            recover=recover,
            failed=self._failed,
            drain_seconds=0.0,
        )

    def _failed(self, fault: BaseException, place: str) -> None:
        self.faults.append((fault, place))

    async def settled(self) -> None:
        async with asyncio.timeout(60):
            while self.assignment.is_recovering:  # noqa: ASYNC110  what is waited for is no event
                await asyncio.sleep(0.005)


def at_once(takeovers: Sequence[Takeover], is_wanted: Callable[[], bool]) -> Mapping[int, RecoveredIndex]:
    assert is_wanted()
    return {one.partition: RecoveredIndex() for one in takeovers}


class Slow:
    """A rebuilding that goes on until it is not wanted, and then breaks; later ones are done at once."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._count = 0

    def __call__(self, takeovers: Sequence[Takeover], is_wanted: Callable[[], bool]) -> Mapping[int, RecoveredIndex]:
        self._count += 1
        if self._count > 1:
            return at_once(takeovers, is_wanted)
        while is_wanted():
            threading.Event().wait(0.005)
        self.ended.set()
        raise KeyError("a partition that is another's")


async def test_a_rebalance_ends_a_rebuild_that_is_no_longer_wanted_and_ignores_its_error() -> None:
    slow = Slow()
    assigned = Assigned(slow)
    await assigned.assignment.partitions_assigned([TAKEOVER])
    assert assigned.assignment.is_recovering
    await assigned.assignment.partitions_revoked()
    await assigned.assignment.partitions_assigned([TAKEOVER])
    await assigned.settled()
    assert await asyncio.to_thread(slow.ended.wait, 60)
    assert assigned.faults == []
    assert set(assigned.assignment.owned) == {0}


async def test_closing_ends_a_rebuild() -> None:
    slow = Slow()
    assigned = Assigned(slow)
    await assigned.assignment.partitions_assigned([TAKEOVER])
    assigned.assignment.close()
    assert await asyncio.to_thread(slow.ended.wait, 60)
    assert assigned.faults == []


async def test_an_error_while_an_index_is_rebuilt_ends_the_process() -> None:
    def breaks(_: Sequence[Takeover], __: Callable[[], bool]) -> Mapping[int, RecoveredIndex]:
        raise RuntimeError("a bug")

    assigned = Assigned(breaks)
    await assigned.assignment.partitions_assigned([TAKEOVER])
    async with asyncio.timeout(60):
        while not assigned.faults:  # noqa: ASYNC110  what is waited for is no event
            await asyncio.sleep(0.005)
    assert assigned.faults[0][1] == "while delivery indexes were rebuilt"


async def test_an_error_at_a_consumed_record_is_reported_with_its_offset() -> None:
    assigned = Assigned(at_once, RuntimeError("a bug"))
    await assigned.assignment.partitions_assigned([TAKEOVER])
    await assigned.settled()
    try:
        await assigned.assignment.records_consumed([a_record("lead-recycled", 7)])
    except RuntimeError:
        assert assigned.faults[0][1] == "topic lead-recycled, partition 0, offset 7"
    else:
        raise AssertionError


async def test_an_error_at_a_record_that_became_due_is_reported_with_its_offset() -> None:
    assigned = Assigned(at_once, RuntimeError("a bug"))
    await assigned.assignment.partitions_assigned([TAKEOVER])
    await assigned.settled()
    await assigned.assignment.records_consumed([a_record(WAIT, offset=3)])
    assert assigned.deliveries.seen == []
    assigned.now = 100
    async with asyncio.timeout(60):
        while not assigned.faults:  # noqa: ASYNC110  what is waited for is no event
            await asyncio.sleep(0.005)
    assert assigned.faults[0][1] == f"topic {WAIT}, partition 0, offset 3"


async def test_waiting_records_are_not_committed_and_become_due_in_order() -> None:
    assigned = Assigned(at_once)
    await assigned.assignment.partitions_assigned([TAKEOVER])
    await assigned.settled()
    await assigned.assignment.records_consumed(
        [a_record(WAIT, offset=0), a_record(WAIT, offset=1, written_at=10), a_record(WAIT, offset=2)]
    )
    assert assigned.assignment.positions() == {("lead-recycled", 0): 0, (WAIT, 0): 0}
    assigned.now = 100
    async with asyncio.timeout(60):
        while len(assigned.deliveries.seen) < 3:  # noqa: ASYNC110  what is waited for is no event
            await asyncio.sleep(0.005)
    assert assigned.deliveries.seen == [0, 1, 2]
    assert assigned.assignment.positions() == {("lead-recycled", 0): 0, (WAIT, 0): 3}


CRASHED = Takeover(0, {"lead-recycled": 0, WAIT: 0}, {"lead-recycled": 2, WAIT: 9}, is_sure=False)


def one_wait_was_due(takeovers: Sequence[Takeover], _: Callable[[], bool]) -> Mapping[int, RecoveredIndex]:
    return {one.partition: RecoveredIndex(unsure_below={WAIT: 1}) for one in takeovers}


async def test_a_partition_is_left_cleanly_once_everything_that_a_crashed_owner_may_have_begun_is_finished() -> None:
    assigned = Assigned(one_wait_was_due)
    await assigned.assignment.partitions_assigned([CRASHED])
    await assigned.settled()
    assigned.now = 100
    await assigned.assignment.records_consumed(
        [a_record("lead-recycled", 0), a_record("lead-recycled", 1), a_record(WAIT, offset=0)]
    )
    released = await assigned.assignment.partitions_revoked()
    assert (released.left, released.held) == ({("lead-recycled", 0): 2, (WAIT, 0): 1}, {})


@pytest.mark.parametrize(
    "finished", [[a_record("lead-recycled", 0), a_record("lead-recycled", 1)], [a_record(WAIT, offset=0)]]
)
async def test_a_partition_stays_held_while_anything_that_a_crashed_owner_may_have_begun_is_unfinished(
    finished: Sequence[ConsumedRecord],
) -> None:
    assigned = Assigned(one_wait_was_due)
    await assigned.assignment.partitions_assigned([CRASHED])
    await assigned.settled()
    assigned.now = 100
    await assigned.assignment.records_consumed(finished)
    released = await assigned.assignment.partitions_revoked()
    assert released.left == {}
    assert released.held[finished[0].topic, 0] == len(finished)


@pytest.mark.parametrize("max_held", [0, 3_000])
async def test_fetching_pauses_at_twice_as_many_open_records_as_lanes_may_hold(max_held: int) -> None:
    assigned = Assigned(at_once)
    assigned.deliveries.held = []
    assigned.deliveries.max_held = max_held
    most = max(MAX_OPEN, 2 * max_held)
    await assigned.assignment.partitions_assigned([TAKEOVER])
    await assigned.settled()
    await assigned.assignment.records_consumed([a_record("lead-recycled", offset) for offset in range(most - 1)])
    assert not assigned.commands.paused
    await assigned.assignment.records_consumed([a_record("lead-recycled", most - 1)])
    assert assigned.commands.paused == {("lead-recycled", 0)}
    for opened in assigned.deliveries.held[: most // 2]:
        opened.finish_one()
    assigned.assignment.resume_where_possible()
    assert assigned.commands.paused
    assigned.deliveries.held[most // 2].finish_one()
    assigned.assignment.resume_where_possible()
    assert not assigned.commands.paused
