"""A worker with a fixed name in its group: it ends when another process joins with the same name.

Kafka gives the name, and the partitions, to who joins last. aiokafka does not send the name with its heartbeats and
commits, so it takes the refusal for an expired session and joins again: two processes would replace each
other for ever.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from aiokafka.errors import CommitFailedError, IllegalStateError

from .fencing import FencedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .failure import Fail

_OF_A_LOSS = (CommitFailedError, IllegalStateError, FencedError, TimeoutError)


class StaticMember:
    """Asks who has the name when partitions are lost.

    Args:
        replaced: called with the member id that this worker had; returns in words who has its name now, and an empty
            text if that is this worker, nobody, or not known. It may block for some seconds.
        fail: ends the process.
    """

    def __init__(self, replaced: Callable[[str], str], fail: Fail) -> None:
        self._replaced = replaced
        self._fail = fail
        self._member_id = ""

    def joined(self, member_id: str) -> None:
        self._member_id = member_id

    def fail(self, reason: object, *, where: str = "") -> NoReturn:
        """End the process; if the reason may be another process of the same name, and is, say so instead."""
        words = self._ask() if isinstance(reason, _OF_A_LOSS) else ""
        self._fail(words or reason, where=where)

    async def end_if_replaced(self) -> None:
        if words := await asyncio.to_thread(self._ask):
            self._fail(words, where="revocation")

    def _ask(self) -> str:
        return self._replaced(self._member_id) if self._member_id else ""
