"""Partitions come and go while their ledgers are rebuilt, and nothing that goes wrong meanwhile is lost."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pytest

from workers.delivery.core.model import ConsumedRecord, Takeover
from workers.delivery.core.partition import OwnedPartition
from workers.delivery.runtime.recovery import RecoveredPartition
from workers.delivery.runtime.waits import MOST_OUTSTANDING, WaitScheduler

WAIT = "delivery-wait-1s"
TAKEOVER = Takeover(0, {"lead-recycled": 0, WAIT: 0}, {"lead-recycled": 0, WAIT: 0}, is_sure=True)


class FakeDispatch:
    """Takes everything in, or breaks."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.seen: list[int] = []
        self.most_held = 0
        self.held: list[Any] | None = None  # what is under way, if anything is to be
        self._fault = fault

    def fresh(self, route: OwnedPartition, came: ConsumedRecord) -> None:
        receipt = route.receipt(came)
        if self.held is None:
            receipt.finish()
        else:
            self.held.append(receipt)
        self.seen.append(came.offset)
        if self._fault:
            raise self._fault

    woken = fresh

    async def eased(self, within: float) -> None:
        """There is room."""

    async def let_go(self, routes: Sequence[OwnedPartition], within: float) -> None:
        """Nothing is under way."""


class Received:
    """A reception whose ledgers are rebuilt by `recover`."""

    def __init__(
        self,
        recover: Callable[[Sequence[Takeover], Callable[[], bool]], Mapping[int, RecoveredPartition]],
        fault: Exception | None = None,
    ) -> None:
        self.faults: list[tuple[BaseException, str]] = []
        self.dispatch = FakeDispatch(fault)
        self.now = 0
        self.reception = WaitScheduler(
            dispatch=cast("Any", self.dispatch),
            delays={WAIT: 50},
            recover=recover,
            now=lambda: self.now,
            failed=lambda fault, place: self.faults.append((fault, place)),
            drain_seconds=0.0,
        )

    async def settled(self) -> None:
        async with asyncio.timeout(5):
            while self.reception.is_recovering:  # noqa: ASYNC110  what is waited for is no event
                await asyncio.sleep(0.005)


def at_once(takeovers: Sequence[Takeover], is_wanted: Callable[[], bool]) -> Mapping[int, RecoveredPartition]:
    assert is_wanted()
    return {one.partition: RecoveredPartition() for one in takeovers}


def a_record(topic: str = WAIT, offset: int = 0, **fields: Any) -> ConsumedRecord:
    given: dict[str, Any] = {"key": None, "value": b"", "headers": (), "written_at": 0} | fields
    return ConsumedRecord(topic, 0, offset, **given)


class Slow:
    """A rebuilding that goes on until it is not wanted, and then breaks; later ones are done at once."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._count = 0

    def __call__(
        self, takeovers: Sequence[Takeover], is_wanted: Callable[[], bool]
    ) -> Mapping[int, RecoveredPartition]:
        self._count += 1
        if self._count > 1:
            return at_once(takeovers, is_wanted)
        while is_wanted():
            threading.Event().wait(0.005)
        self.ended.set()
        raise KeyError("a partition that is another's")


async def test_a_rebalance_ends_the_rebuilding_of_ledgers_that_nobody_wants_and_what_it_broke_on_is_no_fault() -> None:
    slow = Slow()
    received = Received(slow)
    await received.reception.took_over([TAKEOVER])
    assert received.reception.is_recovering
    await received.reception.given_up()
    await received.reception.took_over([TAKEOVER])
    await received.settled()
    assert await asyncio.to_thread(slow.ended.wait, 5)
    assert received.faults == []
    assert set(received.reception.routes) == {0}


async def test_to_close_ends_the_rebuilding() -> None:
    slow = Slow()
    received = Received(slow)
    await received.reception.took_over([TAKEOVER])
    received.reception.close()
    assert await asyncio.to_thread(slow.ended.wait, 5)
    assert received.faults == []


async def test_what_breaks_while_ledgers_are_rebuilt_ends_the_process() -> None:
    def breaks(_: Sequence[Takeover], __: Callable[[], bool]) -> Mapping[int, RecoveredPartition]:
        raise RuntimeError("a bug")

    received = Received(breaks)
    await received.reception.took_over([TAKEOVER])
    async with asyncio.timeout(5):
        while not received.faults:  # noqa: ASYNC110  what is waited for is no event
            await asyncio.sleep(0.005)
    assert received.faults[0][1] == "while ledgers were rebuilt"


async def test_what_breaks_when_a_record_comes_is_told_with_its_place() -> None:
    received = Received(at_once, RuntimeError("a bug"))
    await received.reception.took_over([TAKEOVER])
    await received.settled()
    try:
        await received.reception.came([a_record("lead-recycled", 7)])
    except RuntimeError:
        assert received.faults[0][1] == "topic lead-recycled, partition 0, offset 7"
    else:
        raise AssertionError


async def test_what_breaks_when_a_record_is_woken_by_an_alarm_is_told_with_its_place() -> None:
    received = Received(at_once, RuntimeError("a bug"))
    await received.reception.took_over([TAKEOVER])
    await received.settled()
    await received.reception.came([a_record(offset=3)])
    assert received.dispatch.seen == []
    received.now = 100
    async with asyncio.timeout(5):
        while not received.faults:  # noqa: ASYNC110  what is waited for is no event
            await asyncio.sleep(0.005)
    assert received.faults[0][1] == f"topic {WAIT}, partition 0, offset 3"


async def test_what_sleeps_is_not_committed_and_is_woken_in_its_order() -> None:
    received = Received(at_once)
    await received.reception.took_over([TAKEOVER])
    await received.settled()
    await received.reception.came([a_record(offset=0), a_record(offset=1, written_at=10), a_record(offset=2)])
    assert received.reception.positions() == {("lead-recycled", 0): 0, (WAIT, 0): 0}
    received.now = 100
    async with asyncio.timeout(5):
        while len(received.dispatch.seen) < 3:  # noqa: ASYNC110  what is waited for is no event
            await asyncio.sleep(0.005)
    assert received.dispatch.seen == [0, 1, 2]
    assert received.reception.positions() == {("lead-recycled", 0): 0, (WAIT, 0): 3}


class FakeValve:
    def __init__(self) -> None:
        self.shut: set[tuple[str, int]] = set()

    def pause(self, topic: str, partition: int) -> None:
        self.shut.add((topic, partition))

    def resume(self, topic: str, partition: int) -> None:
        self.shut.discard((topic, partition))


@pytest.mark.parametrize("most_held", [0, 3_000])
async def test_no_more_is_fetched_once_twice_as_much_is_under_way_as_lanes_may_hold(most_held: int) -> None:
    received, valve = Received(at_once), FakeValve()
    received.reception.valve, received.dispatch.held = valve, []
    received.dispatch.most_held = most_held
    most = max(MOST_OUTSTANDING, 2 * most_held)
    await received.reception.took_over([TAKEOVER])
    await received.settled()
    await received.reception.came([a_record("lead-recycled", offset) for offset in range(most - 1)])
    assert not valve.shut
    await received.reception.came([a_record("lead-recycled", most - 1)])
    assert valve.shut == {("lead-recycled", 0)}
    for receipt in received.dispatch.held[: most // 2]:
        receipt.finish()
    received.reception.look_again()
    assert valve.shut
    received.dispatch.held[most // 2].finish()
    received.reception.look_again()
    assert not valve.shut
