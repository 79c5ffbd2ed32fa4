"""Quiet logs in an outage: aiokafka repeats each complaint many times a second for as long as it lasts."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RateLimit(logging.Filter):
    """Lets each message template of a logger through once per `every` seconds, then counts."""

    def __init__(self, every: float = 30.0, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every = every
        self._now = now
        self._seen: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        key = record.name, record.lineno, str(record.msg)[:40]
        since, held_back = self._seen.get(key, (-self._every, 0))
        if (now := self._now()) - since < self._every:
            self._seen[key] = since, held_back + 1
            return False
        if len(self._seen) > 1000:  # noqa: PLR2004  a bound on messages that are never the same twice
            self._seen.clear()
        self._seen[key] = now, 0
        if held_back:
            record.msg, record.args = f"{record.getMessage()} ({held_back} more like it held back)", ()
        return True


class HoldBack(logging.Filter):
    """Holds a message back until it has been repeated for `patience` seconds: what is retried at once is no error.

    A new cluster has no coordinator for the first second; a client asks again and says so as an error each time.

    Args:
        template: the beginning of the message.
        patience: seconds from the first of a row of messages on.
        gap: seconds without one, after which a new row begins.
    """

    def __init__(
        self, template: str, patience: float = 10.0, gap: float = 5.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._template = template
        self._patience = patience
        self._gap = gap
        self._now = now
        self._first = self._last = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith(self._template):
            return True
        now = self._now()
        if now - self._last > self._gap:
            self._first = now
        self._last = now
        return now - self._first >= self._patience


def quieten(library: str = "aiokafka", every: float = 30.0) -> None:
    """Limit the loggers of a library that is already imported.

    A filter on a parent logger does not see what its children log, so each one gets it.
    """
    limit, retried = RateLimit(every), HoldBack("Group Coordinator Request failed")
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] == library:
            logging.getLogger(name).addFilter(retried)
            logging.getLogger(name).addFilter(limit)
