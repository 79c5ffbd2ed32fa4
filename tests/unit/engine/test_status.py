"""What a worker reports about itself: readiness and lag."""

from __future__ import annotations

import time
from typing import Any

import pytest

from streams.engine import NOT_STARTED, PartitionStatus, Status


def a_partition(**overrides: Any) -> PartitionStatus:
    now = int(time.time() * 1000)
    fields = {"number": 0, "is_ready": True, "remaining": 0, "positions": {}, "ends": {}, "keys": 0}
    return PartitionStatus(**{**fields, "moved_at": now, "chunk_at": now, **overrides})


def a_status(*partitions: PartitionStatus, is_member: bool = True) -> Status:
    return Status(is_assigned=True, is_member=is_member, partitions=partitions)


def test_a_worker_that_has_not_started_is_not_ready() -> None:
    assert not NOT_STARTED.is_ready()


def test_a_worker_is_ready_when_its_partitions_are_assigned_recovered_and_processing() -> None:
    assert a_status(a_partition(), a_partition(number=1)).is_ready()


def test_a_member_without_a_partition_is_a_ready_stand_by() -> None:
    assert a_status().is_ready()


@pytest.mark.parametrize(
    "status",
    [
        Status(is_assigned=False, is_member=True),
        a_status(a_partition(), a_partition(is_ready=False, remaining=9)),
        a_status(a_partition(moved_at=int(time.time() * 1000) - 60_000)),
        a_status(a_partition(), is_member=False),
    ],
    ids=["rebalancing", "recovering", "stuck", "cut off"],
)
def test_a_worker_with_a_partition_in_any_other_state_is_not_ready(status: Status) -> None:
    assert not status.is_ready()


def test_lag_is_the_number_of_known_and_unprocessed_records() -> None:
    partition = a_partition(positions={"a": 3, "b": 9}, ends={"a": 10, "b": 8})
    assert [partition.lag(topic) for topic in ("a", "b", "c")] == [7, 0, 0]
