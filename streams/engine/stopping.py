"""A worker that is told to stop while Kafka is away leaves without what it can no longer commit."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)
PATIENCE = 5.0
"""Seconds without an answer of any broker; with the time that a question takes, fewer than ten."""
_POLL = 0.25


async def leave_without_kafka(
    is_stopping: Callable[[], bool],
    answers: Callable[[], bool],
    leave: Callable[[int], NoReturn] = os._exit,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until the process is told to stop; then end it, with exit code 0, if no broker answers any more.

    That is safe at any time: what is not acked is repeated by the next owner, as after a crash.

    Args:
        is_stopping: whether the process was told to stop.
        answers: asks the brokers, for some seconds at most; called in a thread.
        leave: ends the process with an exit code.
        now: seconds, monotonic.
    """
    while not is_stopping():  # noqa: ASYNC110  Faust has a flag, no event, that the engine may rely on
        await asyncio.sleep(_POLL)
    answered_at = now()
    while True:
        if await asyncio.to_thread(answers):
            answered_at = now()
        elif now() - answered_at >= PATIENCE:
            log.warning("told to stop, and no broker answers: leaving; what is not acked is repeated by the next owner")
            leave(os.EX_OK)
        await asyncio.sleep(_POLL)
