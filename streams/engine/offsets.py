"""Offsets: what this worker has done of each input, and the lease that its commits renew."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

log = logging.getLogger(__name__)


class Offsets:
    """Positions before which everything is durable.

    The lease: the coordinator accepts a commit only from a current member, and gives the partitions
    away no sooner than one session timeout after it. So an accepted commit proves ownership for that
    long. Without it, a worker that was paused or cut off could overwrite what its successor wrote.
    """

    def __init__(self, kafka: AIOKafkaConsumer, session: float, patience: float) -> None:
        self._kafka = kafka
        self._session = session
        self._patience = patience
        self._positions: dict[TopicPartition, int] = {}
        self._proved = 0.0
        self.refused = 0

    def ack(self, tp: TopicPartition, position: int) -> None:
        """Everything before position is durable; the next commit says so."""
        self._positions[tp] = position

    def position(self, tp: TopicPartition) -> int | None:
        return self._positions.get(tp)

    def forget(self) -> None:
        """A new assignment proves nothing: a paused process may learn of it after it was lost."""
        self._positions.clear()
        self._proved = 0.0

    def is_proved(self) -> bool:
        """Whether a commit was accepted within the last session."""
        return time.monotonic() - self._proved < self._session

    async def commit(self) -> bool:
        """Commit all positions; False if it was refused: then the records come again."""
        try:
            await self._commit(self._session)
        except (CommitFailedError, IllegalStateError, TimeoutError) as error:
            self.refused += 1
            log.warning("commit refused, the records will be processed again: %r", error)
            return False
        return True

    async def lease(self) -> float:
        """Seconds in which this worker surely still owns its partitions.

        Raises:
            CommitFailedError: it lost them; nothing that it holds may be written any more.
        """
        if time.monotonic() - self._proved > self._session / 2:
            await self._commit(self._patience)
        return self._proved + self._session - time.monotonic()

    async def _commit(self, limit: float) -> None:
        """Commits unchanged positions too: it is the proof that counts."""
        offsets = {tp: OffsetAndMetadata(position, "") for tp, position in self._positions.items()}
        sent = time.monotonic()
        if offsets:
            await asyncio.wait_for(self._kafka.commit(offsets), limit)
            self._proved = sent
