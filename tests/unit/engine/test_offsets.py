"""Commits, and the lease that they renew."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from streams.engine.offsets import Offsets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

A, B = TopicPartition("a", 0), TopicPartition("b", 0)


class FakeKafka:
    """Accepts commits, or answers with a fault, or never."""

    def __init__(self) -> None:
        self.commits: list[dict[TopicPartition, int]] = []
        self.fault: Exception | None = None
        self.is_silent = False

    async def commit(self, offsets: Mapping[TopicPartition, Any]) -> None:
        if self.is_silent:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault
        self.commits.append({tp: one.offset for tp, one in offsets.items()})


@pytest.fixture
def kafka() -> FakeKafka:
    return FakeKafka()


def offsets_of(kafka: Any, session: float = 60.0) -> Offsets:
    offsets = Offsets(kafka, session, patience=session)
    offsets.ack(A, 7)
    return offsets


async def test_an_accepted_commit_is_a_lease_of_one_session(kafka: FakeKafka) -> None:
    offsets = offsets_of(kafka)
    assert not offsets.is_proved()
    assert 59 < await offsets.lease() <= 60
    assert offsets.is_proved()
    assert kafka.commits == [{A: 7}]


async def test_a_lease_in_its_first_half_is_not_renewed(kafka: FakeKafka) -> None:
    offsets = offsets_of(kafka)
    assert await offsets.commit()
    await offsets.lease()
    assert len(kafka.commits) == 1


async def test_unchanged_positions_are_committed_again_to_renew_the_lease(kafka: FakeKafka) -> None:
    offsets = offsets_of(kafka)
    await offsets.commit()
    await offsets.commit()
    assert kafka.commits == [{A: 7}, {A: 7}]


async def test_ownership_is_confirmed_by_a_commit_also_while_a_lease_lasts(kafka: FakeKafka) -> None:
    offsets = offsets_of(kafka)
    offsets.ack(B, 3)
    await offsets.commit()
    await offsets.confirm([B])
    assert kafka.commits[1:] == [{B: 3}]
    kafka.fault = CommitFailedError()
    with pytest.raises(CommitFailedError):
        await offsets.confirm([B])


async def test_ownership_cannot_be_confirmed_without_a_position_to_commit(kafka: FakeKafka) -> None:
    with pytest.raises(KeyError):
        await offsets_of(kafka).confirm([B])


async def test_a_former_member_gets_no_lease(kafka: FakeKafka) -> None:
    kafka.fault = CommitFailedError()
    with pytest.raises(CommitFailedError):
        await offsets_of(kafka).lease()


async def test_a_refused_commit_gives_no_lease(kafka: FakeKafka) -> None:
    offsets = offsets_of(kafka)
    kafka.fault = CommitFailedError()
    assert not await offsets.commit()
    assert not offsets.is_proved()


async def test_a_commit_without_a_response_within_a_session_fails(kafka: FakeKafka) -> None:
    kafka.is_silent = True
    assert not await offsets_of(kafka, session=0.05).commit()


async def test_a_new_assignment_needs_a_new_lease(kafka: FakeKafka) -> None:
    offsets = offsets_of(kafka)
    await offsets.commit()
    offsets.forget()
    assert (offsets.is_proved(), offsets.position(A)) == (False, None)


async def test_a_write_that_takes_longer_than_a_session_keeps_its_lease(kafka: FakeKafka) -> None:
    offsets, ended = offsets_of(kafka, session=4.0), asyncio.Event()

    async def write() -> str:
        await ended.wait()
        return "written"

    writing = asyncio.ensure_future(offsets.while_owned(write))
    await until(lambda: len(kafka.commits) >= 3)  # the first, and renewals for a session
    assert offsets.is_proved()
    ended.set()
    assert await writing == "written"


async def test_a_write_does_not_begin_without_a_lease(kafka: FakeKafka) -> None:
    kafka.fault = CommitFailedError()
    begun: list[int] = []

    async def write() -> None:
        begun.append(1)

    with pytest.raises(CommitFailedError):
        await offsets_of(kafka).while_owned(write)
    assert begun == []


async def test_a_write_ends_with_an_error_when_its_partitions_were_lost(kafka: FakeKafka) -> None:
    offsets = offsets_of(kafka, session=0.4)
    writing = asyncio.ensure_future(offsets.while_owned(asyncio.Event().wait))
    await until(lambda: len(kafka.commits) == 1)
    kafka.fault = CommitFailedError()
    with pytest.raises(CommitFailedError):
        await writing


async def test_a_write_ends_with_an_error_when_no_commit_succeeds_for_a_session(kafka: FakeKafka) -> None:
    offsets = offsets_of(kafka, session=0.4)
    writing = asyncio.ensure_future(offsets.while_owned(asyncio.Event().wait))
    await until(lambda: len(kafka.commits) >= 1)
    kafka.is_silent = True
    with pytest.raises(TimeoutError):
        await writing
    assert not offsets.is_proved()


async def test_of_a_write_and_a_renewal_that_both_fail_one_error_is_raised_and_none_is_left(kafka: FakeKafka) -> None:
    """Asyncio would log the other one, as an exception that was never retrieved."""
    left: list[Mapping[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: left.append(context))
    offsets = offsets_of(kafka, session=0.4)

    async def write() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as cancelled:
            raise CommitFailedError from cancelled  # as a claim whose commit is refused at that moment

    writing = asyncio.ensure_future(offsets.while_owned(write))
    await until(lambda: len(kafka.commits) >= 1)
    kafka.fault = CommitFailedError()
    with pytest.raises(CommitFailedError):
        await writing
    del writing
    kafka.fault = None  # it knows the frames that know the tasks
    await asyncio.sleep(0)
    gc.collect()
    assert left == []


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  the fake counts, it signals nothing
            await asyncio.sleep(0.01)
