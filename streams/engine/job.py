"""Job: what one agent does with its inputs, as a value; it knows neither Kafka nor a driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable

    from .chunk import Chunk
    from .fetched_records import FetchedRecord
    from .store import Store

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class RecoveredPartition:
    """A partition whose state is complete and whose input does not flow yet.

    Attributes:
        number: the partition number, the same in every input topic.
        store: its local state.
        partitions_of: how many partitions an input or output topic has.
    """

    number: int
    store: Store
    partitions_of: Callable[[str], int]


async def nothing_to_build(recovered: RecoveredPartition) -> int:
    """Use as `on_recovered` for a job that keeps nothing in memory: event time starts at 0."""
    del recovered
    return 0


async def nothing_to_drop(number: int) -> None:
    """Use as `on_revoked` for a job that keeps nothing in memory."""
    del number


def never_skip(number: int, complete_until: int) -> bool:
    """Use as `may_skip_tick` for a job that works in every tick."""
    del number, complete_until
    return False


@dataclass(frozen=True, kw_only=True)
class Job(Generic[V]):
    """One agent with its inputs, state and hooks. A worker may run several: they share nothing but topics.

    Attributes:
        name: of the agent, as logs and the framework show it.
        inputs: topics that are merged by event time; equal times are taken in this order.
        outputs: every topic that chunks send to.
        changelog: topic of the state, compacted, delete.retention.ms of days.
        partitions: of every input and of the changelog.
        store: makes the local store of a partition number.
        decode: called once per fetched record, before the merge; returns (event time in epoch ms, value).
            It must not raise: for a record that is to be dead-lettered, undecodable or too far in the future, it
            returns time 0 (take it at once), since such a head would hold up its topic.
        agent: works chunk by chunk; four run at the same time, each on chunks of different partitions.
        on_recovered: called when the state of a partition is complete, before its first chunk. Returns the event
            time (epoch ms) at which the bound of `bounded_by` starts.
        on_revoked: called after the last chunk of a partition.
        may_skip_tick: called with a partition number and its `complete_until` before each tick; True if a chunk
            without records would have nothing to do.
        bounded_by: an input whose event times promise "everything up to here has been published"; nothing later
            than the newest of them is taken, and the wall clock never counts.
        tick: seconds between chunks without records.
        max_records: of a chunk.
    """

    name: str
    inputs: tuple[str, ...]
    changelog: str
    partitions: int
    store: Callable[[int], Store]
    decode: Callable[[FetchedRecord], tuple[int, V]]
    agent: Callable[[AsyncIterable[Chunk[V]]], Awaitable[None]]
    outputs: tuple[str, ...] = ()
    on_recovered: Callable[[RecoveredPartition], Awaitable[int]] = nothing_to_build
    on_revoked: Callable[[int], Awaitable[None]] = nothing_to_drop
    may_skip_tick: Callable[[int, int], bool] = never_skip
    bounded_by: str | None = None
    tick: float = 1.0
    max_records: int = 5000
