"""A line in the log for each request: method, route, status, duration and source; never a path, a body or a key."""

import logging
from contextvars import ContextVar

from streams.runtime.logs import FrequentLines

_LOG = logging.getLogger("leadloop.access")
_LINES = FrequentLines(_LOG)
_LONGEST_METHOD = 12


class Caller:
    """Who sent a request: `source` of its key, once that is known."""

    __slots__ = ("source",)

    def __init__(self) -> None:
        self.source = ""


_CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)


def begin_request() -> Caller:
    """A request begins: what `note_source` says from now on is about it."""
    caller = Caller()
    _CALLER.set(caller)
    return caller


def note_source(name: str) -> None:
    """The request that is being answered has the key of this source."""
    caller = _CALLER.get()
    if caller is not None:
        caller.source = name


def log_request(
    method: str, route: str, status: int, seconds: float, source: str, traceparent: bytes | None, *, is_probe: bool
) -> None:
    """Log one request that was answered. `route`: its template. Probes are logged at debug."""
    level = logging.DEBUG if is_probe else logging.INFO
    if not _LOG.isEnabledFor(level):
        return
    trace = traceparent[3:35].decode("ascii", "replace") if traceparent else ""
    about = {"method": method[:_LONGEST_METHOD], "route": route, "status": status, "ms": round(seconds * 1000, 1)}
    _LINES.add(level, "request", {**about, "source": source, "trace_id": trace})
