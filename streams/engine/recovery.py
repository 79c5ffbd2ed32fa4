"""Recovery: the local store brought to the end of its changelog."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiokafka.structs import TopicPartition

    from .driver import ChangelogReader
    from .store import Store

Progress = Callable[[int], None]


class OldEndError(RuntimeError):
    """The broker that was asked for the end of the changelog does not have the claim yet. Ask another one."""


async def replay(
    reader: ChangelogReader, tp: TopicPartition, store: Store, claimed: int, patience: float, remaining: Progress
) -> int:
    """Apply what the store lacks; returns the number of records read.

    The end test is the reader's *position*, not a record's offset: compaction and deletion leave
    gaps, and the last record before the end may be missing. `remaining` is called with the number of offsets left.
    The end is at least `claimed`, the offset behind the claim of this owner.

    Raises:
        OldEndError: the broker knows only an earlier end; the store is as it was.
        TimeoutError: no progress within `patience` seconds.
    """
    position, end = await _span(reader, tp, store, claimed)
    count, moved = 0, time.monotonic()
    while position < end:
        remaining(end - position)
        count += await _apply_some(reader, tp, store)
        if (now := await reader.position(tp)) > position:
            position, moved = now, time.monotonic()
        elif time.monotonic() - moved > patience:
            raise TimeoutError(f"recovery of {tp} makes no progress at {position} of {end}")
    store.offset = max(store.offset, end)
    return count


async def _span(reader: ChangelogReader, tp: TopicPartition, store: Store, claimed: int) -> tuple[int, int]:
    """Where to start reading and where the changelog ends; wipes a store that fits neither."""
    reader.assign([tp])
    begin = (await reader.beginning_offsets([tp]))[tp]
    end = (await reader.end_offsets([tp]))[tp]
    if end < claimed:  # a former leader that is cut off from its cluster still answers
        raise OldEndError(f"{tp} ends at {end}, but was claimed at {claimed - 1}: the broker is no longer its leader")
    if not begin <= store.offset <= end:
        store.wipe()  # too old (its next records were deleted), or it belongs to another topic
    position = max(store.offset, begin)
    reader.seek(tp, position)
    return position, end


async def _apply_some(reader: ChangelogReader, tp: TopicPartition, store: Store) -> int:
    records = (await reader.getmany(tp, timeout_ms=200, max_records=10_000)).get(tp, ())
    if records:
        store.apply({record.key or b"": record.value for record in records}, records[-1].offset + 1)
        await asyncio.sleep(0)  # the group's heartbeats share this loop
    return len(records)
