"""Offsets: the positions before which everything is durable, and the lease that their commits renew."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from .driver import GroupMember

T = TypeVar("T")
log = logging.getLogger(__name__)


class Offsets:
    """Positions before which everything is durable.

    The lease: the coordinator accepts a commit only from a current member, and gives the partitions
    away no sooner than one session timeout after it. So an accepted commit proves ownership for that
    long. Without it, a worker that was paused or cut off could overwrite what its successor wrote.

    A write that takes long keeps its lease by further commits, so a worker that is only short of CPU goes on.
    It ends when a commit is refused, or when none is accepted for a whole session: then it cannot know.

    Args:
        member: the consumer whose commits count.
        session: seconds; the session timeout of the group.
        patience: seconds to wait for the commit that begins a lease.
    """

    def __init__(self, member: GroupMember, session: float, patience: float) -> None:
        self._member = member
        self._session = session
        self._patience = patience
        self._positions: dict[TopicPartition, int] = {}
        self._proved = 0.0
        self.refused = 0

    def ack(self, tp: TopicPartition, position: int) -> None:
        """Note that everything before `position` is durable; the next commit publishes it."""
        self._positions[tp] = position

    def position(self, tp: TopicPartition) -> int | None:
        return self._positions.get(tp)

    def forget(self) -> None:
        """Forget all positions and the lease: a paused process may learn of an assignment after it was lost again."""
        self._positions.clear()
        self._proved = 0.0

    def is_proved(self) -> bool:
        """Whether a commit was accepted within the last session."""
        return time.monotonic() - self._proved < self._session

    async def commit(self) -> bool:
        """Commit all positions; False if it was refused: then the records are consumed again."""
        try:
            await self._commit(self._session)
        except (CommitFailedError, IllegalStateError, TimeoutError) as error:
            self.refused += 1
            log.warning("commit refused, the records will be processed again: %r", error)
            return False
        return True

    async def confirm(self, tps: Iterable[TopicPartition]) -> None:
        """Commit the positions of these partitions, which proves that this worker owns them now.

        Raises:
            CommitFailedError, IllegalStateError: it has lost them.
            TimeoutError: the coordinator does not answer.
            KeyError: a position was never acked.
        """
        await self._commit_positions({tp: self._positions[tp] for tp in tps}, self._patience)

    async def lease(self) -> float:
        """Seconds in which this worker surely still owns its partitions.

        Raises:
            CommitFailedError: it lost them; nothing that it holds may be written any more.
            TimeoutError: the coordinator does not answer; as above.
        """
        if self._left() < self._session / 2:
            await self._commit(self._patience)
        return self._left()

    async def while_owned(self, write: Callable[[], Awaitable[T]]) -> T:
        """Do a write that only the owner may do: under a lease that is renewed for as long as the write takes.

        Raises:
            CommitFailedError: the partitions were lost; end the process, or the write may still be sent.
            TimeoutError: the lease ran out before a commit was accepted; as above.
        """
        await self.lease()
        task = asyncio.ensure_future(write())
        task.add_done_callback(_retrieved)
        try:
            while not task.done():
                await asyncio.wait([task], timeout=max(0.0, self._left() - self._session / 2))
                if not task.done():
                    await self._renew_beside(task)
            return task.result()
        finally:
            task.cancel()

    async def _renew_beside(self, task: asyncio.Future[T]) -> None:
        if (left := self._left()) <= 0:
            raise TimeoutError("the lease ran out while the changelog was written")
        if left >= self._session / 2:
            return  # the commit timer was here
        renewal: asyncio.Future[None] = asyncio.ensure_future(self._commit(left))
        renewal.add_done_callback(_retrieved)
        pending: set[asyncio.Future[Any]] = {task, renewal}
        try:
            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if renewal.done():
                with suppress(TimeoutError):  # the commit timer may have been answered meanwhile
                    renewal.result()
        finally:
            renewal.cancel()

    def _left(self) -> float:
        return self._proved + self._session - time.monotonic()

    async def _commit(self, limit: float) -> None:
        """Commits unchanged positions too: it is the proof that counts."""
        await self._commit_positions(self._positions, limit)

    async def _commit_positions(self, positions: Mapping[TopicPartition, int], limit: float) -> None:
        offsets = {tp: OffsetAndMetadata(position, "") for tp, position in positions.items()}
        sent = time.monotonic()
        if offsets:
            await asyncio.wait_for(self._member.commit(offsets), limit)
            self._proved = sent


def _retrieved(done: asyncio.Future[Any]) -> None:
    """When both of two futures fail only one error is raised; asyncio would log the other as never retrieved."""
    if not done.cancelled():
        done.exception()
