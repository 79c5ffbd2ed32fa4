"""What one chunk is counted as."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from schemas.topics import INPUTS
from streams.domain.decisions import Recycle
from streams.domain.facts import Created
from streams.domain.state import UnknownFormat
from streams.engine import Item
from tests.builders import T0, a_contact, a_created, a_reply, a_win
from tests.fakes import FakeChunk, a_fetched_record

from .loop_harness import ALL_CLOCKS, NO_CLOCK, LoopHarness, a_record, complete

if TYPE_CHECKING:
    from streams.agents.inbound import Value


def test_the_stats_count_what_one_chunk_did() -> None:
    harness, created = LoopHarness(ALL_CLOCKS), a_created("ada")
    harness.chunk(created, created, a_contact("ada", T0 + 10), a_win("bob", T0 + 12), complete(T0 + 50))
    stats = harness.stats
    assert stats.facts == {"created": 1, "contacted": 1, "closed": 1}
    assert (stats.repeats, stats.late, stats.rerouted) == (1, 0, 0)
    assert stats.stalls == {"no_follow_up": 1}
    assert stats.decisions() == {(Recycle, "no_follow_up"): 1}
    assert stats.first_contacts == {"webinar": [0.01]}
    assert stats.detection_delays == [0.01]


def test_the_stats_begin_at_zero_with_each_chunk() -> None:
    harness = LoopHarness()
    harness.chunk(a_created("ada"))
    harness.chunk(a_created("bob"))
    assert harness.stats.facts == {"created": 1}


def test_an_own_record_read_back_does_not_count_as_a_duplicate() -> None:
    harness = LoopHarness()
    first = harness.chunk(a_created("ada"), a_reply("ada", T0 + 40))
    own = [a_fetched_record(one.topic, one.key, one.value) for one in first.sent if one.topic in INPUTS]
    assert len(own) == 3
    harness.raw(*own)
    assert (harness.stats.repeats, harness.stats.facts) == (0, {})


def test_a_fact_older_than_the_history_counts_as_late() -> None:
    harness = LoopHarness(NO_CLOCK)
    harness.chunk(a_created("ada"), *(a_contact("ada", T0 + 100 + n) for n in range(100)))
    harness.chunk(a_contact("ada", T0 + 1))
    assert (harness.stats.late, harness.stats.facts) == (1, {})


def test_in_live_operation_the_delay_of_a_stall_is_by_the_wall_clock() -> None:
    harness = LoopHarness(is_live=True)
    harness.chunk(a_created("ada"))
    harness.wall_at = T0 + 5_030
    harness.chunk(complete_until=T0 + 5_020)
    assert harness.stats.detection_delays == [5.0]


def test_an_exception_in_the_loop_names_the_current_record() -> None:
    harness = LoopHarness()
    harness.store.apply({b"bob": b"written by another version"}, 0)
    items: list[Item[Value]] = [
        Item(T0, Created(T0, name), a_record(a_created(name))) for name in ("ada", "bob", "eve")
    ]
    chunk = FakeChunk(items, harness.store)
    with pytest.raises(UnknownFormat):
        asyncio.run(harness.loop.run(chunk))
    assert chunk.current is items[1]
