"""Crash points of `leadloop project`: the process ends at the nth time a named step is reached.

Named by what is asked of Redis and Kafka, before and after each: `python -m tests.component.projection POINT:NTH`.
With `note:PATH` nothing ends, and PATH holds a line for every command that Redis was sent on its own.
"""

import os
from pathlib import Path
from typing import Any

from workers.projection import log, store

EXIT = 77
_CALLS = {
    "begin": (store.ModelStore, "begin"),
    "read": (store.ModelStore, "positions"),
    "try": (store.ModelStore, "_try"),
    "fresh": (store.ModelStore, "write_freshness"),
    "flip": (store.ModelStore, "flip"),
    "sweep": (store.ModelStore, "sweep"),
    "commit": (log.Log, "commit"),
    "seek": (log.Log, "seek"),
}
SWEPT = ("del", "unlink", "zrem")
"""How a generation goes that is read no longer: passed where there is one."""
WRITES = ("incrby", "exec", *SWEPT)
"""All by which project ever writes to Redis; what a transaction holds is written by its EXEC."""
POINTS = (
    *(
        f"{side}_{call}:{1 if call in {'begin', 'read', 'flip', 'seek'} else 3}"
        for call in _CALLS
        for side in ("before", "after")
    ),
    *(f"{side}_{command}:1" for command in WRITES for side in ("before", "after")),
    "before_exec:4",
    "after_exec:4",
    "after_watch:4",
)


class Fuse:
    """Ends the process when its point is reached for the nth time."""

    def __init__(self, spec: str) -> None:
        self._point, count = spec.split(":")
        self._left = int(count)

    def reached(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                os._exit(EXIT)


class Note:
    """Keeps what was passed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: set[str] = set()

    def reached(self, point: str) -> None:
        if point not in self._seen:
            self._seen.add(point)
            with self._path.open("a", encoding="ascii") as file:
                file.write(f"{point}\n")


def install(spec: str) -> None:
    """Arm one point, by wrapping what asks Redis and Kafka; `spec` is point:nth, note:PATH, or empty."""
    if not spec:
        return
    passed: Fuse | Note = Note(Path(spec.removeprefix("note:"))) if spec.startswith("note:") else Fuse(spec)
    for call, (owner, name) in _CALLS.items():
        _wrap(owner, name, call, passed)
    from redis.client import Pipeline, Redis  # noqa: PLC0415

    _wrap(Pipeline, "execute", "exec", passed)
    _wrap(Pipeline, "watch", "watch", passed)
    for owner, name in ((Redis, "execute_command"), (Pipeline, "immediate_execute_command")):
        _wrap(owner, name, "", passed)


def _wrap(owner: Any, name: str, call: str, passed: Fuse | Note) -> None:
    """An empty `call` is named by the command that is sent."""
    original = getattr(owner, name)

    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        what = call or str(args[0]).lower()
        passed.reached(f"before_{what}")
        done = original(self, *args, **kwargs)
        passed.reached(f"after_{what}")
        return done

    setattr(owner, name, wrapped)
