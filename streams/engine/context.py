"""Context: what the partitions of one job share in a worker; a driver makes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from .job import V

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from .chunk import Chunk
    from .driver import ChangelogReader, GroupMember
    from .failure import Fail
    from .offsets import Offsets
    from .sink import Sink


@dataclass(frozen=True)
class JobContext(Generic[V]):
    """Connections of the worker, and how a chunk gets to the job's agent.

    Attributes:
        member: fetches the inputs.
        open_reader: opens a consumer outside the group, for recovery.
        sink: writes outputs and changelog.
        offsets: positions to commit, and the lease.
        fail: ends the process.
        wait_for_flow: returns when a new assignment may begin to feed chunks.
        may_flow: False from the moment at which partitions are being revoked.
        hand_over: gives a chunk to an agent; returns before the agent is done.
        deadline: seconds that a chunk, or recovery, may take without progress; then the process ends.
    """

    member: GroupMember
    open_reader: Callable[[], AbstractAsyncContextManager[ChangelogReader]]
    sink: Sink
    offsets: Offsets
    fail: Fail
    wait_for_flow: Callable[[], Awaitable[object]]
    may_flow: Callable[[], bool]
    hand_over: Callable[[Chunk[V]], Awaitable[object]]
    deadline: float
