"""Failure: ends the process where going on could acknowledge work that is not done."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


class Fail(Protocol):
    """How a part of the engine reports what it cannot recover from; `where` names topic, partition and offset."""

    def __call__(self, reason: object, *, where: str = "") -> NoReturn: ...


def end_process(reason: object, *, where: str = "", leave: Callable[[int], NoReturn] = os._exit) -> NoReturn:
    """End the process without clean-up: nothing that is not acknowledged can become acknowledged.

    Faust and aiokafka only log what agents, rebalance listeners and detached tasks raise, and go on; so a
    soft failure would skip records.

    Args:
        reason: an exception, which is logged with its traceback, or a message.
        where: topic, partition and offset, or the step that failed.
        leave: ends the process with an exit code; for tests.
    """
    error = reason if isinstance(reason, BaseException) else None
    place = f" at {where}" if where else ""
    log.critical("the engine stops the process%s: %r", place, reason, exc_info=error)
    for handler in logging.getLogger().handlers:
        handler.flush()
    leave(os.EX_SOFTWARE)
