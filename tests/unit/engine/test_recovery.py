"""Where recovery begins and ends; on a real Kafka: tests/component/engine/test_recovery.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiokafka import TopicPartition

from streams.engine import MemoryStore
from streams.engine.recovery import OldEndError, replay
from tests.memory_driver import MemoryBroker, MemoryConsumer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHANGELOG = TopicPartition("changelog", 0)


class FormerLeader(MemoryConsumer):
    """Reads from a broker that has lost the leadership, and still answers with the end that it knew."""

    def __init__(self, broker: MemoryBroker, end: int) -> None:
        super().__init__(broker)
        self._end = end

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(partitions, self._end)


def a_changelog(count: int) -> MemoryBroker:
    broker = MemoryBroker(1)
    for n in range(count):
        broker.append(CHANGELOG, b"k%d" % n, b"v")
    return broker


async def test_recovery_reads_to_the_end_behind_the_claim() -> None:
    store = MemoryStore(0)
    assert await replay(MemoryConsumer(a_changelog(5)), CHANGELOG, store, 5, 1, lambda _: None) == 5
    assert (store.offset, len(store)) == (5, 5)


@pytest.mark.parametrize("kept", [0, 4], ids=["empty store", "store that is ahead of the old end"])
async def test_an_end_before_the_claim_is_not_taken_for_the_end_and_the_store_stays_as_it_is(kept: int) -> None:
    broker, store = a_changelog(5), MemoryStore(0)
    if kept:
        store.apply({b"k%d" % n: b"v" for n in range(kept)}, kept)
    with pytest.raises(OldEndError, match=r"ends at 3, but was claimed at 4"):
        await replay(FormerLeader(broker, 3), CHANGELOG, store, 5, 1, lambda _: None)
    assert (store.offset, len(store)) == (kept, kept)
